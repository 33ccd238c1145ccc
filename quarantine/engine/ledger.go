package engine

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"cordon/quarantine"
)

// ledger is the index of this host's log: what it tells that is not over yet.
// It is rebuilt by replay and kept up as entries are appended.
type ledger struct {
	names       quarantine.BNGNames
	journal     string                   // whose it is; see quarantine.Owed
	recent      *recent                  // what the store may lose yet
	mu          sync.Mutex               // guards what follows
	last        uint64                   // the highest Mark so far
	accepted    map[verdictKey]uint32    // when, in seconds of the epoch; for as long as ids are remembered
	arriving    map[string]chan struct{} // being made durable right now
	unsettled   map[string]quarantine.Verdict
	commands    map[string]command
	inHand      map[string]bool                   // commands that their giver's call is applying
	knew        map[string]bool                   // commands about a case that owed something here when they, or one that waits, was given
	outstanding map[string]map[string]outstanding // by case, then by session identity
	undone      map[string]undone                 // released without a case that asked for it; by identity
	ends        timetable                         // when what is outstanding is over
	serial      uint64                            // of the last change to what is outstanding, or undone
}

// outstanding is a restriction that is, or may be, in force because of what
// this host sent.
type outstanding struct {
	Case      string
	Mark      uint64 // of the newest entry about it
	ExpiresAt time.Time
	Session   quarantine.Session
	Applied   []quarantine.AppliedProfile
	Doubtful  bool      // a late duplicate of the restriction may still arrive
	AssertAt  time.Time // the release was confirmed; when to send it once more
	lost      bool      // the store no longer has the case, or it was closed without knowing of this
	closed    bool      // the latter
	open      bool      // the journal does not have the outcome
	serial    uint64    // of the last change by an entry of the journal
}

// undone is a release that no case asked for.
type undone struct {
	order  quarantine.Order
	serial uint64
}

func newLedger(journal string, names quarantine.BNGNames) *ledger {
	return &ledger{
		names: names, journal: journal, recent: newRecent(),
		accepted: map[verdictKey]uint32{}, arriving: map[string]chan struct{}{}, unsettled: map[string]quarantine.Verdict{},
		commands: map[string]command{}, inHand: map[string]bool{}, knew: map[string]bool{}, outstanding: map[string]map[string]outstanding{},
		undone: map[string]undone{}, ends: newTimetable(),
	}
}

// verdictKey is what is remembered of a verdict's id. A source may send 100,000 an
// hour for days: 16 octets for each, instead of some 50 for the text.
type verdictKey [16]byte

func keyOfVerdict(id string) verdictKey {
	digest := sha256.Sum256([]byte(id))
	return verdictKey(digest[:16])
}

// identity tells sessions apart that share a key over time.
func identity(s *quarantine.Session) string {
	return s.SessionKey.String() + "@" + s.StartedAt.UTC().Format(time.RFC3339)
}

// replay takes one entry of the log in, in order.
func (l *ledger) replay(entry quarantine.JournalEntry, at time.Time) error {
	var err error
	switch entry.Kind {
	case logAccepted:
		var v quarantine.Verdict
		if err = json.Unmarshal(entry.Body, &v); err == nil {
			l.accept(v)
		}
	case logSettled:
		var s settlement
		if err = json.Unmarshal(entry.Body, &s); err == nil {
			l.decided(entry.Key, s.Case, at)
		}
	case logCommand:
		var c command
		if err = json.Unmarshal(entry.Body, &c); err == nil {
			c.rename(&l.names)
			l.command(c)
		}
	case logApplied:
		var a applied
		if err = json.Unmarshal(entry.Body, &a); err == nil {
			l.finish(entry.Key, a, at)
		}
	case logSent:
		var s sent
		if err = json.Unmarshal(entry.Body, &s); err == nil {
			l.names.Rename(&s.Order.Session)
			l.sent(s)
		}
	case logAnswered:
		var a answered
		if err = json.Unmarshal(entry.Body, &a); err == nil {
			l.renamed(a.Order.Case, &a.Order.Session)
			l.answered(a, at)
		}
	case logEnded:
		var e ended
		if err = json.Unmarshal(entry.Body, &e); err == nil {
			l.renamed(entry.Key, &e.Session)
			l.ended(entry.Key, &e.Session)
		}
	case logExpiry:
		var e expiry
		if err = json.Unmarshal(entry.Body, &e); err == nil {
			l.expires(entry.Key, e.ExpiresAt)
		}
	}
	if err != nil {
		return fmt.Errorf("log entry %s %q of %s: %w", EntryKindNames[entry.Kind], entry.Key, at.Format(time.RFC3339), err)
	}
	return nil
}

