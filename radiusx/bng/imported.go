package bng

import (
	"context"

	"cordon/quarantine"
	"cordon/radiusx/acct"
)

// Import records sessions that another program knew, one a record: of Status
// InterimUpdate, or Stop for one that has ended; At is when that program heard
// of it last, SessionTime tells the start. They are taken as accounting is (same
// BNG, same subscriber, same sessions ignored), but nobody is asked who sent
// them, and they show nothing of profiles in force.
//
// There is an error for each record, in order: a *quarantine.FieldError for one
// that can never be stored; any other means that the store could not.
func (a *Accounting) Import(ctx context.Context, batch []acct.Record) []error {
	answers := make([]error, len(batch))
	var events []quarantine.SessionEvent
	var of []int // the record that an event came from
	for i := range batch {
		r := &batch[i]
		if _, is := insideOf(r); is {
			answers[i] = &quarantine.FieldError{Field: "subscriber", Reason: "is a NAT, which tells of the inside address and not of who holds it"}
			continue
		}
		if r.Subscriber = a.subscriber(r); r.Subscriber == "" {
			answers[i] = &quarantine.FieldError{Field: "subscriber", Reason: "is not named"}
			continue
		}
		events, of = append(events, a.imported(r)), append(of, i)
	}
	a.record(ctx, events, of, answers)
	return answers
}

func (a *Accounting) imported(r *acct.Record) quarantine.SessionEvent {
	event := a.sessionEvent(r, nameOf(a.fleet.find(r.NAS), r))
	event.StartedAt, event.Shown, event.Imported = r.Started(), nil, true
	return event
}
