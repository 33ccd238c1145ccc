package bng

import (
	"context"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"cordon/quarantine"
	"cordon/radiusx/acct"
)

// unconfigured begins the names of BNGs that report sessions and are not in the
// configuration: such sessions can be attributed, not restricted.
const unconfigured = "nas:"

// Ignore describes sessions that are seen and never touched; everything that is
// set must fit.
type Ignore struct {
	Realm     string // of User-Name: user@realm or realm/user
	NASPortID string // NAS-Port-Id; * stands for any octets
}

// AccountingConfig says what is made of records.
type AccountingConfig struct {
	Plan   quarantine.AddressPlan // in which space an address of a BNG is
	Ignore []Ignore
	Keys   *SubscriberKeys // nil: the key is what the record says
	Key    SubscriberKey   // of BNGs that have none of their own; nil: the record's Subscriber
}

// Accounting turns records into session events. It implements acct.Handler.
type Accounting struct {
	fleet     *Fleet
	store     quarantine.SessionRecorder
	plan      quarantine.AddressPlan
	ignore    []matcher
	keys      *SubscriberKeys
	key       SubscriberKey
	lines     *lineKeys
	strangers *strangers
	blamed    acct.Complaints
	heard     heard
}

var _ acct.Handler = (*Accounting)(nil)

// NewAccounting returns a handler that records what the fleet's BNGs report.
func NewAccounting(fleet *Fleet, store quarantine.SessionRecorder, c AccountingConfig) *Accounting {
	a := &Accounting{fleet: fleet, store: store, plan: c.Plan, keys: c.Keys, key: c.Key, lines: fleet.lineKeysOf(c.Key), strangers: newStrangers()}
	for _, i := range c.Ignore {
		a.ignore = append(a.ignore, newMatcher(i))
	}
	return a
}

// Complaints returns what is wrong with records and is to be logged now; see
// [acct.Server.Complaints].
func (a *Accounting) Complaints(now time.Time) []acct.Complaint { return a.blamed.Due(now) }

// Faults counts the same since the start, by the BNG that records claim to be
// about; see [acct.Server.Faults].
func (a *Accounting) Faults() []acct.FaultCount { return a.blamed.Counts() }

// Discovered lists the NASes that sent accounting since the start and are no
// configured BNG, at most 1,000, the one with most records first.
func (a *Accounting) Discovered() []Discovered { return a.strangers.list(a.fleet) }

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
	a.record(ctx, events, of, answers)
	return answers
}

// record stores events; the first that fails is the answer to the record that it
// came from.
func (a *Accounting) record(ctx context.Context, events []quarantine.SessionEvent, of []int, answers []error) {
	if len(events) == 0 {
		return
	}
	for i, err := range a.store.Record(ctx, events) {
		if answers[of[i]] == nil {
			answers[of[i]] = err
		}
	}
}

