package bng

import (
	"slices"

	"cordon/quarantine"
	"cordon/radiusx/acct"
)

// possiblyOf lists the BNGs that a record may be about which contradicts what is
// configured: the one whose address it came from, and those whose names it has, as
// far as its sender may report them. A BNG that has another name or address now
// sends such records.
func (f *Fleet) possiblyOf(r *acct.Record) []*member {
	who := f.claimed(distinctiveNames(r.NAS))
	if r.Client.Relay {
		return slices.DeleteFunc(who, func(m *member) bool { return !slices.Contains(r.Client.RelayFor, m.Name) })
	}
	if own := f.at(r.From.Addr()); own != nil && !slices.Contains(who, own) {
		who = append(who, own)
	}
	return slices.DeleteFunc(who, func(m *member) bool { return !slices.ContainsFunc(m.sources(), r.Client.Prefix.Contains) })
}

// contradictedEvents binds the addresses of a record that is not taken for any configured BNG's
// to no subscriber, on each that it may be about: whoever held them there before may have
// them no more. They do so at the time of the record alone, so that nothing is left of
// it once the configuration is right.
func (a *Accounting) contradictedEvents(r *acct.Record) (events []quarantine.SessionEvent) {
	if _, session := eventKinds[r.Status]; !session || r.Service {
		return nil
	}
	_, nat := insideOf(r)
	for _, m := range a.fleet.possiblyOf(r) {
		event := a.sessionEvent(r, m.Name)
		event.Kind, event.StartedAt = quarantine.SessionEnded, event.At
		if event.Subscriber = ""; nat { // which is about the inside address, and not that somebody has it
			event.Addresses = slices.DeleteFunc(event.Addresses,
				func(h quarantine.Address) bool { return h.Kind != quarantine.NATPortBlock })
		}
		events = append(events, event.Unidentified(quarantine.NoSessionID)...)
	}
	return events
}
