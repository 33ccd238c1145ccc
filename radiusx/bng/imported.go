package bng

import (
	"cmp"
	"context"

	"cordon/quarantine"
	"cordon/radiusx"
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
		m, how := a.fleet.identify(r.NAS, cmp.Or(r.NAS.IP, r.NAS.IPv6))
		if how != identified {
			m = nil
		}
		a.completeNaming(r, m)
		made := a.nameSubscriber(r, m)
		_, nat := insideOf(r)
		switch r.Subscriber = a.subscriber(r, made); {
		case nat:
			answers[i] = &quarantine.FieldError{Field: "subscriber", Reason: "is a NAT, which tells of the inside address and not of who holds it"}
			continue
		case how == unidentified:
			answers[i] = &quarantine.FieldError{Field: "nas", Reason: "does not tell which BNG it is: the address is every host's, or the name several BNGs'"}
			continue
		case r.Subscriber == "":
			answers[i] = &quarantine.FieldError{Field: "subscriber", Reason: "is not named"}
			continue
		}
		events, of = append(events, a.imported(r, nameOf(m, r))), append(of, i)
	}
	a.record(ctx, events, of, answers)
	return answers
}

func (a *Accounting) imported(r *acct.Record, bng string) quarantine.SessionEvent {
	event := a.sessionEvent(r, bng)
	event.StartedAt, event.Observed, event.Imported = r.Started(), nil, true
	event.Fallback = false // a row has what its Start had
	a.fleet.place(&event)
	return event
}

// completeNaming adds to what a row says of its NAS the names that its BNG has
// beside those: tables have one of them as a rule, and a key may need the other.
// A name that it may have in several forms is not guessed.
func (a *Accounting) completeNaming(r *acct.Record, m *member) {
	if m == nil {
		return
	}
	for name, is := range map[string]func(NAS) bool{
		"NAS-Identifier":   func(n NAS) bool { return n.Identifier != "" },
		"NAS-IP-Address":   func(n NAS) bool { return n.IP.Is4() },
		"NAS-IPv6-Address": func(n NAS) bool { return n.IP.Is6() },
	} {
		var has []NAS
		for _, n := range m.NAS {
			if is(n) {
				has = append(has, n)
			}
		}
		if _, said := radiusx.Find(r.Naming, name); !said && len(has) == 1 {
			r.Naming = append(r.Naming, radiusx.Attribute{Name: name, Value: has[0].String()})
		}
	}
}