// renamed gives the session of a replayed entry the name under which it is outstanding:
// its BNG's present one, or the one under which the restriction was sent, should the
// BNG have been renamed in between and the configuration not say so any more.
func (l *ledger) renamed(caseID string, s *quarantine.Session) {
	l.names.Rename(s)
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.outstanding[caseID][identity(s)]; known {
		return
	}
	for _, o := range l.outstanding[caseID] {
		if o.Session.ID == s.ID && o.Session.StartedAt.Equal(s.StartedAt) {
			s.BNG = o.Session.BNG
		}
	}
}

// arrive claims an id for being accepted. It returns a channel to wait on if
// another call is making the same id durable, and known if it is durable.
func (l *ledger) arrive(id string) (wait <-chan struct{}, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.accepted[keyOfVerdict(id)]; ok {
		return nil, true
	}
	if other, ok := l.arriving[id]; ok {
		return other, false
	}
	l.arriving[id] = make(chan struct{})
	return nil, false
}

// arrived ends the claim; the verdict is durable only if accept was called.
func (l *ledger) arrived(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ch, ok := l.arriving[id]; ok {
		close(ch)
		delete(l.arriving, id)
	}
}

func (l *ledger) accept(v quarantine.Verdict) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accepted[keyOfVerdict(v.ID)] = uint32(v.ReceivedAt.Unix())
	v.Evidence = nil // the log has it
	l.unsettled[v.ID] = v
}

// settle notes that a verdict is decided; open: it was not before.
func (l *ledger) settle(id string) (source string, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, open := l.unsettled[id]
	delete(l.unsettled, id)
	return v.Source, open
}

func (l *ledger) verdict(id string) (quarantine.Verdict, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, ok := l.unsettled[id]
	return v, ok
}

func (l *ledger) unsettledVerdicts() []quarantine.Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.unsettled))
}

// forget drops the ids of settled verdicts accepted before t.
func (l *ledger) forget(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	open := make(map[verdictKey]bool, len(l.unsettled))
	for id := range l.unsettled {
		open[keyOfVerdict(id)] = true
	}
	maps.DeleteFunc(l.accepted, func(key verdictKey, at uint32) bool { return !open[key] && int64(at) < t.Unix() })
}

// command takes a durable command in that nobody is applying.
func (l *ledger) command(c command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commands[c.ID] = c
	l.inHand[c.ID] = false
}

// take notes that the call of a command's giver is about to make it durable and to
// apply it.
func (l *ledger) take(id, caseID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inHand[id] = true
	l.knew[id] = caseID != "" && l.knows(caseID)
}

// knows reports whether the case left anything on a BNG, as far as this log knows,
// or had when a command about it was given that waits for the store: what that one ended
// may have been given back from here since. l.mu is held.
func (l *ledger) knows(caseID string) bool {
	if len(l.outstanding[caseID]) > 0 {
		return true
	}
	for id, c := range l.commands {
		if c.Case == caseID && l.knew[id] {
			return true
		}
	}
	return false
}

// knewOf reports whether this log knew, or knows, of a restriction that a command is
// about.
func (l *ledger) knewOf(c *command) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.knew[c.ID] || l.knows(c.Case)
}

// given takes a durable command in that its giver's call has in hand, unless that has
// ended: a journal that hung may write it later.
func (l *ledger) given(c command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inHand[c.ID] {
		l.commands[c.ID] = c
	}
}

// apply notes that a command is done, or will never be.
func (l *ledger) apply(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.commands, id)
	delete(l.inHand, id)
	delete(l.knew, id)
}

// deferred notes that a command waits for the store.
func (l *ledger) deferred(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inHand[id] = false
}

// mayJudge reports whether a person's release waits to be applied, given when what was
// observed at a moment had happened: whom it is about is in its case only.
func (l *ledger) mayJudge(observed time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.commands {
		if c.ends() && !observed.After(c.At) {
			return true
		}
	}
	return false
}

// waiting returns the commands that nobody is applying, oldest first.
func (l *ledger) waiting() []command {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := slices.DeleteFunc(slices.Collect(maps.Values(l.commands)), func(c command) bool { return l.inHand[c.ID] })
	slices.SortFunc(waiting, func(a, b command) int { return a.At.Compare(b.At) })
	return waiting
}

