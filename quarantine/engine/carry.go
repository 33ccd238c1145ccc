package engine

import (
	"maps"
	"slices"

	"cordon/quarantine"
)

// carryAtOnce is how many cases are copied from the ledger under its lock at a time:
// releases are written there while all of it is encoded, which takes seconds at a
// hundred thousand.
const carryAtOnce = 500

// carry returns the entries that tell everything that is not over, for a new
// segment of the log. The journal asks for it after the change of its last entry and
// before that of the next, so what is left out or written twice in between is what goes
// on without the journal.
func (l *ledger) carry() []quarantine.JournalEntry {
	var entries []quarantine.JournalEntry
	for _, v := range l.unsettledVerdicts() {
		entries = append(entries, entry(logAccepted, v.ID, v))
	}
	for _, c := range l.openCommands() {
		entries = append(entries, entry(logCommand, c.ID, c))
	}
	for ids := range slices.Chunk(l.cases(), carryAtOnce) {
		for _, o := range l.outstandingOf(ids) {
			entries = append(entries, o.carry()...)
		}
	}
	for _, u := range l.undoneReleases() { // after what is outstanding, which would make them known
		entries = append(entries, entry(logSent, u.order.Case, sent{Order: u.order, BNG: u.order.Session.BNG}))
	}
	return entries
}

func (l *ledger) openCommands() []command {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.commands))
}

func (l *ledger) outstandingOf(cases []string) (all []outstanding) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range cases {
		for _, o := range l.outstanding[id] {
			all = append(all, o)
		}
	}
	return all
}

// carry tells the restriction as if it were being sent and answered.
func (o *outstanding) carry() []quarantine.JournalEntry {
	last := o.Applied[len(o.Applied)-1]
	order := quarantine.Order{
		Case: o.Case, Session: o.Session, From: o.Applied[:len(o.Applied)-1], To: last.Profile, Undo: last.Undo, Outlives: last.Outlives,
		Mark: o.Mark,
	}
	entries := []quarantine.JournalEntry{entry(logSent, o.Case, sent{Order: order, ExpiresAt: o.ExpiresAt, BNG: o.Session.BNG})}
	acked := quarantine.Outcome{Kind: quarantine.OutcomeAcked}
	switch {
	case o.open:
	case !o.AssertAt.IsZero():
		release := quarantine.Order{Case: o.Case, Session: o.Session, From: o.Applied}
		entries = append(entries, entry(logAnswered, o.Case, answered{Order: release, Outcome: acked}))
	case len(o.Applied) == 1 && last.Naked:
		refused := quarantine.Outcome{Kind: quarantine.OutcomeRefused, ErrorCause: last.Cause}
		entries = append(entries, entry(logAnswered, o.Case, answered{Order: order, Outcome: refused}))
	case len(o.Applied) == 1:
		acked.Doubtful = o.Doubtful
		entries = append(entries, entry(logAnswered, o.Case, answered{Order: order, Outcome: acked}))
	default:
		unanswered := quarantine.Outcome{Kind: quarantine.OutcomeUnanswered, Doubtful: true}
		entries = append(entries, entry(logAnswered, o.Case, answered{Order: order, Outcome: unanswered}))
	}
	return entries
}

// Carry returns the log entries that tell everything that is not over yet, for
// the start of a new segment of the log.
func (e *Engine) Carry() []quarantine.JournalEntry {
	return append(e.ledger.carry(), e.carryInstances()...)
}
