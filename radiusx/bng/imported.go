package bng

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"time"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/acct"
)

// ImportedSession is a session that another program knew.
type ImportedSession struct {
	ID       string // Acct-Session-Id
	NAS      acct.NAS
	UserName string
	Start    time.Time
	Seen     time.Time // when that program saw it last; not before Start
	Stop     time.Time // zero: it was on line then

	Addresses  []quarantine.Address // those of Framed- and Delegated- attributes; the space is filled in
	Attributes []radiusx.Attribute  // what accounting would store of it
	Naming     []radiusx.Attribute  // further ones that subscribers' keys are made of
}

// Importer makes session events of what another program knew. Sessions are taken as
// accounting's are (same BNG, same subscriber, same sessions ignored), but nobody is
// asked who sent them, and they show nothing of profiles in force.
type Importer struct {
	subscribers
	store quarantine.SessionRecorder
}

// NewImporter returns an importer for sessions of the fleet's BNGs; c is accounting's.
func NewImporter(fleet *Fleet, store quarantine.SessionRecorder, c AccountingConfig) *Importer {
	return &Importer{fleet.subscribers(c), store}
}

// Import records sessions. There is an error for each, in order: a
// *quarantine.FieldError for one that can never be stored; any other means that the
// store could not.
func (im *Importer) Import(ctx context.Context, sessions []ImportedSession) []error {
	answers := make([]error, len(sessions))
	var events []quarantine.SessionEvent
	var of []int // the session that an event came from
	for i := range sessions {
		event, err := im.event(&sessions[i])
		if err != nil {
			answers[i] = err
			continue
		}
		events, of = append(events, event), append(of, i)
	}
	record(ctx, im.store, events, of, answers)
	return answers
}

// event is what is to be recorded of a session, or a *quarantine.FieldError.
func (im *Importer) event(s *ImportedSession) (event quarantine.SessionEvent, err error) {
	m, how := im.fleet.identify(s.NAS, cmp.Or(s.NAS.IP, s.NAS.IPv6))
	if how != identified {
		m = nil
	}
	subscriber := im.subscriberOf(s, m)
	switch {
	case s.ofNAT():
		return event, &quarantine.FieldError{Field: "subscriber", Reason: "is a NAT, which reports the inside address and not who holds it"}
	case how == unidentified:
		return event, &quarantine.FieldError{Field: "nas",
			Reason: "must identify a BNG: the address is every host's, or the name several BNGs'"}
	case subscriber == "":
		return event, &quarantine.FieldError{Field: "subscriber", Reason: "must be named"}
	}
	bng := nameOf(m, s.NAS, netip.Addr{})
	event = quarantine.SessionEvent{
		Kind: quarantine.SessionRenewed, Key: quarantine.SessionKey{BNG: bng, ID: s.ID}, Subscriber: subscriber,
		At: s.Seen, StartedAt: s.Start, Ignored: im.ignored(m, s.UserName, s.Attributes),
		Addresses: slices.Clone(s.Addresses), Attributes: im.attributesOf(s, m, subscriber), Imported: true,
	}
	switch {
	case !s.Stop.IsZero():
		event.Kind, event.At = quarantine.SessionEnded, s.Stop
		if s.Stop.Before(s.Start) {
			event.StartedAt = s.Stop
		}
	case m != nil && m.InterimAddresses.All():
		event.Only = slices.Clone(attributeKinds)
	}
	for i := range event.Addresses {
		event.Addresses[i].Space = im.plan.SpaceOf(bng, event.Addresses[i].Prefix)
	}
	im.fleet.place(&event)
	return event, nil
}

// subscriberOf is the key of whom a session is; empty if it names nobody.
func (im *Importer) subscriberOf(s *ImportedSession, m *member) string {
	key := im.keyOf(m)
	if key == nil {
		return im.keys.of(userNamed(s.UserName), im.lines)
	}
	made, _, err := key.of(im.fleet.valuesOf(s.UserName, s.naming(m)))
	if err != nil {
		return ""
	}
	return im.keys.of(made, im.lines)
}

// ofNAT reports whether the row is a NAT's and no subscriber's; see natNames.
func (s *ImportedSession) ofNAT() bool {
	inside, is := insideNamed(s.UserName)
	return is && !slices.ContainsFunc(s.Addresses, func(a quarantine.Address) bool { return a.Prefix != hostPrefix(inside) })
}

// attributesOf are those that the session is remembered with: what the BNG knows as
// User-Name among them, where the subscriber's key is not that.
func (im *Importer) attributesOf(s *ImportedSession, m *member, subscriber string) []quarantine.Attribute {
	var kept []quarantine.Attribute
	if !im.namedByUserName(m) || s.UserName != subscriber && s.UserName != "" {
		kept = append(kept, quarantine.Attribute{Name: userNameAttribute, Value: s.UserName})
	}
	for _, a := range s.Attributes {
		if !heldElsewhere(a.Name) {
			kept = append(kept, quarantine.Attribute{Name: a.Name, Value: a.Value})
		}
	}
	return kept
}

// naming lists what a session says under the names that keys are made of. Rows have
// one name of their NAS as a rule, and a key may need another: those that its BNG has
// are added, but for a kind of which it has several.
func (s *ImportedSession) naming(m *member) []radiusx.Attribute {
	var naming []radiusx.Attribute
	add := func(name, value string) {
		if value != "" {
			naming = append(naming, radiusx.Attribute{Name: name, Value: value})
		}
	}
	add(userNameAttribute, s.UserName)
	add("Acct-Session-Id", s.ID)
	add("NAS-Identifier", s.NAS.Identifier)
	if s.NAS.IP.IsValid() {
		add("NAS-IP-Address", s.NAS.IP.String())
	}
	if s.NAS.IPv6.IsValid() {
		add("NAS-IPv6-Address", s.NAS.IPv6.String())
	}
	for _, a := range s.Addresses {
		if a.Kind == quarantine.FramedIP {
			add(string(a.Kind), a.Prefix.Addr().String())
		}
	}
	naming = slices.Concat(naming, s.Attributes, s.Naming)
	if m == nil {
		return naming
	}
	for _, name := range nasNames {
		own := attributesNamed(name, m.NAS)
		if _, said := radiusx.Find(naming, name); !said && len(own) == 1 {
			naming = append(naming, own[0])
		}
	}
	return naming
}

// attributesNamed writes those names of a NAS that one attribute has.
func attributesNamed(attribute string, names []NAS) (list []radiusx.Attribute) {
	for _, n := range names {
		if a := n.attribute(); a.Name == attribute {
			list = append(list, a)
		}
	}
	return list
}
