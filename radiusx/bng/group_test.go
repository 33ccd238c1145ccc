package bng

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"layeh.com/radius"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/acct"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// pairNet is two BNGs, .1 and .2, that answer as they are set to.
type pairNet struct {
	answer map[byte]coa.Result // by the last octet of the address
	sent   []byte              // to whom
	octets []radius.Attributes
}

func (p *pairNet) Do(_ context.Context, x coa.Exchange) (coa.Result, error) {
	to := x.Peer.Addr().As4()[3]
	if err := x.Sending(coa.Datagram{Peer: x.Peer}); err != nil {
		return coa.Result{}, err
	}
	p.sent, p.octets = append(p.sent, to), append(p.octets, x.Attributes)
	result := p.answer[to]
	result.Transmissions = max(1, result.Transmissions)
	return result, nil
}

var (
	agrees  = coa.Result{Kind: coa.ACK}
	unknown = coa.Result{Kind: coa.NAK, ErrorCause: 503}
	refuses = coa.Result{Kind: coa.NAK, ErrorCause: 501}
	silent  = coa.Result{Kind: coa.Unanswered, Transmissions: 5}
)

// pairFleet is a redundant pair and a BNG of its own.
func pairFleet(t *testing.T, dialectName string, change func([]Config)) (*Fleet, error) {
	t.Helper()
	d, _ := dialect.Builtin().Get(dialectName)
	secret, err := radiusx.NewSecret("0123456789abcdef0123456789abcdef")
	must(t, err)
	configs := make([]Config, 3)
	for i := range configs {
		configs[i] = Config{
			Name: fmt.Sprint("bng", i+1), Address: netip.MustParseAddr(fmt.Sprint("192.0.2.", i+1)), Secret: secret, Dialect: d,
			Profiles: map[string]dialect.Profile{"garden": {Restricted: "GARDEN", Normal: "PLAN"}},
		}
	}
	configs[0].Group, configs[1].Group = "pair", "pair"
	if change != nil {
		change(configs)
	}
	return NewFleet(configs)
}

func onPair(member, id string) quarantine.Session {
	return quarantine.Session{SessionKey: quarantine.SessionKey{BNG: "pair", ID: id}, Member: member, Subscriber: "alice"}
}

func TestAnOrderGoesToTheMemberThatSpokeLastAndNotFoundProvesNothingAlone(t *testing.T) {
	garden := []quarantine.AppliedProfile{{Profile: "garden", Undo: `{"restricted":"GARDEN","normal":"PLAN"}`}}
	restrict := quarantine.Order{To: "garden", Undo: garden[0].Undo}
	release := quarantine.Order{From: garden, Confirmed: true}
	for _, test := range []struct {
		about   string
		order   quarantine.Order
		session quarantine.Session
		dialect string
		answers [2]coa.Result
		sent    string
		outcome quarantine.OutcomeKind
	}{
		{"restrict, on the first", restrict, onPair("bng1", "1"), "filter-id", [2]coa.Result{agrees, agrees}, "1", quarantine.OutcomeAcked},
		{"restrict, on the second", restrict, onPair("bng2", "1"), "filter-id", [2]coa.Result{agrees, agrees}, "2",
			quarantine.OutcomeAcked},
		{"restrict, moved before an Interim says so", restrict, onPair("bng1", "1"), "filter-id", [2]coa.Result{unknown, agrees},
			"12", quarantine.OutcomeAcked},
		{"restrict, on neither", restrict, onPair("bng2", "1"), "filter-id", [2]coa.Result{unknown, unknown}, "21",
			quarantine.OutcomeSessionGone},
		{"restrict, not found and silent", restrict, onPair("bng1", "1"), "filter-id", [2]coa.Result{unknown, silent}, "12",
			quarantine.OutcomeUnanswered},
		{"restrict, not found and refused", restrict, onPair("bng1", "1"), "filter-id", [2]coa.Result{unknown, refuses}, "12",
			quarantine.OutcomeRefused},
		{"restrict, silent: nobody else is restricted", restrict, onPair("bng1", "1"), "filter-id", [2]coa.Result{silent, agrees},
			"1", quarantine.OutcomeUnanswered},
		{"restrict, refused", restrict, onPair("bng1", "1"), "filter-id", [2]coa.Result{refuses, agrees}, "1", quarantine.OutcomeRefused},
		{"release, on the second", release, onPair("bng2", "1"), "filter-id", [2]coa.Result{agrees, agrees}, "2", quarantine.OutcomeAcked},
		{"release, not found", release, onPair("bng2", "1"), "filter-id", [2]coa.Result{agrees, unknown}, "21", quarantine.OutcomeAcked},
		{"release, on neither", release, onPair("bng2", "1"), "filter-id", [2]coa.Result{unknown, unknown}, "21",
			quarantine.OutcomeSessionGone},
		{"release, silent: the other is sent it too, and it is not over", release, onPair("bng1", "1"), "filter-id",
			[2]coa.Result{silent, agrees}, "12", quarantine.OutcomeUnanswered},
		{"a disconnect", quarantine.Order{To: quarantine.Disconnect}, onPair("bng1", "1"), "filter-id",
			[2]coa.Result{unknown, agrees}, "12", quarantine.OutcomeAcked},
		{"nobody spoke of it yet", restrict, onPair("", "1"), "filter-id", [2]coa.Result{unknown, agrees}, "12", quarantine.OutcomeAcked},
		{"a member that is configured no more", restrict, onPair("bng9", "1"), "filter-id", [2]coa.Result{agrees, agrees}, "1",
			quarantine.OutcomeAcked},
		{"by a counter alone, which may be another's there", restrict, onPair("bng1", "0000002a"), "nokia-sros",
			[2]coa.Result{unknown, agrees}, "1", quarantine.OutcomeRefused},
		{"release by a counter alone, silent", release, onPair("bng1", "0000002a"), "nokia-sros", [2]coa.Result{silent, agrees},
			"1", quarantine.OutcomeUnanswered},
		{"release by a number that is nobody else's, silent", release, onPair("bng1", "241AFF0000003250B5F750"), "nokia-sros",
			[2]coa.Result{silent, agrees}, "12", quarantine.OutcomeUnanswered},
		{"by a number that is nobody else's", restrict, onPair("bng1", "241AFF0000003250B5F750"), "nokia-sros",
			[2]coa.Result{unknown, agrees}, "12", quarantine.OutcomeAcked},
		{"a BNG of its own", restrict, quarantine.Session{SessionKey: quarantine.SessionKey{BNG: "bng3", ID: "1"},
			Subscriber: "alice"}, "filter-id", [2]coa.Result{agrees, agrees}, "3", quarantine.OutcomeSessionGone},
		{"from before there was a group", release, quarantine.Session{SessionKey: quarantine.SessionKey{BNG: "bng2", ID: "1"},
			Subscriber: "alice"}, "filter-id", [2]coa.Result{agrees, agrees}, "2", quarantine.OutcomeAcked},
	} {
		fleet, err := pairFleet(t, test.dialect, nil)
		must(t, err)
		net := &pairNet{answer: map[byte]coa.Result{1: test.answers[0], 2: test.answers[1], 3: unknown}}
		test.order.Session = test.session
		out := NewEnforcer(fleet, net, nil).Enforce(t.Context(), test.order, quarantine.OpenGate{})
		sent := ""
		for _, to := range net.sent {
			sent += fmt.Sprint(to)
		}
		if sent != test.sent || out.Kind != test.outcome {
			t.Errorf("%s: sent to %q, %s (%s); want %q, %s", test.about, sent, out.Kind, out.Reason, test.sent, test.outcome)
		}
	}
}

