package bng

import (
	"context"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

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
	strangers *strangers
	blamed    acct.Complaints

	foreign      atomic.Uint64
	nameless     atomic.Uint64
	forbidden    atomic.Uint64
	unidentified atomic.Uint64
}

var _ acct.Handler = (*Accounting)(nil)

// NewAccounting returns a handler that records what the fleet's BNGs report.
func NewAccounting(fleet *Fleet, store quarantine.SessionRecorder, c AccountingConfig) *Accounting {
	a := &Accounting{fleet: fleet, store: store, plan: c.Plan, keys: c.Keys, key: c.Key, strangers: newStrangers()}
	for _, i := range c.Ignore {
		a.ignore = append(a.ignore, newMatcher(i))
	}
	return a
}

// AccountingStats counts records that tell nothing about a session.
type AccountingStats struct {
	Foreign   uint64 // answered: a relay's record about a BNG it does not speak for
	Nameless  uint64 // answered: no subscriber named, or not in UTF-8
	Forbidden uint64 // not answered: a BNG spoke for another
	// Unidentified: answered: a relay's record that says nothing of which NAS it is
	// about (see [Fleet]).
	Unidentified uint64
}

// Stats returns the counts since the start.
func (a *Accounting) Stats() AccountingStats {
	return AccountingStats{Foreign: a.foreign.Load(), Nameless: a.nameless.Load(), Forbidden: a.forbidden.Load(), Unidentified: a.unidentified.Load()}
}

// Complaints returns what peers did wrong that is to be told now; see
// [acct.Server.Complaints].
func (a *Accounting) Complaints(now time.Time) []acct.Complaint { return a.blamed.Due(now) }

// Discovered lists the NASes that sent accounting since the start and are no
// configured BNG, at most 1,000, the one with most records first.
func (a *Accounting) Discovered() []Discovered { return a.strangers.list(a.fleet) }

// Handle implements acct.Handler. Records that concern no session of ours are
// answered, so that the sender does not repeat them for ever.
func (a *Accounting) Handle(ctx context.Context, batch []acct.Record) []error {
	answers := make([]error, len(batch))
	events := make([]quarantine.SessionEvent, 0, len(batch))
	of := make([]int, 0, len(batch)) // the record that an event came from
	for i := range batch {
		event, tells, err := a.event(&batch[i])
		if answers[i] = err; tells {
			events, of = append(events, event), append(of, i)
		}
	}
	if len(events) == 0 {
		return answers
	}
	for i, err := range a.store.Record(ctx, events) {
		answers[of[i]] = err
	}
	return answers
}

// event translates one record; tells is false if it says nothing about a
// session.
func (a *Accounting) event(r *acct.Record) (event quarantine.SessionEvent, tells bool, err error) {
	bng, allowed := a.fleet.speaker(r)
	m := a.fleet.named[bng]
	if m == nil || !allowed && !r.Client.Relay && a.fleet.at(r.From.Addr()) == nil {
		a.strangers.note(r)
	}
	fallback := a.nameSubscriber(r, m)
	r.Subscriber = a.subscriber(r)
	defer func() { a.fleet.place(&event, fallback) }()
	switch {
	case !allowed && r.Client.Relay && a.fleet.unidentifiable(r.NAS):
		a.blame(&a.unidentified, "unidentified_nas", r)
		return event, false, nil
	case !allowed && r.Client.Relay:
		a.blame(&a.foreign, "foreign", r)
		return event, false, nil
	case !allowed:
		a.blame(&a.forbidden, "forbidden", r)
		return event, false, acct.ErrRejected
	case r.Status == acct.On || r.Status == acct.Off:
		return quarantine.SessionEvent{Kind: quarantine.BNGReset, Key: quarantine.SessionKey{BNG: bng}, At: r.At}, true, nil
	case r.Service:
		event, tells = a.serviceEvent(r, bng)
		return event, tells, nil
	case r.Subscriber == "":
		a.blame(&a.nameless, "nameless", r)
		return event, false, nil
	}
	if m != nil && r.Status == acct.Start {
		m.surge.start(time.Now())
	}
	return a.sessionEvent(r, bng), true, nil
}

// blame counts what is the sender's fault, and keeps it to be told.
func (a *Accounting) blame(counter *atomic.Uint64, reason string, r *acct.Record) {
	counter.Add(1)
	a.blamed.Note(reason, r.From.Addr(), r.Arrived)
}

// subscriber returns the key of whom the record is about; empty if it names
// nobody, or not in UTF-8.
func (a *Accounting) subscriber(r *acct.Record) string {
	if !utf8.ValidString(r.Subscriber) {
		return ""
	}
	return a.keys.Key(r.Subscriber)
}

// serviceEvent tells what the record of a service shows of its session; false if
// that is nothing. The end of a service names what is no longer in force.
func (a *Accounting) serviceEvent(r *acct.Record, bng string) (quarantine.SessionEvent, bool) {
	shown := a.shown(r, bng)
	if len(shown) == 0 || r.Status == acct.Stop || r.ParentSession() == "" {
		return quarantine.SessionEvent{}, false
	}
	return quarantine.SessionEvent{
		Kind: quarantine.ServiceSeen, Key: quarantine.SessionKey{BNG: bng, ID: r.ParentSession()}, Subscriber: r.Subscriber, At: r.At, Shown: shown,
	}, true
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
		Kind: eventKinds[r.Status], Key: quarantine.SessionKey{BNG: bng, ID: r.SessionID}, Subscriber: r.Subscriber, At: r.At,
		Ignored:   a.ignored(r, bng),
		Addresses: a.addresses(r, bng), Attributes: attributes(r, !a.namedByUserName(bng)), Shown: a.shown(r, bng),
	}
	held, freed := a.blocks(r, bng)
	event.Addresses, event.Freed = append(event.Addresses, held...), freed
	switch {
	case r.Status == acct.Start:
		event.StartedAt = r.At
	case r.SessionTime > 0:
		event.StartedAt = r.Started()
	}
	return event
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
		parts := strings.Split(i.NASPortID, "*")
		for n := range parts {
			parts[n] = regexp.QuoteMeta(parts[n])
		}
		m.port = regexp.MustCompile("(?s)^" + strings.Join(parts, ".*") + "$")
	}
	return m
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
