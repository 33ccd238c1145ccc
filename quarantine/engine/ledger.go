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

// ledger is the index of this host's log: what it tells that is not over yet.
// It is rebuilt by replay and kept up as entries are appended.
type ledger struct {
	names       quarantine.BNGNames
	mu          sync.Mutex // guards what follows
	accepted    map[string]time.Time
	arriving    map[string]chan struct{} // being made durable right now
	unsettled   map[string]quarantine.Verdict
	commands    map[string]command
	inHand      map[string]bool                   // commands that their giver's call is applying
	outstanding map[string]map[string]outstanding // by case, then by session identity
	undone      map[string]undone                 // released without a case that asked for it; by identity
	ends        timetable                         // when what is outstanding is over
	serial      uint64                            // of the last change to what is outstanding, or undone
}

// outstanding is a restriction that is, or may be, in force because of what
// this host sent.
type outstanding struct {
	Case      string
	ExpiresAt time.Time
	Session   quarantine.Session
	Applied   []quarantine.Applied
	Doubtful  bool      // a late duplicate of the restriction may still arrive
	AssertAt  time.Time // the release was confirmed; when to send it once more
	lost      bool      // the store no longer has the case
	serial    uint64    // of the last change by an entry of the journal
}

// undone is a release that no case asked for.
type undone struct {
	order  quarantine.Order
	serial uint64
}

func newLedger(names quarantine.BNGNames) *ledger {
	return &ledger{
		names:    names,
		accepted: map[string]time.Time{}, arriving: map[string]chan struct{}{}, unsettled: map[string]quarantine.Verdict{},
		commands: map[string]command{}, inHand: map[string]bool{}, outstanding: map[string]map[string]outstanding{},
		undone: map[string]undone{}, ends: newTimetable(),
	}
}

// identity tells sessions apart that share a key over time.
func identity(s *quarantine.Session) string {
	return s.SessionKey.String() + "@" + s.StartedAt.UTC().Format(time.RFC3339)
}

// replay takes one entry of the log in, in order.
func (l *ledger) replay(entry quarantine.LogEntry, at time.Time) error {
	var err error
	switch entry.Kind {
	case logAccepted:
		var v quarantine.Verdict
		if err = json.Unmarshal(entry.Body, &v); err == nil {
			l.accept(v)
		}
	case logSettled:
		l.settle(entry.Key)
	case logCommand:
		var c command
		if err = json.Unmarshal(entry.Body, &c); err == nil {
			c.rename(&l.names)
			l.command(c)
		}
	case logApplied:
		l.apply(entry.Key)
	case logSent:
		var s sent
		if err = json.Unmarshal(entry.Body, &s); err == nil {
			l.names.Rename(&s.Order.Session)
			l.sent(s)
		}
	case logAnswered:
		var a answered
		if err = json.Unmarshal(entry.Body, &a); err == nil {
			l.names.Rename(&a.Order.Session)
			l.answered(a, at)
		}
	case logEnded:
		var e ended
		if err = json.Unmarshal(entry.Body, &e); err == nil {
			l.names.Rename(&e.Session)
			l.ended(entry.Key, &e.Session)
		}
	case logExpiry:
		var e expiry
		if err = json.Unmarshal(entry.Body, &e); err == nil {
			l.expires(entry.Key, e.ExpiresAt)
		}
	}
	if err != nil {
		return fmt.Errorf("log entry %s %q of %s: %w", LogKindNames[entry.Kind], entry.Key, at.Format(time.RFC3339), err)
	}
	return nil
}

// arrive claims an id for being accepted. It returns a channel to wait on if
// another call is making the same id durable, and known if it is durable.
func (l *ledger) arrive(id string) (wait <-chan struct{}, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.accepted[id]; ok {
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
	l.accepted[v.ID] = v.ReceivedAt
	v.Evidence = nil // the log has it
	l.unsettled[v.ID] = v
}

func (l *ledger) settle(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.unsettled, id)
}

func (l *ledger) verdict(id string) (quarantine.Verdict, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, ok := l.unsettled[id]
	return v, ok
}

// waitingVerdicts is how many verdicts are not settled.
func (l *ledger) waitingVerdicts() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.unsettled)
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
	maps.DeleteFunc(l.accepted, func(id string, at time.Time) bool {
		_, open := l.unsettled[id]
		return !open && at.Before(t)
	})
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
func (l *ledger) take(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inHand[id] = true
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
}

// deferred notes that a command waits for the store.
func (l *ledger) deferred(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inHand[id] = false
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
	l.owe(outstanding{
		Case: s.Order.Case, ExpiresAt: s.ExpiresAt, Session: s.Order.Session,
		Applied:  append(slices.Clone(s.Order.From), quarantine.Applied{Profile: s.Order.To, Undo: s.Order.Undo}),
		Doubtful: true, // until the answer says otherwise
	})
}

func (l *ledger) answered(a answered, at time.Time) {
	done := a.Outcome.Kind == quarantine.OutcomeAcked || a.Outcome.Kind == quarantine.OutcomeVerified
	l.mu.Lock()
	defer l.mu.Unlock()
	key := identity(&a.Order.Session)
	o, ok := l.outstanding[a.Order.Case][key]
	switch {
	case a.Order.Check:
		l.contradicted(a, at)
		return
	case !ok || a.Order.UndoesOnly():
		return
	case a.Order.Restricts() && done:
		o.Applied = []quarantine.Applied{{Profile: a.Order.To, Undo: a.Order.Undo}}
		o.Doubtful = a.Outcome.Doubtful || a.Order.Again
	case a.Order.Restricts():
		if o.Applied = a.Outcome.Applies(&a.Order); len(o.Applied) == 0 {
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

// compare brings what is outstanding of a case up to date with the case, nil if
// the store does not have it any more.
func (l *ledger) compare(caseID string, c *quarantine.Case) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, o := range l.outstanding[caseID] {
		switch {
		case c == nil:
			o.lost = true
		case c.State == quarantine.Closed || !stillApplied(c, &o.Session):
			l.forgetOutstanding(caseID, key)
			continue
		default:
			o.lost = false
		}
		l.outstanding[caseID][key] = o
	}
}

// stillApplied reports whether the case thinks that anything of it may be in
// force on the session.
func stillApplied(c *quarantine.Case, s *quarantine.Session) bool {
	return slices.ContainsFunc(c.Sessions, func(e quarantine.SessionEnforcement) bool {
		return e.Enforcement != quarantine.Gone && quarantine.SameAttachment(&e.Session, s) &&
			(len(e.Applied) > 0 || e.InFlight || !e.AssertAt.IsZero())
	})
}
