package engine

import "cordon/quarantine"

// carry returns the entries that tell everything that is not over, for a new
// segment of the log.
func (l *ledger) carry() []quarantine.LogEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	var entries []quarantine.LogEntry
	for id, v := range l.unsettled {
		entries = append(entries, entry(logAccepted, id, v))
	}
	for id, c := range l.commands {
		entries = append(entries, entry(logCommand, id, c))
	}
	for _, of := range l.outstanding {
		for _, o := range of {
			entries = append(entries, o.carry()...)
		}
	}
	return entries
}

// carry tells the restriction as if it were being sent and answered.
func (o *outstanding) carry() []quarantine.LogEntry {
	last := o.Applied[len(o.Applied)-1]
	order := quarantine.Order{
		Case: o.Case, Session: o.Session, From: o.Applied[:len(o.Applied)-1], To: last.Profile, Undo: last.Undo, Outlives: last.Outlives,
	}
	entries := []quarantine.LogEntry{entry(logSent, o.Case, sent{Order: order, ExpiresAt: o.ExpiresAt, BNG: o.Session.BNG})}
	acked := quarantine.Outcome{Kind: quarantine.OutcomeAcked}
	switch {
	case !o.AssertAt.IsZero():
		release := quarantine.Order{Case: o.Case, Session: o.Session, From: o.Applied}
		entries = append(entries, entry(logAnswered, o.Case, answered{Order: release, Outcome: acked}))
	case !o.Doubtful && len(o.Applied) == 1:
		entries = append(entries, entry(logAnswered, o.Case, answered{Order: order, Outcome: acked}))
	}
	return entries
}

// Carry returns the log entries that tell everything that is not over yet, for
// the start of a new segment of the log.
func (e *Engine) Carry() []quarantine.LogEntry {
	return append(e.ledger.carry(), e.carryInstances()...)
}
