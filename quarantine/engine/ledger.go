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

// verdictKey is the hash by which a verdict's id is remembered. A source may send 100,000 an hour
// for days: 16 bytes for each, instead of some 50 for the text.
type verdictKey [16]byte

func keyOfVerdict(id string) verdictKey {
	digest := sha256.Sum256([]byte(id))
	return verdictKey(digest[:16])
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
		return fmt.Errorf("journal entry %s %q of %s: %w", EntryKindNames[entry.Kind], entry.Key, at.Format(time.RFC3339), err)
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
	v.Evidence = nil // the journal has it
	l.undecided[v.ID] = v
}

// removeVerdict removes a decided verdict; open: it was undecided before.
func (l *ledger) removeVerdict(id string) (source string, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, open := l.undecided[id]
	delete(l.undecided, id)
	return v.Source, open
}

func (l *ledger) verdict(id string) (quarantine.Verdict, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, ok := l.undecided[id]
	return v, ok
}

func (l *ledger) undecidedVerdicts() []quarantine.Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.undecided))
}

// forget drops the ids of decided verdicts accepted before t.
func (l *ledger) forget(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	open := make(map[verdictKey]bool, len(l.undecided))
	for id := range l.undecided {
		open[keyOfVerdict(id)] = true
	}
	maps.DeleteFunc(l.accepted, func(key verdictKey, at uint32) bool { return !open[key] && int64(at) < t.Unix() })
}

// addCommand adds a durable command that no call is applying.
func (l *ledger) addCommand(c command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commands[c.ID] = c
	l.applying[c.ID] = false
}

// beginCommand notes that the call which gave a command is about to make it durable and to apply
// it.
func (l *ledger) beginCommand(id, caseID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.applying[id] = true
	l.knew[id] = caseID != "" && l.knows(caseID)
}

// knows reports whether anything of the case is outstanding as far as this journal knows, or was
// when a command about it was given that waits for the store: what that one ended may have been
// released from here since. l.mu is held.
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

// knewOf reports whether this journal knew, or knows, of a restriction of the command's case.
func (l *ledger) knewOf(c *command) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.knew[c.ID] || l.knows(c.Case)
}

// addBegunCommand adds a durable command that its call is applying, unless the call has ended: a
// journal that hung may write it later.
func (l *ledger) addBegunCommand(c command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.applying[c.ID] {
		l.commands[c.ID] = c
	}
}

// removeCommand removes a command that was applied, or never will be.
func (l *ledger) removeCommand(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.commands, id)
	delete(l.applying, id)
	delete(l.knew, id)
}

// commandWaits notes that a command waits for the store, and no call applies it.
func (l *ledger) commandWaits(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.applying[id] = false
}

// releasePendingAfter reports whether a release waits to be applied that was given no earlier than
// a verdict was observed: only its case says whose it is.
func (l *ledger) releasePendingAfter(observed time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.commands {
		if c.ends() && !observed.After(c.At) {
			return true
		}
	}
	return false
}

// waiting returns the commands that no call is applying, oldest first.
func (l *ledger) waiting() []command {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := slices.DeleteFunc(slices.Collect(maps.Values(l.commands)), func(c command) bool { return l.applying[c.ID] })
	slices.SortFunc(waiting, func(a, b command) int { return a.At.Compare(b.At) })
	return waiting
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

// releasePending reports whether a person's release of the case waits to be applied.
func (l *ledger) releasePending(caseID string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.commands {
		if c.Case == caseID && c.ends() {
			return true
		}
	}
	return false
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