func (l *ledger) sent(s sent) {
	if unasked(&s.Order) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.serial++
		l.undone[identity(&s.Order.Session)] = undone{s.Order, l.serial}
		return
	}
	if !s.Order.Restricts() || s.Undoing || s.Order.To == quarantine.Disconnect {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.undone, identity(&s.Order.Session)) // whoever restricts it knows
	l.seen(s.Order.Mark)
	l.owe(outstanding{
		Case: s.Order.Case, Mark: s.Order.Mark, ExpiresAt: s.ExpiresAt, Session: s.Order.Session,
		Applied:  l.besides(&s.Order),
		Doubtful: true, // until the answer says otherwise
		open:     true,
	})
}

// besides lists what may be in force once the order has left: what it knows of, itself,
// and what is outstanding of the session without its knowledge. l.mu is held.
func (l *ledger) besides(o *quarantine.Order) []quarantine.AppliedProfile {
	known := append(slices.Clone(o.From), o.Restriction())
	before := l.outstanding[o.Case][identity(&o.Session)]
	if !before.AssertAt.IsZero() {
		return known
	}
	unknown := slices.DeleteFunc(slices.Clone(before.Applied), func(a quarantine.AppliedProfile) bool {
		return slices.ContainsFunc(known, func(k quarantine.AppliedProfile) bool { return k.Profile == a.Profile })
	})
	return append(unknown, known...)
}

func (l *ledger) answered(a answered, at time.Time) {
	done := a.Outcome.Kind == quarantine.OutcomeAcked || a.Outcome.Kind == quarantine.OutcomeVerified
	l.mu.Lock()
	defer l.mu.Unlock()
	key := identity(&a.Order.Session)
	o, ok := l.outstanding[a.Order.Case][key]
	l.seen(max(a.Order.Mark, a.Mark))
	o.Mark, o.open = max(o.Mark, a.Mark), false
	switch {
	case a.Order.Check:
		l.contradicted(a, at)
		return
	case !ok || a.Order.UndoesOnly():
		return
	case a.Order.Restricts() && done:
		o.Applied = append(a.Order.Unknown(o.Applied), a.Order.Restriction())
		o.Doubtful = a.Outcome.Doubtful || a.Order.Again
	case a.Order.Restricts():
		if o.Applied = append(a.Order.Unknown(o.Applied), a.Outcome.MayBeInForce(&a.Order)...); len(o.Applied) == 0 {
			l.forgetOutstanding(a.Order.Case, key)
			return
		}
	case done && o.Doubtful:
		o.Doubtful, o.AssertAt = false, at.Add(a.Outcome.AssertAfter())
	case done:
		l.forgetOutstanding(a.Order.Case, key)
		return
	}
	l.owe(o)
}

// contradicted takes back that a release was done, if a look at the network
// shows otherwise. l.mu is held.
func (l *ledger) contradicted(a answered, at time.Time) {
	if a.Outcome.Kind != quarantine.OutcomeRefused || a.Order.To != "" {
		return
	}
	l.owe(outstanding{Case: a.Order.Case, ExpiresAt: at, Session: a.Order.Session, Applied: slices.Clone(a.Order.From), Doubtful: true})
}

// owe enters a restriction, or what is known of it now. l.mu is held.
func (l *ledger) owe(o outstanding) {
	at := place{o.Case, identity(&o.Session)}
	if l.outstanding[o.Case] == nil {
		l.outstanding[o.Case] = map[string]outstanding{}
	}
	before, known := l.outstanding[o.Case][at.session]
	l.serial++
	o.serial = l.serial
	l.outstanding[o.Case][at.session] = o
	if end := o.end(); !end.IsZero() && !(known && before.end().Equal(end)) {
		l.schedule(at, end)
	}
}

func (l *ledger) ended(caseID string, s *quarantine.Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forgetOutstanding(caseID, identity(s))
}

// forgetOutstanding drops one restriction. l.mu is held.
func (l *ledger) forgetOutstanding(caseID, key string) {
	delete(l.outstanding[caseID], key)
	if len(l.outstanding[caseID]) == 0 {
		delete(l.outstanding, caseID)
	}
}

// expires notes when what is outstanding of a case is to end; false if that is
// no news.
func (l *ledger) expires(caseID string, at time.Time) (news bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, o := range l.outstanding[caseID] {
		if !o.ExpiresAt.Equal(at) {
			news, o.ExpiresAt = true, at
			l.outstanding[caseID][key] = o
			l.schedule(place{caseID, key}, o.end())
		}
	}
	return news
}

// ending reports whether a person's release of the case waits to be applied.
func (l *ledger) ending(caseID string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.commands {
		if c.Case == caseID && c.ends() {
			return true
		}
	}
	return false
}

// owes reports whether the case left anything on a BNG, as far as this log
// knows.
func (l *ledger) owes(caseID string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.outstanding[caseID]) > 0
}

// cases lists the cases that have anything outstanding.
func (l *ledger) cases() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.outstanding))
}
