package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"cordon/quarantine"
)

// ledger is the index of this host's journal: everything in it that is unfinished. It is rebuilt
// by replay and updated as entries are appended.
type ledger struct {
	names       quarantine.BNGNames
	journal     string                   // its holder; see quarantine.Owed
	recent      *recentWrites            // writes that the store may still lose
	mu          sync.Mutex               // guards what follows
	lastMark    uint64                   // the highest Mark so far
	accepted    map[verdictKey]uint32    // when, in Unix seconds; for Config.Memory
	arriving    map[string]chan struct{} // being made durable right now
	undecided   map[string]quarantine.Verdict
	commands    map[string]command
	applying    map[string]bool                   // commands that the call which gave them is applying
	knew        map[string]bool                   // commands whose case had something outstanding here when given
	outstanding map[string]map[string]outstanding // by case, then by session identity
	unfinished  map[string]unfinishedRelease      // sent without the case's knowledge; by identity
	ends        timetable                         // when what is outstanding is over
	serial      uint64                            // of the last change to outstanding or unfinished
}

// outstanding is a restriction that is, or may be, in force because of what this host sent.
type outstanding struct {
	Case      string
	Mark      uint64 // of the newest entry about it
	ExpiresAt time.Time
	Session   quarantine.Session
	Applied   []quarantine.AppliedProfile
	Doubtful  bool      // a late duplicate of the restriction may still arrive
	AssertAt  time.Time // the release was acknowledged; when to send it once more
	lost      bool      // the store no longer has the case, or it was closed without knowing of this
	closed    bool      // the latter
	open      bool      // the journal does not have the outcome
	serial    uint64    // of the last change by an entry of the journal
}

// unfinishedRelease is a release that was sent without a case's order, and that its case does not
// know of yet.
type unfinishedRelease struct {
	order  quarantine.Order
	serial uint64
}

func newLedger(journal string, names quarantine.BNGNames) *ledger {
	return &ledger{
		names: names, journal: journal, recent: newRecentWrites(),
		accepted: map[verdictKey]uint32{}, arriving: map[string]chan struct{}{}, undecided: map[string]quarantine.Verdict{},
		commands: map[string]command{}, applying: map[string]bool{}, knew: map[string]bool{}, outstanding: map[string]map[string]outstanding{},
		unfinished: map[string]unfinishedRelease{}, ends: newTimetable(),
	}
}

// identity identifies a session among those that share a key over time.
func identity(s *quarantine.Session) string {
	return s.SessionKey.String() + "@" + s.StartedAt.UTC().Format(time.RFC3339)
}

// replay applies one entry of the journal.
func (l *ledger) replay(entry quarantine.JournalEntry, at time.Time) error {
	var err error
	switch entry.Kind {
	case entryAccepted:
		var v quarantine.Verdict
		if err = json.Unmarshal(entry.Body, &v); err == nil {
			l.accept(v)
		}
	case entryDecided:
		var s decided
		if err = json.Unmarshal(entry.Body, &s); err == nil {
			l.decideVerdict(entry.Key, s.Case, at)
		}
	case entryCommand:
		var c command
		if err = json.Unmarshal(entry.Body, &c); err == nil {
			c.rename(&l.names)
			l.addCommand(c)
		}
	case entryApplied:
		var a applied
		if err = json.Unmarshal(entry.Body, &a); err == nil {
			l.finishCommand(entry.Key, a, at)
		}
	case entrySent:
		var s sent
		if err = json.Unmarshal(entry.Body, &s); err == nil {
			l.names.Rename(&s.Order.Session)
			l.sent(s)
		}
	case entryAnswered:
		var a answered
		if err = json.Unmarshal(entry.Body, &a); err == nil {
			l.renamed(a.Order.Case, &a.Order.Session)
			l.answered(a, at)
		}
	case entryEnded:
		var e ended
		if err = json.Unmarshal(entry.Body, &e); err == nil {
			l.renamed(entry.Key, &e.Session)
			l.ended(entry.Key, &e.Session)
		}
	case entryExpiry:
		var e expiry
		if err = json.Unmarshal(entry.Body, &e); err == nil {
			l.expires(entry.Key, e.ExpiresAt)
		}
	}
	if err != nil {
		return fmt.Errorf("journal entry %s %q of %s: %w", entryKindNames[entry.Kind], entry.Key, at.Format(time.RFC3339), err)
	}
	return nil
}

// renamed gives the session of a replayed entry the BNG name under which it is outstanding: the
// present one, or the one under which the restriction was sent, should the BNG have been renamed
// in between and the configuration not say so any more.
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

func (l *ledger) sent(s sent) {
	if withoutCase(&s.Order) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.serial++
		l.unfinished[identity(&s.Order.Session)] = unfinishedRelease{s.Order, l.serial}
		return
	}
	if !s.Order.Restricts() || s.Undoing || s.Order.To == quarantine.Disconnect {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.unfinished, identity(&s.Order.Session)) // the restricting case knows
	l.sawMark(s.Order.Mark)
	l.put(outstanding{
		Case: s.Order.Case, Mark: s.Order.Mark, ExpiresAt: s.ExpiresAt, Session: s.Order.Session,
		Applied:  l.besides(&s.Order),
		Doubtful: true, // until the outcome says otherwise
		open:     true,
	})
}

// besides lists what may be in force once the order has left: its From and To, and what is
// outstanding of the session beside these. l.mu is held.
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
	l.sawMark(max(a.Order.Mark, a.Mark))
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
	l.put(o)
}

// contradicted makes a release outstanding again if its verification failed. l.mu is held.
func (l *ledger) contradicted(a answered, at time.Time) {
	if a.Outcome.Kind != quarantine.OutcomeRefused || a.Order.To != "" {
		return
	}
	l.put(outstanding{Case: a.Order.Case, ExpiresAt: at, Session: a.Order.Session, Applied: slices.Clone(a.Order.From), Doubtful: true})
}

// put adds or replaces a restriction. l.mu is held.
func (l *ledger) put(o outstanding) {
	at := ledgerKey{o.Case, identity(&o.Session)}
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

// forgetOutstanding removes a restriction. l.mu is held.
func (l *ledger) forgetOutstanding(caseID, key string) {
	delete(l.outstanding[caseID], key)
	if len(l.outstanding[caseID]) == 0 {
		delete(l.outstanding, caseID)
	}
}

// expires sets the expiry of what is outstanding of a case; false if it has not changed.
func (l *ledger) expires(caseID string, at time.Time) (news bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, o := range l.outstanding[caseID] {
		if !o.ExpiresAt.Equal(at) {
			news, o.ExpiresAt = true, at
			l.outstanding[caseID][key] = o
			l.schedule(ledgerKey{caseID, key}, o.end())
		}
	}
	return news
}

// owes reports whether anything of the case is outstanding, as far as this journal knows.
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