// What of a refused change is to be undone may be on any of them.
func TestWhatIsLeftOfAChangeIsUndoneOnEveryMember(t *testing.T) {
	residue := residueOf(t, []dialect.Step{{Code: radius.CodeCoARequest, Attributes: attrs("User-Name", "alice", "Acct-Session-Id",
		"1", "Filter-Id", "PLAN")}})
	for _, test := range []struct {
		answers [2]coa.Result
		outcome quarantine.OutcomeKind
	}{
		{[2]coa.Result{unknown, agrees}, quarantine.OutcomeAcked},
		{[2]coa.Result{agrees, silent}, quarantine.OutcomePartial},
		{[2]coa.Result{silent, agrees}, quarantine.OutcomePartial},
	} {
		fleet, err := pairFleet(t, "filter-id", nil)
		must(t, err)
		net := &pairNet{answer: map[byte]coa.Result{1: test.answers[0], 2: test.answers[1]}}
		out := NewEnforcer(fleet, net, nil).Enforce(t.Context(), quarantine.Order{Session: onPair("bng1", "1"), Residue: residue},
			quarantine.OpenGate{})
		if out.Kind != test.outcome || (out.Kind == quarantine.OutcomePartial) != (out.Residue == residue) || len(net.sent) != 2 {
			t.Errorf("%+v: %+v, sent to %v", test.answers, out, net.sent)
		}
	}
}

func TestWhatIsLeftOfAChangeIsNotUndoneFromSomebodyElse(t *testing.T) {
	residue := residueOf(t, []dialect.Step{{Code: radius.CodeCoARequest, Attributes: attrs("Acct-Session-Id", "0000002a")}})
	fleet, err := pairFleet(t, "nokia-sros", nil)
	must(t, err)
	net := &pairNet{answer: map[byte]coa.Result{1: agrees, 2: agrees}}
	out := NewEnforcer(fleet, net, nil).Enforce(t.Context(), quarantine.Order{Session: onPair("bng1", "0000002a"),
		Residue: residue}, quarantine.OpenGate{})
	if out.Kind != quarantine.OutcomeAcked || len(net.sent) != 1 {
		t.Errorf("%+v, sent to %v", out, net.sent)
	}
}

