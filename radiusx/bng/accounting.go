package bng

import (
	"context"
	"slices"
	"time"

	"cordon/quarantine"
	"cordon/radiusx/acct"
)

// unconfigured begins the names of BNGs that report sessions and are not in the
// configuration: such sessions can be attributed, not restricted.
const unconfigured = "nas:"

// AccountingConfig says what is made of records.
type AccountingConfig struct {
	Plan   quarantine.AddressPlan // in which space an address of a BNG is
	Ignore []Ignore
	Keys   *SubscriberKeys // nil: the key is what the record says
	Key    SubscriberKey   // of BNGs that have none of their own; nil: the record's Subscriber
}

// Accounting turns records into session events. It implements acct.Handler.
type Accounting struct {
	subscribers
	store    quarantine.SessionRecorder
	unknown  *unknownNASes
	faults   acct.FaultLog
	activity sourceActivity
}

var _ acct.Handler = (*Accounting)(nil)

// NewAccounting returns a handler that records what the fleet's BNGs report.
func NewAccounting(fleet *Fleet, store quarantine.SessionRecorder, c AccountingConfig) *Accounting {
	return &Accounting{subscribers: fleet.subscribers(c), store: store, unknown: newUnknownNASes()}
}

// FaultReports returns what is wrong with records and is to be logged now; see
// [acct.Server.Complaints].
func (a *Accounting) FaultReports(now time.Time) []acct.FaultReport { return a.faults.Due(now) }

// Faults counts the same since the start, by the BNG that records claim to be
// about; see [acct.Server.Faults].
func (a *Accounting) Faults() []acct.FaultCount { return a.faults.Counts() }

// Discovered lists the NASes that sent accounting since the start and are no
// configured BNG, at most 1,000, the one with most records first.
func (a *Accounting) Discovered() []Discovered { return a.unknown.list(a.fleet) }

// Handle implements acct.Handler. Records of which nothing can be stored are
// answered (acct.ErrRejected), so that the sender does not repeat them for ever.
func (a *Accounting) Handle(ctx context.Context, batch []acct.Record) []error {
	answers := make([]error, len(batch))
	events := make([]quarantine.SessionEvent, 0, len(batch))
	of := make([]int, 0, len(batch)) // the record that an event came from
	for i := range batch {
		var made []quarantine.SessionEvent
		made, answers[i] = a.events(&batch[i])
		for j := range made {
			a.fleet.place(&made[j])
			of = append(of, i)
		}
		events = append(events, made...)
	}
	record(ctx, a.store, events, of, answers)
	return answers
}

// record stores events; the first that fails is the answer to what it came from.
func record(ctx context.Context, store quarantine.SessionRecorder, events []quarantine.SessionEvent, of []int, answers []error) {
	if len(events) == 0 {
		return
	}
	for i, err := range store.Record(ctx, events) {
		if answers[of[i]] == nil {
			answers[of[i]] = err
		}
	}
}

// events translates one record. An error means that nothing of it is to be stored;
// none and no events, that it has nothing about a session and that nothing is
// wrong with it.
func (a *Accounting) events(r *acct.Record) ([]quarantine.SessionEvent, error) {
	bng, allowed := a.speaker(r)
	m := a.fleet.named[bng]
	a.activity.note(r, m, allowed)
	if m == nil || !allowed && !r.Client.Relay && a.fleet.at(r.From.Addr()) == nil {
		a.unknown.note(r)
	}
	name := a.subscriber(r, a.nameSubscriber(r, m))
	switch {
	case !allowed:
		a.countFault(a.fleet.notAllowed(r), r)
		if doubts := a.contradictedEvents(r); len(doubts) > 0 {
			return doubts, nil
		}
		return nil, acct.ErrRejected
	case r.Status == acct.On || r.Status == acct.Off:
		return resets(r, bng, m), nil
	case r.Service:
		r.Subscriber = name
		return a.serviceEvents(r, bng), nil
	}
	if inside, is := insideOf(r); is {
		return a.natEvents(r, bng, inside), nil
	}
	if r.Subscriber = name; name == "" && r.Conflicts == 0 { // acct.Server counts what is doubled
		a.countFault("no_subscriber", r)
	}
	if m != nil && r.Status == acct.Start {
		m.surge.start(time.Now())
	}
	event := a.sessionEvent(r, bng)
	var doubts []quarantine.SessionEvent
	if m == nil && a.fleet.at(r.From.Addr()) != nil { // from a BNG's address, not by its names
		doubts = a.contradictedEvents(r)
	}
	if event.Key.Identified() {
		return append(doubts, event), nil
	}
	if events := slices.Concat(doubts, event.Unidentified(quarantine.NoSessionID)); len(events) > 0 {
		return events, nil
	}
	return nil, acct.ErrRejected // acct.Server has counted why
}

// countFault counts what is wrong with a record, and has it logged.
func (a *Accounting) countFault(reason string, r *acct.Record) {
	fault := acct.Fault{Reason: reason, Peer: r.From.Addr(), NAS: r.NAS.String(), BNG: a.fleet.BNGOf(r)}
	a.faults.Note(fault, 1, r.Arrived)
}

// subscriber returns the key of whom the record is about; empty if it names
// nobody, or more than one.
func (a *Accounting) subscriber(r *acct.Record, made rendering) string {
	if r.Conflicts.Has(acct.ConflictingUserName | acct.ConflictingSubscriber | acct.ConflictingAddress) {
		return ""
	}
	return a.keys.of(made, a.lines)
}