// events translates one record. An error means that nothing of it is to be stored;
// none and no events, that it says nothing about a session and that nothing is
// wrong with it.
func (a *Accounting) events(r *acct.Record) ([]quarantine.SessionEvent, error) {
	bng, allowed := a.speaker(r)
	m := a.fleet.named[bng]
	a.heard.note(r, m, allowed)
	if m == nil || !allowed && !r.Client.Relay && a.fleet.at(r.From.Addr()) == nil {
		a.strangers.note(r)
	}
	name := a.subscriber(r, a.nameSubscriber(r, m))
	switch {
	case !allowed:
		a.blame(a.fleet.notAllowed(r), r)
		if doubts := a.doubts(r); len(doubts) > 0 {
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
	if r.Subscriber = name; name == "" && r.Doubled == 0 { // acct.Server counts what is doubled
		a.blame("nameless", r)
	}
	if m != nil && r.Status == acct.Start {
		m.surge.start(time.Now())
	}
	event := a.sessionEvent(r, bng)
	var doubts []quarantine.SessionEvent
	if m == nil && a.fleet.at(r.From.Addr()) != nil { // from a BNG's address, not by its names
		doubts = a.doubts(r)
	}
	if event.Key.Identified() {
		return append(doubts, event), nil
	}
	if events := slices.Concat(doubts, event.Unidentified(quarantine.NoSessionID)); len(events) > 0 {
		return events, nil
	}
	return nil, acct.ErrRejected // acct.Server has counted why
}

// blame counts what is wrong with a record, and keeps it to be logged.
func (a *Accounting) blame(reason string, r *acct.Record) {
	fault := acct.Fault{Reason: reason, Peer: r.From.Addr(), NAS: r.NAS.String(), BNG: a.fleet.BNGOf(r)}
	a.blamed.Note(fault, 1, r.Arrived)
}

// subscriber returns the key of whom the record is about; empty if it names
// nobody, or more than one.
func (a *Accounting) subscriber(r *acct.Record, made rendering) string {
	if r.Doubled.Has(acct.DoubledUserName | acct.DoubledSubscriber | acct.DoubledAddress) {
		return ""
	}
	return a.keys.of(made, a.lines)
}

// serviceEvents tells what the record of a service shows of its session, if that is
// anything. The end of a service names what is no longer in force.
func (a *Accounting) serviceEvents(r *acct.Record, bng string) []quarantine.SessionEvent {
	shown := a.shown(r, bng)
	if len(shown) == 0 || r.Status == acct.Stop || r.ParentSession() == "" {
		return nil
	}
	return []quarantine.SessionEvent{{
		Kind: quarantine.ServiceSeen, Key: quarantine.SessionKey{BNG: bng, ID: r.ParentSession()}, Subscriber: r.Subscriber, Fallback: a.fallsBack(r, bng),
		At: r.At, Latest: r.Latest, Observed: shown,
	}}
}

// reset is what Accounting-On and -Off say. Where it is not certain when they were
// said, the latest moment counts: what is not renewed after it is in doubt.
// resets are the restart that a record announces: of the BNG, and of what is kept
// under its former names.
func resets(r *acct.Record, bng string, m *member) []quarantine.SessionEvent {
	all := []quarantine.SessionEvent{reset(r, bng)}
	if m != nil {
		for _, old := range m.Formerly {
			all = append(all, reset(r, old))
		}
	}
	return all
}

func reset(r *acct.Record, bng string) quarantine.SessionEvent {
	return quarantine.SessionEvent{Kind: quarantine.BNGReset, Key: quarantine.SessionKey{BNG: bng}, At: r.NoLaterThan()}
}

// shown returns what a record tells of the profiles in force.
func (a *Accounting) shown(r *acct.Record, bng string) []quarantine.Attribute {
	m := a.fleet.named[bng]
	if m == nil || r.Status == acct.Stop {
		return nil
	}
	var shown []quarantine.Attribute
	for _, attribute := range r.Attributes {
		if m.shows[attribute.Name] {
			shown = append(shown, quarantine.Attribute{Name: attribute.Name, Value: attribute.Value})
		}
	}
	return shown
}

var eventKinds = map[acct.Status]quarantine.SessionEventKind{
	acct.Start: quarantine.SessionStarted, acct.InterimUpdate: quarantine.SessionRenewed, acct.Stop: quarantine.SessionEnded,
}

func (a *Accounting) sessionEvent(r *acct.Record, bng string) quarantine.SessionEvent {
	event := quarantine.SessionEvent{
		Kind: eventKinds[r.Status], Key: quarantine.SessionKey{BNG: bng, ID: r.SessionID}, Subscriber: r.Subscriber, At: r.At, Latest: r.Latest,
		Fallback:  a.fallsBack(r, bng),
		Ignored:   a.ignored(r, bng),
		Addresses: a.addresses(r, bng), Only: a.only(r, bng), Attributes: attributes(r, !a.namedByUserName(bng)), Observed: a.shown(r, bng),
	}
	held, freed := a.blocks(r, bng)
	event.Addresses, event.Freed = append(event.Addresses, held...), freed
	event.StartedAt = startedAt(r)
	return event
}

// narrow is how uncertain the time of a record may be that still tells its session's
// start.
const narrow = 5 * time.Minute

// startedAt is when the session began, as far as the record tells. Where the time of
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

// ignored reports whether the session is never to be touched.
func (a *Accounting) ignored(r *acct.Record, bng string) bool {
	m := a.fleet.named[bng]
	return m != nil && m.Role == RoleLAC || slices.ContainsFunc(a.ignore, func(m matcher) bool { return m.matches(r) })
}

func (a *Accounting) addresses(r *acct.Record, bng string) []quarantine.Address {
	held := make([]quarantine.Address, 0, 1+len(r.Prefixes))
	if r.FramedIP.IsValid() {
		held = append(held, quarantine.Address{Prefix: netip.PrefixFrom(r.FramedIP, r.FramedIP.BitLen()), Kind: quarantine.FramedIP})
	}
	for _, ip := range r.MoreIPs {
		held = append(held, quarantine.Address{Prefix: netip.PrefixFrom(ip, ip.BitLen()), Kind: quarantine.FramedIP})
	}
	for _, p := range r.Prefixes {
		held = append(held, quarantine.Address{Prefix: p.Prefix, Kind: quarantine.AddressKind(p.Kind.String())})
	}
	for i := range held {
		held[i].Space = a.plan.SpaceOf(bng, held[i].Prefix)
	}
	return held
}

// blocks returns the port blocks that a record tells of: those that the session
// has, and those that it gave back.
func (a *Accounting) blocks(r *acct.Record, bng string) (held, freed []quarantine.Address) {
	for _, b := range r.Blocks {
		block := quarantine.Address{
			Prefix: netip.PrefixFrom(b.Public, b.Public.BitLen()), Kind: quarantine.NATPortBlock, Ports: quarantine.PortRange{Lo: b.Lo, Hi: b.Hi},
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

// attributes leaves out what the session has elsewhere. spelled: the subscriber's
// key may be something else than a User-Name, so what the BNG knows is told too.
func attributes(r *acct.Record, spelled bool) []quarantine.Attribute {
	var kept []quarantine.Attribute
	// A Start without User-Name says that there is none: the key is not what the BNG knows then.
	if spelled && r.Subscriber != "" || r.UserName != r.Subscriber && (r.UserName != "" || r.Status == acct.Start) {
		kept = append(kept, quarantine.Attribute{Name: "User-Name", Value: r.UserName})
	}
	for _, a := range r.Attributes {
		if a.Name == "Acct-Multi-Session-Id" && r.Doubled.Has(acct.DoubledMultiID) {
			continue // nobody can say which line it is
		}
		switch quarantine.AddressKind(a.Name) {
		case "User-Name", "Acct-Session-Id", quarantine.FramedIP, quarantine.FramedIPv6Address,
			quarantine.FramedIPv6Prefix, quarantine.DelegatedIPv6Prefix:
			continue
		}
		kept = append(kept, quarantine.Attribute{Name: a.Name, Value: a.Value})
	}
	return kept
}

// matcher is an Ignore made ready.
type matcher struct {
	realm string
	port  *regexp.Regexp // nil: not asked for
}

func newMatcher(i Ignore) matcher {
	m := matcher{realm: i.Realm}
	if i.NASPortID != "" {
		m.port = wildcards(i.NASPortID)
	}
	return m
}

// wildcards compiles a pattern in which * stands for any octets.
func wildcards(pattern string) *regexp.Regexp {
	parts := strings.Split(pattern, "*")
	for n := range parts {
		parts[n] = regexp.QuoteMeta(parts[n])
	}
	return regexp.MustCompile("(?s)^" + strings.Join(parts, ".*") + "$")
}

func (m *matcher) matches(r *acct.Record) bool {
	if m.realm != "" && !hasRealm(r.UserName, m.realm) {
		return false
	}
	if m.port == nil {
		return m.realm != ""
	}
	for _, a := range r.Attributes {
		if a.Name == "NAS-Port-Id" && m.port.MatchString(a.Value) {
			return true
		}
	}
	return false
}

func hasRealm(user, realm string) bool {
	return strings.HasSuffix(user, "@"+realm) || strings.HasPrefix(user, realm+"/")
}
