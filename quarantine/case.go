package quarantine

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// Case is a subscriber's file: why it should be restricted, how, until when,
// and how each of its sessions stands. A subscriber has at most one open case.
type Case struct {
	ID         string    `json:"id"`
	Subscriber string    `json:"subscriber"`
	State      CaseState `json:"state"`
	Profile    string    `json:"profile"`
	Mode       Mode      `json:"mode"`
	Rule       string    `json:"rule,omitempty"` // empty: a person's decision
	Reason     string    `json:"reason"`
	Source     string    `json:"source"`
	OpenedAt   time.Time `json:"opened_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	ClosedAt   time.Time `json:"closed_at,omitzero"`
	// ReleasedAt is when the case last began to restore what its sessions should
	// have; zero if it wants them restricted.
	ReleasedAt time.Time `json:"released_at,omitzero"`
	Generation uint64    `json:"generation"` // rises when what is wanted changes
	Version    uint64    `json:"version"`    // rises with every write
	// Stamp names the write: a store that went back counts the same versions again, and a
	// case of another history than the writer's is none that he has read.
	Stamp   string         `json:"stamp,omitempty"`
	Hold    *Hold          `json:"hold,omitempty"`
	Release *PersonRelease `json:"release,omitempty"`
	Cleared bool           `json:"cleared,omitempty"` // a person decided that it acts
	// AllSessions: a person who knew that they are more than MaxSessions decided
	// that it acts on all of the subscriber's lines.
	AllSessions bool `json:"all_sessions,omitempty"`
	// Counted is how many lines on each BNG the limits have counted the case as; none
	// if nobody was on line then, which counted as one.
	Counted  map[string]int       `json:"counted,omitempty"`
	Sessions []SessionEnforcement `json:"sessions,omitempty"`
	Verdicts []CaseVerdict        `json:"verdicts,omitempty"`
	Notes    []Note               `json:"notes,omitempty"`
	History  []HistoryEntry       `json:"history,omitempty"`
	// OtherDemands are demands beside the one in force, the severest first: milder ones,
	// which go on when it ends, and held ones, which wait for a person.
	OtherDemands []Demand `json:"others,omitempty"`
	// SteppedAt is when the time of a more severe profile was over and the one that
	// is wanted now went on; zero: that never was.
	SteppedAt time.Time `json:"stepped_at,omitzero"`
	// JudgedAt is when a person decided about the case's evidence: what was observed
	// up to then acts no more.
	JudgedAt time.Time `json:"judged_at,omitzero"`
	// Tallies are what was counted for rules that ask for more than one verdict.
	Tallies []Tally `json:"tallies,omitempty"`
	// Relogins are the latest times at which a further session was restricted while
	// the case stood: what it is paced by.
	Relogins []time.Time `json:"relogins,omitempty"`
	// GivenUp is when a person gave up what the case was still to restore: sessions
	// that may have begun restricted at a log-in answered before are not waited for.
	GivenUp time.Time `json:"given_up,omitzero"`
	// LogIns are the answers of the last days to log-ins of the subscriber, oldest
	// first. Filled in with a Dossier, never saved with the case.
	LogIns []LogInAnswer `json:"-"`
	// Answered counts them; a write that would close the case fails with
	// ErrConflict if there are more by then.
	Answered uint64 `json:"-"`
}

// SessionEnforcement is how one session stands, relative to what is wanted now.
type SessionEnforcement struct {
	Session     Session     `json:"session"` // as last read: what is needed to undo, even without Redis
	Wanted      string      `json:"wanted"`  // profile; "" = what the subscriber should have
	Enforcement Enforcement `json:"enforcement"`
	ErrorCause  uint32      `json:"error_cause,omitempty"`
	Reason      string      `json:"reason,omitempty"`
	Attempts    int         `json:"attempts"`
	UpdatedAt   time.Time   `json:"updated_at"`

	Applied    []AppliedProfile `json:"applied,omitempty"`     // profiles that are or may be in force, newest last
	Confirmed  bool             `json:"confirmed,omitempty"`   // the newest of Applied was acked
	Residue    string           `json:"residue,omitempty"`     // see Outcome.Residue
	Doubtful   bool             `json:"doubtful,omitempty"`    // a late duplicate of a restriction may still arrive
	InFlight   bool             `json:"in_flight,omitempty"`   // an order was handed out and not observed yet
	Deferrals  int              `json:"kept_back,omitempty"`   // times in a row that an order could not leave
	DeferredBy Check            `json:"deferred_by,omitempty"` // the check that defers, or that an exemption is against it; empty: none
	Given      []AppliedProfile `json:"given,omitempty"`       // what was taken away last, as the BNG acknowledged
	AssertAt   time.Time        `json:"assert_at,omitzero"`    // when the release of Given is sent once more
	NextAt     time.Time        `json:"next_at,omitzero"`      // when to try again
	Paced      bool             `json:"paced,omitempty"`       // a log-in while the case stood, not restricted yet
	Exempt     string           `json:"exempt,omitempty"`      // why nothing is wanted here; see Snapshot.Exempt
	NotBefore  time.Time        `json:"not_before,omitzero"`   // deferred until then, or until Resume
	Left       []AppliedProfile `json:"left,omitempty"`        // of one that is gone: see inherits
	GoneSince  time.Time        `json:"gone_since,omitzero"`   // first of a row of "session not found" answers
	// Known is, by journal, the newest entry about the session that this was written in
	// knowledge of; see Order.Mark. Shared by copies: replaced, never changed.
	Known map[string]uint64 `json:"known,omitempty"`

	ChangedAt    time.Time    `json:"changed_at,omitzero"` // when the BNG acknowledged what is, or is no more, in force
	Verification Verification `json:"proof,omitempty"`     // how that can be verified
	VerifyAt     time.Time    `json:"prove_at,omitzero"`   // when to verify it
	VerifyTries  int          `json:"asks,omitempty"`      // verifications without a result
}

// CaseVerdict is one piece of a case's evidence.
type CaseVerdict struct {
	ID         string    `json:"id"`
	Source     string    `json:"source"`
	Category   string    `json:"category"`
	Confidence *float64  `json:"confidence,omitempty"`
	ObservedAt time.Time `json:"observed_at"`
	Rule       string    `json:"rule,omitempty"` // that it matched: only its threshold counts it
}

// Note is a person's remark.
type Note struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	Text string    `json:"text"`
}

// HistoryEntry is one step of a case's life.
type HistoryEntry struct {
	At    time.Time `json:"at"`
	State CaseState `json:"state"`
	By    string    `json:"by,omitempty"` // empty: Cordon itself
	Text  string    `json:"text"`
}

// ReleaseCode says why a person released a case.
type ReleaseCode string

// The release codes.
const (
	ReleaseCleaned       ReleaseCode = "cleaned"
	ReleaseFalsePositive ReleaseCode = "false_positive"
	ReleaseWrongLine     ReleaseCode = "wrong_line"
	ReleaseOther         ReleaseCode = "other"
)

// Valid reports whether the code is one of the four.
func (c ReleaseCode) Valid() bool {
	return slices.Contains([]ReleaseCode{ReleaseCleaned, ReleaseFalsePositive, ReleaseWrongLine, ReleaseOther}, c)
}

// PersonRelease is a person's decision to end a case. Evidence observed before
// it does not open another.
type PersonRelease struct {
	Case   string      `json:"case"`
	At     time.Time   `json:"at"`
	By     string      `json:"by"`
	Reason string      `json:"reason"`
	Code   ReleaseCode `json:"code,omitempty"`
}

// How much of a case is kept for people to see; older entries give way. What
// thresholds count is in Tallies, and the journal has all of it.
const (
	maxCaseVerdicts = 50
	maxCaseHistory  = 100
	maxCaseNotes    = 100
	maxGoneSessions = 4
)

// Open reports whether the case is not closed.
func (c *Case) Open() bool { return c.State != Closed }

// Ends is when what the case has in force is to end: at the expiry of the profile
// that is wanted, or, while a more severe one may be left somewhere, of that; or, where
// it is being restored, when that began.
func (c *Case) Ends() time.Time {
	end := earliest(c.ExpiresAt, c.ReleasedAt)
	if slices.ContainsFunc(c.Sessions, func(e SessionEnforcement) bool { return c.lapsed(&e) }) {
		return earliest(end, c.SteppedAt)
	}
	return end
}

// HasVerdict reports whether the verdict is already evidence of the case.
func (c *Case) HasVerdict(id string) bool {
	digest := digestOf(id)
	return slices.ContainsFunc(c.Verdicts, func(v CaseVerdict) bool { return v.ID == id }) ||
		slices.ContainsFunc(c.Tallies, func(t Tally) bool { return t.has(digest) })
}

// Clone returns a copy that shares nothing that methods change.
func (c *Case) Clone() *Case {
	twin := *c
	twin.Sessions = slices.Clone(c.Sessions)
	for i := range twin.Sessions {
		twin.Sessions[i].Applied = slices.Clone(c.Sessions[i].Applied)
		twin.Sessions[i].Given = slices.Clone(c.Sessions[i].Given)
	}
	twin.Verdicts = slices.Clone(c.Verdicts)
	twin.Notes = slices.Clone(c.Notes)
	twin.History = slices.Clone(c.History)
	twin.Relogins = slices.Clone(c.Relogins)
	twin.OtherDemands = slices.Clone(c.OtherDemands)
	twin.Tallies = slices.Clone(c.Tallies)
	twin.LogIns = slices.Clone(c.LogIns)
	twin.Counted = maps.Clone(c.Counted)
	return &twin
}

// move takes the case along one edge of [Transitions]. An edge that is not in
// the table is a defect of this package, not of any input.
func (c *Case) move(next CaseState, now time.Time, by, text string) {
	if c.State != "" && c.State != next && !c.State.CanBecome(next) {
		panic("quarantine: no transition from " + string(c.State) + " to " + string(next))
	}
	c.State = next
	switch {
	case next == Closed:
		c.ClosedAt = now
	case next == Releasing:
		c.ReleasedAt = now
	case next.Wants():
		c.ReleasedAt = time.Time{}
	}
	c.record(now, by, text)
}

func (c *Case) record(now time.Time, by, text string) {
	c.History = keepLast(append(c.History, HistoryEntry{At: now, State: c.State, By: by, Text: text}), maxCaseHistory)
}

func (c *Case) join(v *Verdict, rule *Rule) {
	one := CaseVerdict{ID: v.ID, Source: v.Source, Category: v.Category, Confidence: v.Confidence, ObservedAt: v.ObservedAt, Rule: rule.Name}
	if !rule.Threshold.single() {
		c.tallyOf(rule).count(&one, &rule.Threshold)
	}
	c.Verdicts = keepLast(append(c.Verdicts, one), maxCaseVerdicts)
}

func keepLast[T any](list []T, n int) []T {
	if len(list) <= n {
		return list
	}
	return slices.Clone(list[len(list)-n:])
}

// Errors of the case ports.
var (
	ErrNoCase    = errors.New("no such case")
	ErrConflict  = errors.New("the case was changed by someone else; read it again")
	ErrNotSender = errors.New("another instance is the sender now")
)

// ReleasedAt is when a person released the subscriber last; zero: never, as far as
// anybody remembers.
func (d *Dossier) ReleasedAt() time.Time {
	if d.Released == nil {
		return time.Time{}
	}
	return d.Released.At
}

// Dossier is what is on file about a subscriber.
type Dossier struct {
	Case     *Case          // the open case, nil if none
	Released *PersonRelease // the last release by a person, nil if none in memory
}

// CaseFilter selects cases; empty fields ask for nothing. Open cases come
// first when State is empty, newest first.
type CaseFilter struct {
	State      CaseState // CaseHeld: and those of which something is held, see [Case.Rise]
	Profile    string
	BNG        string
	Subscriber string
	Source     string
	Rule       string
	Limit      int    // 1..1000
	Cursor     string // from the page before
}

// Selects reports whether the case is one that f asks for; paging apart.
func (f *CaseFilter) Selects(c *Case) bool {
	asked := func(want, has string) bool { return want == "" || want == has }
	held := f.State == CaseHeld && c.Rise() != nil
	return (held || asked(string(f.State), string(c.State))) && asked(f.Profile, c.Profile) && asked(f.Subscriber, c.Subscriber) &&
		asked(f.Source, c.Source) && asked(f.Rule, c.Rule) &&
		(f.BNG == "" || slices.ContainsFunc(c.Sessions, func(e SessionEnforcement) bool { return e.Session.On(f.BNG) }))
}

// CasePage is one page of cases and the cursor of the next ("" = last).
type CasePage struct {
	Cases   []Case
	Next    string
	Damaged []string // where the store has what is no case; passed over, whatever the filter
}

// CasesAtOnce is how many cases are read by id at the same time: a few hundred
// kilobytes, which Redis answers within milliseconds.
const CasesAtOnce = 200

// CaseReader reads cases.
type CaseReader interface {
	// Dossier returns what is on file about a subscriber; an empty one is no error.
	Dossier(ctx context.Context, subscriber string) (Dossier, error)
	// Case returns one case, or ErrNoCase. Here as in Dossier one that this version
	// cannot read is an ErrUnreadableCase; lists leave it out.
	Case(ctx context.Context, id string) (*Case, error)
	// CasesByID reads up to CasesAtOnce cases in one round trip. A case that is not
	// there is not in the answer; one that is there and cannot be read is in it as
	// nil, so that it keeps nobody from the others. An error means that the store
	// could not be asked; there is no answer then.
	CasesByID(ctx context.Context, ids []string) (map[string]*Case, error)
	// Cases lists cases; a cursor it did not hand out is a *FieldError.
	Cases(ctx context.Context, f CaseFilter) (CasePage, error)
}

// CaseWrite is one atomic change of the control state.
type CaseWrite struct {
	// Case as it shall be; its Version and Stamp are those it was read at (0 = new). On
	// success the writer changes both.
	Case *Case
	// DueAt is when the reconciler shall work it, at the latest: a write never
	// puts an earlier time off. Zero when Closed.
	DueAt time.Time
	// Reserve counts a new restriction; a full limit refuses the whole write.
	Reserve *Reservation
	// Verdict is saved with the case.
	Verdict *VerdictStatus
	// Released is when a person released the subscriber last, as far as the writer of a
	// Verdict knew; zero: never. One who did so since has judged that evidence perhaps.
	Released time.Time
	// Term is the writer's sender term; 0 makes no claim to be the sender.
	Term uint64
	// Now is the writer's time, which limits are counted at.
	Now time.Time
}

// CaseWriter writes cases.
type CaseWriter interface {
	// SaveCase writes everything or nothing. Errors: ErrConflict (Version or Stamp is
	// another, the subscriber has another open case, a case to be closed has
	// answered a log-in meanwhile, a person released the subscriber after w.Released and
	// w has a Verdict, or the verdict that is decided with it was decided before),
	// *LimitError, ErrNotSender.
	SaveCase(ctx context.Context, w CaseWrite) error
}

// Lane separates releases from everything else, so that they go first.
type Lane uint8

// The lanes of due work.
const (
	LaneRelease  Lane = iota // cases that only restore
	LaneRestrict             // all other open cases
)

// Lane is where the case's due work waits.
func (c *Case) Lane() Lane {
	if c.givesBack() {
		return LaneRelease
	}
	return LaneRestrict
}

// givesBack reports whether the case gives sessions back what they should have, and
// restricts none. One that was reopened goes on with it while it is held or observing.
func (c *Case) givesBack() bool {
	return c.State == Releasing || !c.ReleasedAt.IsZero() && (c.State == CaseHeld || c.State == Observing)
}