func TestARestrictionIsNotSentToAMemberWhosePathIsUnresponsive(t *testing.T) {
	fleet, err := pairFleet(t, "filter-id", nil)
	must(t, err)
	now := time.Now()
	for i := range 6 {
		fleet.named["bng2"].path.noReply(quarantine.SessionKey{BNG: "pair", ID: fmt.Sprint(i)}, now, now)
	}
	net := &pairNet{answer: map[byte]coa.Result{1: unknown, 2: agrees}}
	e := NewEnforcer(fleet, net, nil)
	if out := e.Enforce(t.Context(), quarantine.Order{Session: onPair("bng1", "1"), To: "garden"},
		quarantine.OpenGate{}); out.Kind != quarantine.OutcomeNotSent || len(net.sent) != 1 {
		t.Errorf("%+v, sent to %v", out, net.sent)
	}
	if _, deferred := defers(e, onPair("bng1", "1"), "garden"); deferred {
		t.Error("the silence of one bars what is on the other")
	}
	if _, deferred := defers(e, onPair("bng2", "1"), "garden"); !deferred {
		t.Error("the silence of one does not bar what is on it")
	}
}

// StarOS checks that it is meant; the other one is called otherwise.
func TestAnotherMemberIsNotCalledByTheNamesOfTheOneThatSpoke(t *testing.T) {
	fleet, err := pairFleet(t, "staros", nil)
	must(t, err)
	s := onPair("bng1", "0123456789abcdef")
	s.Attributes = []quarantine.Attribute{{Name: "NAS-IP-Address", Value: "192.0.2.1"}}
	for member, want := range map[string]string{"bng1": "192.0.2.1", "bng2": "192.0.2.2"} {
		if got, _ := radiusx.Find(fleet.named[member].requested(&s), "NAS-IP-Address"); got != want {
			t.Errorf("%s is called %s", member, got)
		}
	}
}

func TestSessionsOfAGroupAreUnderItsNameAndKnowTheMember(t *testing.T) {
	fleet, err := pairFleet(t, "filter-id", nil)
	must(t, err)
	store := &recorder{}
	a := NewAccounting(fleet, store, AccountingConfig{})
	for _, status := range []acct.Status{acct.Start, acct.InterimUpdate, acct.On} {
		must(t, a.Handle(t.Context(), []acct.Record{{
			Status: status, Client: &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.2/32")},
			From:      netip.MustParseAddrPort("192.0.2.2:1646"),
			SessionID: "1", UserName: "alice", Subscriber: "alice",
		}})[0])
	}
	row := ImportedSession{NAS: acct.NAS{IP: netip.MustParseAddr("192.0.2.2")}, ID: "1", UserName: "alice"}
	must(t, NewImporter(fleet, store, AccountingConfig{}).Import(t.Context(), []ImportedSession{row})[0])
	for _, ev := range store.events {
		if ev.Key.BNG != "pair" || ev.Member != "bng2" {
			t.Errorf("event %+v", ev)
		}
	}
	if len(store.events) != 4 {
		t.Errorf("%d events", len(store.events))
	}
	l, ok := NewLogIns(fleet, AccountingConfig{}).LogIn(attrs("NAS-IP-Address", "192.0.2.2", "User-Name", "alice"))
	if !ok || l.BNG() != "pair" || l.Member() != "bng2" {
		t.Errorf("the log-in %+v", l)
	}
	if got := fleet.NameOf(netip.MustParseAddr("192.0.2.2"), ""); got != "pair" {
		t.Errorf("another program's session is on %s", got)
	}
	if ips, _ := fleet.NASOf("pair"); !slices.Equal(ips, []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}) {
		t.Errorf("the group calls itself %v", ips)
	}
}

func TestBNGsThatCannotServeEachOthersSessionsAreNoGroup(t *testing.T) {
	junos, _ := dialect.Builtin().Get("junos")
	ericsson, _ := dialect.Builtin().Get("ericsson-se")
	for what, change := range map[string]func([]Config){
		"":             func([]Config) {},
		"dialect must": func(c []Config) { c[1].Dialect = junos },
		"dialect_options must": func(c []Config) {
			for i := range c {
				c[i].Dialect, c[i].Profiles = ericsson,
					map[string]dialect.Profile{"garden": {Restricted: "GARDEN", Normal: dialect.Overlay}}
			}
			c[1].Options = map[string]string{"service_action": "2"}
		},
		"role must": func(c []Config) { c[1].Role = RoleLNS },
		"profiles must": func(c []Config) {
			c[1].Profiles = map[string]dialect.Profile{"garden": {Restricted: "WALL", Normal: "PLAN"}}
		},
		"interim must":        func(c []Config) { c[1].Interim = time.Hour },
		"subscriber_key must": func(c []Config) { c[1].SubscriberKey = keyOf(t, "Calling-Station-Id") },
		"name of a BNG":       func(c []Config) { c[0].Group, c[1].Group = "bng3", "bng3" },
		"no slash":            func(c []Config) { c[0].Group, c[1].Group = "a/b", "a/b" },
	} {
		_, err := pairFleet(t, "filter-id", change)
		if (err == nil) != (what == "") || err != nil && !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// residueOf are steps that are still to be undone on bng1.
func residueOf(t *testing.T, steps []dialect.Step) string {
	t.Helper()
	fleet, err := pairFleet(t, "nokia-sros", nil)
	must(t, err)
	return fleet.named["bng1"].encodeResidue(steps)
}
