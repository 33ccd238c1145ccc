package bng

import (
	"net/netip"
	"slices"
	"time"

	"cordon/quarantine"
	"cordon/radiusx/acct"
)

// serviceEvents are what the record of a service shows of its session, if that is
// anything. The end of a service names what is no longer in force.
func (a *Accounting) serviceEvents(r *acct.Record, bng string) []quarantine.SessionEvent {
	shown := a.observed(r, bng)
	if len(shown) == 0 || r.Status == acct.Stop || r.ParentSession() == "" {
		return nil
	}
	return []quarantine.SessionEvent{{
		Kind: quarantine.ServiceSeen, Key: quarantine.SessionKey{BNG: bng, ID: r.ParentSession()}, Subscriber: r.Subscriber,
		Fallback: a.fallsBack(r, bng),
		At:       r.At, Latest: r.Latest, Observed: shown,
	}}
}

// resets are the restart that a record announces (Accounting-On, -Off): of the BNG,
// and of what is stored under its former names.
func resets(r *acct.Record, bng string, m *member) []quarantine.SessionEvent {
	all := []quarantine.SessionEvent{reset(r, bng)}
	if m != nil {
		for _, old := range m.Formerly {
			all = append(all, reset(r, old))
		}
	}
	return all
}

// reset is the restart of one name. Where the time of the record is not certain, the
// latest moment counts: what is not renewed after it is in doubt.
func reset(r *acct.Record, bng string) quarantine.SessionEvent {
	return quarantine.SessionEvent{Kind: quarantine.BNGReset, Key: quarantine.SessionKey{BNG: bng}, At: r.NoLaterThan()}
}

// observed returns what a record shows of the profiles in force.
func (a *Accounting) observed(r *acct.Record, bng string) []quarantine.Attribute {
	m := a.fleet.named[bng]
	if m == nil || r.Status == acct.Stop {
		return nil
	}
	var shown []quarantine.Attribute
	for _, attribute := range r.Attributes {
		if m.observable[attribute.Name] {
			shown = append(shown, quarantine.Attribute{Name: attribute.Name, Value: attribute.Value})
		}
	}
	return shown
}

var eventKinds = map[acct.Status]quarantine.SessionEventKind{
	acct.Start: quarantine.SessionStarted, acct.InterimUpdate: quarantine.SessionRenewed, acct.Stop: quarantine.SessionEnded,
}

func (a *Accounting) sessionEvent(r *acct.Record, bng string) quarantine.SessionEvent {
	m := a.fleet.named[bng]
	event := quarantine.SessionEvent{
		Kind: eventKinds[r.Status], Key: quarantine.SessionKey{BNG: bng, ID: r.SessionID}, Subscriber: r.Subscriber, At: r.At,
		Latest:    r.Latest,
		Fallback:  a.fallsBack(r, bng),
		Ignored:   a.ignored(m, r.UserName, r.Attributes),
		Addresses: a.addresses(r, bng), Only: a.only(r, bng), Attributes: attributes(r, !a.namedByUserName(m)),
		Observed: a.observed(r, bng),
	}
	held, freed := a.blocks(r, bng)
	event.Addresses, event.Freed = append(event.Addresses, held...), freed
	event.StartedAt = startedAt(r)
	return event
}

// narrow is how uncertain the time of a record may be that still shows its session's
// start.
const narrow = 5 * time.Minute

// startedAt is when the session began, as far as the record shows. Where the time of
// an Interim-Update or Stop is not known to some minutes, that it began so long before
// is of no use: it would seem to be another session.
func startedAt(r *acct.Record) time.Time {
	switch {
	case r.Status == acct.Start:
		return r.At
	case r.SessionTime > 0 && r.NoLaterThan().Sub(r.At) <= narrow:
		return r.Started()
	}
	return time.Time{}
}

func (a *Accounting) addresses(r *acct.Record, bng string) []quarantine.Address {
	held := make([]quarantine.Address, 0, 1+len(r.Prefixes))
	if r.FramedIP.IsValid() {
		held = append(held, quarantine.Address{Prefix: hostPrefix(r.FramedIP), Kind: quarantine.FramedIP})
	}
	for _, ip := range r.MoreIPs {
		held = append(held, quarantine.Address{Prefix: hostPrefix(ip), Kind: quarantine.FramedIP})
	}
	for _, p := range r.Prefixes {
		held = append(held, quarantine.Address{Prefix: p.Prefix, Kind: quarantine.AddressKind(p.Kind.String())})
	}
	for i := range held {
		held[i].Space = a.plan.SpaceOf(bng, held[i].Prefix)
	}
	return held
}

// blocks returns the port blocks of a record: those that the session
// has, and those that it gave back.
func (a *Accounting) blocks(r *acct.Record, bng string) (held, freed []quarantine.Address) {
	for _, b := range r.Blocks {
		block := quarantine.Address{
			Prefix: hostPrefix(b.Public), Kind: quarantine.NATPortBlock, Ports: quarantine.PortRange{Lo: b.Lo, Hi: b.Hi},
		}
		block.Space = a.plan.SpaceOf(bng, block.Prefix)
		if b.Freed {
			freed = append(freed, block)
		} else {
			held = append(held, block)
		}
	}
	return held, freed
}

// hostPrefix is the prefix of one address.
func hostPrefix(ip netip.Addr) netip.Prefix { return netip.PrefixFrom(ip, ip.BitLen()) }

// attributes are those of a record that its session is remembered with. spelled: the
// subscriber's key may be something else than a User-Name, so the name that the BNG knows is
// kept too.
func attributes(r *acct.Record, spelled bool) []quarantine.Attribute {
	var kept []quarantine.Attribute
	// A Start without User-Name says that there is none: the key is not what the BNG knows then.
	if spelled && r.Subscriber != "" || r.UserName != r.Subscriber && (r.UserName != "" || r.Status == acct.Start) {
		kept = append(kept, quarantine.Attribute{Name: userNameAttribute, Value: r.UserName})
	}
	for _, a := range r.Attributes {
		if a.Name == "Acct-Multi-Session-Id" && r.Conflicts.Has(acct.ConflictingMultiID) {
			continue // nobody can say which line it is
		}
		if !heldElsewhere(a.Name) {
			kept = append(kept, quarantine.Attribute{Name: a.Name, Value: a.Value})
		}
	}
	return kept
}

// heldElsewhere reports whether a session has what the attribute has in a field of
// its own.
func heldElsewhere(attribute string) bool {
	switch quarantine.AddressKind(attribute) {
	case userNameAttribute, "Acct-Session-Id", quarantine.FramedIP, quarantine.FramedIPv6Address,
		quarantine.FramedIPv6Prefix, quarantine.DelegatedIPv6Prefix:
		return true
	}
	return false
}

// only lists the kinds of address of which the session has those in the record
// and no others.
func (a *Accounting) only(r *acct.Record, bng string) []quarantine.AddressKind {
	var kinds []quarantine.AddressKind
	for _, name := range r.Released {
		kinds = append(kinds, quarantine.AddressKind(name))
	}
	m := a.fleet.named[bng]
	if m == nil || !m.InterimAddresses.All() || r.Status != acct.InterimUpdate || r.Triggered {
		return kinds
	}
	return slices.Clone(attributeKinds)
}

// attributeKinds are the kinds of address that attributes of accounting have.
var attributeKinds = []quarantine.AddressKind{
	quarantine.FramedIP, quarantine.FramedIPv6Prefix, quarantine.DelegatedIPv6Prefix, quarantine.FramedIPv6Address,
}
