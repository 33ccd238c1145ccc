package engine

import (
	"maps"
	"slices"

	"cordon/quarantine"
)

// checkpointBatch is how many cases are copied under the ledger's lock at a time: encoding a
// hundred thousand takes seconds, and releases need the lock meanwhile.
const checkpointBatch = 500

// checkpoint returns the entries that a replay needs of everything unfinished, for the start
// of a new segment of the journal. The journal calls it after the change of its last entry and
// before that of the next, so only what goes on without the journal is left out or written
// twice.
func (l *ledger) checkpoint() []quarantine.JournalEntry {
	var entries []quarantine.JournalEntry
	for _, v := range l.undecidedVerdicts() {
		entries = append(entries, entry(entryAccepted, v.ID, v))
	}
	for _, c := range l.openCommands() {
		entries = append(entries, entry(entryCommand, c.ID, c))
	}
	for ids := range slices.Chunk(l.cases(), checkpointBatch) {
		for _, o := range l.outstandingOf(ids) {
			entries = append(entries, o.entries()...)
		}
	}
	for _, u := range l.unfinishedReleases() { // after what is outstanding, which would end them
		entries = append(entries, entry(entrySent, u.order.Case, sent{Order: u.order, BNG: u.order.Session.BNG}))
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

// entries returns the restriction's entries, as if it were being sent and answered.
func (o *outstanding) entries() []quarantine.JournalEntry {
	last := o.Applied[len(o.Applied)-1]
	order := quarantine.Order{
		Case: o.Case, Session: o.Session, From: o.Applied[:len(o.Applied)-1], To: last.Profile, Undo: last.Undo, Outlives: last.Outlives,
		Mark: o.Mark,
	}
	entries := []quarantine.JournalEntry{entry(entrySent, o.Case, sent{Order: order, ExpiresAt: o.ExpiresAt, BNG: o.Session.BNG})}
	acked := quarantine.Outcome{Kind: quarantine.OutcomeAcked}
	switch {
	case o.open:
	case !o.AssertAt.IsZero():
		release := quarantine.Order{Case: o.Case, Session: o.Session, From: o.Applied}
		entries = append(entries, entry(entryAnswered, o.Case, answered{Order: release, Outcome: acked}))
	case len(o.Applied) == 1 && last.Naked:
		refused := quarantine.Outcome{Kind: quarantine.OutcomeRefused, ErrorCause: last.Cause}
		entries = append(entries, entry(entryAnswered, o.Case, answered{Order: order, Outcome: refused}))
	case len(o.Applied) == 1:
		acked.Doubtful = o.Doubtful
		entries = append(entries, entry(entryAnswered, o.Case, answered{Order: order, Outcome: acked}))
	default:
		unanswered := quarantine.Outcome{Kind: quarantine.OutcomeUnanswered, Doubtful: true}
		entries = append(entries, entry(entryAnswered, o.Case, answered{Order: order, Outcome: unanswered}))
	}
	return entries
}

// Checkpoint returns the journal entries of everything unfinished, for the start of a new
// segment of the journal.
func (e *Engine) Checkpoint() []quarantine.JournalEntry {
	return append(e.ledger.checkpoint(), e.instanceEntries()...)
}
