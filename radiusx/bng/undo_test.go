package bng

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"layeh.com/radius"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// keeper answers every request in turn and keeps what was sent.
type keeper struct {
	answers []coa.Result // the last one goes on for ever; none: ACK
	sent    []string
	peers   []netip.AddrPort
}

func (r *keeper) Do(_ context.Context, x coa.Exchange) (coa.Result, error) {
	r.sent = append(r.sent, fmt.Sprintf("%d %s", x.Code, encodeOctets(x.Attributes)))
	r.peers = append(r.peers, x.Peer)
	result := coa.Result{Kind: coa.ACK, Transmissions: 1}
	if len(r.answers) > 0 {
		result = r.answers[0]
		r.answers = r.answers[min(1, len(r.answers)-1):]
	}
	return result, nil
}

// oneBNG is a fleet of bng1, and an enforcer for it that keeps what it sends.
func oneBNG(t *testing.T, change func(*Config)) (*Enforcer, *keeper) {
	t.Helper()
	secret, err := radiusx.NewSecret("0123456789abcdef0123456789abcdef")
	must(t, err)
	c := Config{Name: "bng1", Address: netip.MustParseAddr("192.0.2.1"), Secret: secret}
	change(&c)
	fleet, err := NewFleet([]Config{c})
	must(t, err)
	net := &keeper{}
	return NewEnforcer(fleet, net, nil), net
}

// geared sets a BNG up as a gear is, with one profile.
func geared(g gear) func(*Config) {
	return func(c *Config) {
		c.Dialect, _ = dialect.Builtin().Get(g.dialect)
		c.Options, c.MessageAuthenticator = g.options, g.signing
		c.Profiles = map[string]dialect.Profile{"garden": {Restricted: g.restricted, Normal: g.normal}}
	}
}

func ofAlice() quarantine.Session {
	return quarantine.Session{
		SessionKey: quarantine.SessionKey{BNG: "bng1", ID: "0000002a"}, Subscriber: "alice",
		Attributes: []quarantine.Attribute{{Name: "NAS-IP-Address", Value: "192.0.2.1"},
			{Name: "Calling-Station-Id", Value: "02-00-00-00-00-01"}},
	}
}

// prepared is a restriction of alice.
func prepared(t *testing.T, e *Enforcer) quarantine.Order {
	t.Helper()
	p, impossible := e.Prepare(ofAlice(), "garden")
	if impossible != nil {
		t.Fatalf("prepare: %+v", impossible)
	}
	o := quarantine.Order{Session: ofAlice(), To: "garden"}
	o.Prepare(p)
	return o
}

func releaseOf(o quarantine.Order) quarantine.Order {
	return quarantine.Order{Session: o.Session, From: []quarantine.AppliedProfile{o.Restriction()}, Confirmed: true}
}

// changes are what may become of a BNG's entry while a restriction is in force.
var changes = map[string]func(*Config){
	"another dialect": func(c *Config) {
		c.Dialect, _ = dialect.Builtin().Get("junos")
		c.Options = nil
		c.Profiles = map[string]dialect.Profile{"garden": {Restricted: "WALL", Normal: dialect.Overlay}}
	},
	"other names": func(c *Config) {
		p := c.Profiles["garden"]
		p.Restricted = map[bool]string{true: "68", false: p.Restricted + "8"}[c.Dialect.Name == "nokia-sros" && p.Normal == dialect.Overlay]
		if p.Restricted == "portal8" {
			p = dialect.Profile{Restricted: "portal", Normal: "1/1"}
		}
		c.Profiles = map[string]dialect.Profile{"garden": p}
	},
	"other options": func(c *Config) {
		c.Options = maps.Collect(maps.All(c.Options))
		for _, o := range c.Dialect.Options {
			if strings.HasSuffix(o.Name, "_number") && c.Options[o.Name] != "" {
				c.Options[o.Name] = "250"
			}
			if o.Name == "ipset" {
				c.Options[o.Name] = "another"
			}
		}
	},
	"no profile":   func(c *Config) { c.Profiles = nil },
	"another port": func(c *Config) { c.CoAPort = 3333 },
}

// undoGears are the gears, and accel-ppp with a set of its own.
func undoGears() []gear {
	own := gears[slices.IndexFunc(gears, func(g gear) bool { return g.form == "redirect" })]
	own.form, own.options = "own set", map[string]string{"l4_redirect_number": "241", "ipset": "cordon"}
	return append(builtinGears(), own)
}

func TestAReleaseSendsTheOctetsThatWereFixedWhateverIsConfiguredByThen(t *testing.T) {
	for _, g := range undoGears() {
		if g.restricted == "" {
			continue
		}
		for about, change := range changes {
			t.Run(g.name()+"/"+about, func(t *testing.T) {
				e, net := oneBNG(t, geared(g))
				o := prepared(t, e)
				if out := e.Enforce(t.Context(), releaseOf(o), quarantine.OpenGate{}); out.Kind != quarantine.OutcomeAcked {
					t.Fatalf("as configured: %+v", out)
				}
				later, changed := oneBNG(t, func(c *Config) { geared(g)(c); change(c) })
				if err := later.fleet.CanUndo(o.Session, o.Restriction()); err != nil {
					t.Errorf("at the start: %v", err)
				}
				if out := later.Enforce(t.Context(), releaseOf(o), quarantine.OpenGate{}); out.Kind != quarantine.OutcomeAcked ||
					!slices.Equal(changed.sent, net.sent) {
					t.Errorf("%+v, sent\n%v, want\n%v", out, changed.sent, net.sent)
				}
				if about == "another port" && changed.peers[0].Port() != 3333 {
					t.Errorf("sent to %s: the port is today's", changed.peers[0])
				}
			})
		}
	}
}

// What takes a restriction away must belong to what put it in force, also where the
// second try of it comes after the configuration was changed.
func TestASecondTryIsMadeOfWhatItsUndoIsMadeOf(t *testing.T) {
	for _, g := range undoGears() {
		if g.restricted == "" {
			continue
		}
		for _, about := range []string{"other names", "other options", "another dialect"} {
			t.Run(g.name()+"/"+about, func(t *testing.T) {
				e, net := oneBNG(t, geared(g))
				o := prepared(t, e)
				o.From = []quarantine.AppliedProfile{o.Restriction()}
				e.Enforce(t.Context(), o, quarantine.OpenGate{})
				later, changed := oneBNG(t, func(c *Config) { geared(g)(c); changes[about](c) })
				out := later.Enforce(t.Context(), o, quarantine.OpenGate{})
				switch {
				case about == "another dialect" && g.dialect != "junos":
					if out.Kind != quarantine.OutcomeRefused || !out.Untouched || len(changed.sent) > 0 {
						t.Errorf("%+v, sent %v", out, changed.sent)
					}
				case !slices.Equal(changed.sent, net.sent):
					t.Errorf("%+v, sent\n%v, want\n%v", out, changed.sent, net.sent)
				}
			})
		}
	}
}

// A change from what was put in force in another way takes that away as it was fixed.
func TestAChangeLeavesWhatWasFixedAsItWasFixed(t *testing.T) {
	g := gear{dialect: "accel-ppp", restricted: "1", normal: dialect.Overlay,
		options: map[string]string{"l4_redirect_number": "241", "ipset": "old"}}
	e, net := oneBNG(t, geared(g))
	restriction := prepared(t, e)
	old := restriction.Restriction()
	e.Enforce(t.Context(), quarantine.Order{Session: ofAlice(), From: []quarantine.AppliedProfile{old}}, quarantine.OpenGate{})
	g.options = map[string]string{"l4_redirect_number": "241", "ipset": "new"}
	later, changed := oneBNG(t, func(c *Config) {
		geared(g)(c)
		c.Profiles["no-smtp"] = dialect.Profile{Restricted: "2", Normal: dialect.Overlay}
	})
	p, impossible := later.Prepare(ofAlice(), "no-smtp")
	if impossible != nil {
		t.Fatal(impossible)
	}
	o := quarantine.Order{Session: ofAlice(), To: "no-smtp", From: []quarantine.AppliedProfile{old}, Confirmed: true}
	o.Prepare(p)
	if out := later.Enforce(t.Context(), o, quarantine.OpenGate{}); out.Kind != quarantine.OutcomeAcked || len(changed.sent) != 2 ||
		changed.sent[0] != net.sent[0] {
		t.Errorf("%+v, sent\n%v, want first\n%v", out, changed.sent, net.sent)
	}
}

func TestAnUndoOfAVersionBeforeStillWorks(t *testing.T) {
	for name, test := range map[string]struct{ dialect, restricted, normal, undo, want string }{
		"its names":      {"filter-id", "WALL", "PLAN", `{"restricted":"GARDEN","normal":"GOLD"}`, `Filter-Id = "GOLD"`},
		"no undo at all": {"filter-id", "WALL", "$Filter-Id|PLAN", ``, `Filter-Id = "PLAN"`},
		"limits that it mistook": {"coova-chilli", "portal", "2000/10000", `{"restricted":"portal","normal":"2000000/10000000"}`,
			`ChilliSpot-Bandwidth-Max-Up = 2000`},
		"and those that it meant": {"coova-chilli", "portal", "2000/10000", `{"restricted":"portal","normal":"500/700"}`,
			`ChilliSpot-Bandwidth-Max-Up = 500`},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := oneBNG(t, geared(gear{dialect: test.dialect, restricted: test.restricted, normal: test.normal}))
			applied := quarantine.AppliedProfile{Profile: "garden", Undo: test.undo}
			s := ofAlice()
			steps, err := e.fleet.named["bng1"].restoring(&s, applied)
			must(t, err)
			text := ""
			for _, step := range steps {
				all, err := e.fleet.named["bng1"].encode(step)
				must(t, err)
				text += e.fleet.named["bng1"].dictionary.Input(e.fleet.named["bng1"].dictionary.Decode(all))
			}
			if !strings.Contains(text, test.want) {
				t.Errorf("sent\n%s\nwant %s", text, test.want)
			}
			if err := e.fleet.CanUndo(s, applied); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAnUndoThatCannotBeMadeIsSaidAtTheStartAndSendsNothing(t *testing.T) {
	e, net := oneBNG(t, geared(gear{dialect: "filter-id", restricted: "GARDEN", normal: "PLAN"}))
	applied := quarantine.AppliedProfile{Profile: "garden", Undo: `{"restricted":"GARDEN","normal":"PLAN","dialect":"site-own"}`}
	if err := e.fleet.CanUndo(ofAlice(), applied); err == nil || !strings.Contains(err.Error(), "site-own") {
		t.Errorf("at the start: %v", err)
	}
	out := e.Enforce(t.Context(), quarantine.Order{Session: ofAlice(), From: []quarantine.AppliedProfile{applied}}, quarantine.OpenGate{})
	if out.Kind != quarantine.OutcomeRefused || !out.Untouched ||
		!strings.Contains(out.Reason, "set that dialect for BNG bng1 again") || len(net.sent) > 0 {
		t.Errorf("%+v, sent %v", out, net.sent)
	}
	s := ofAlice()
	s.BNG = "bng9"
	if err := e.fleet.CanUndo(s, releaseOf(prepared(t, e)).From[0]); err == nil ||
		!strings.Contains(err.Error(), "bng9 is not configured") {
		t.Errorf("a BNG that is gone: %v", err)
	}
}

func TestStepsToBeUndoneAreOctetsToo(t *testing.T) {
	g := gear{dialect: "accel-ppp", restricted: "1", normal: dialect.Overlay,
		options: map[string]string{"l4_redirect_number": "241", "ipset": "cordon"}}
	e, net := oneBNG(t, geared(g))
	o := prepared(t, e)
	e.Enforce(t.Context(), releaseOf(o), quarantine.OpenGate{})
	steps, err := e.fleet.named["bng1"].Dialect.Steps(dialect.Request{
		Action: dialect.Restore, Session: identifyingAttributes(&o.Session), Profile: dialect.Profile{Restricted: "1",
			Normal: dialect.Overlay}, Options: g.options,
	})
	must(t, err)
	residue := e.fleet.named["bng1"].encodeResidue(steps)
	later, changed := oneBNG(t, geared(gear{dialect: "filter-id", restricted: "GARDEN", normal: "PLAN"}))
	out := later.Enforce(t.Context(), quarantine.Order{Session: o.Session, Residue: residue}, quarantine.OpenGate{})
	if out.Kind != quarantine.OutcomeAcked || !slices.Equal(changed.sent, net.sent) {
		t.Errorf("%+v, sent\n%v, want\n%v", out, changed.sent, net.sent)
	}
	before := `[{"code":43,"attributes":["User-Name = \"alice\"","Filter-Id = \"PLAN\""]}]`
	if out := later.Enforce(t.Context(), quarantine.Order{Session: o.Session, Residue: before},
		quarantine.OpenGate{}); out.Kind != quarantine.OutcomeAcked {
		t.Errorf("of a version before: %+v", out)
	}
}

func TestARefusalOfOurOwnIsUntouchedAndOneOfTheBNGIsNot(t *testing.T) {
	g := gear{dialect: "filter-id", restricted: "GARDEN", normal: "PLAN"}
	e, net := oneBNG(t, geared(g))
	o := prepared(t, e)
	nowhere := o
	nowhere.Session.BNG = "bng9"
	if out := e.Enforce(t.Context(), nowhere, quarantine.OpenGate{}); out.Kind != quarantine.OutcomeRefused || !out.Untouched {
		t.Errorf("no such BNG: %+v", out)
	}
	if _, impossible := e.Prepare(ofAlice(), "no-smtp"); impossible == nil || !impossible.Untouched {
		t.Errorf("no such profile: %+v", impossible)
	}
	half := releaseOf(o)
	half.From = append([]quarantine.AppliedProfile{{Profile: "no-smtp", Undo: `{"dialect":"site-own"}`}}, half.From...)
	if out := e.Enforce(t.Context(), half, quarantine.OpenGate{}); out.Kind != quarantine.OutcomeRefused || out.Untouched ||
		len(net.sent) != 1 {
		t.Errorf("the newer one was sent: %+v, %v", out, net.sent)
	}
	net.answers = []coa.Result{{Kind: coa.NAK, ErrorCause: 407, Transmissions: 1}}
	if out := e.Enforce(t.Context(), o, quarantine.OpenGate{}); out.Kind != quarantine.OutcomeRefused || out.Untouched {
		t.Errorf("a NAK: %+v", out)
	}
}

func TestARefusedRestrictionWhoseUndoIsRefusedForTheSameWasNeverInForce(t *testing.T) {
	for _, test := range []struct {
		naked   bool
		was, is uint32
		want    quarantine.OutcomeKind
	}{
		{true, 401, 401, quarantine.OutcomeAcked}, {true, 405, 405, quarantine.OutcomeAcked}, {true, 407, 407, quarantine.OutcomeAcked},
		{true, 401, 407, quarantine.OutcomeRefused}, {false, 401, 401, quarantine.OutcomeRefused},
		{true, 506, 506, quarantine.OutcomeRefused}, {true, 0, 0, quarantine.OutcomeRefused},
	} {
		e, net := oneBNG(t, geared(gear{dialect: "filter-id", restricted: "GARDEN", normal: "PLAN"}))
		release := releaseOf(prepared(t, e))
		release.Confirmed, release.From[0].Naked, release.From[0].Cause = false, test.naked, test.was
		net.answers = []coa.Result{{Kind: coa.NAK, ErrorCause: test.is, Transmissions: 1}}
		if out := e.Enforce(t.Context(), release, quarantine.OpenGate{}); out.Kind != test.want {
			t.Errorf("%+v: %+v", test, out)
		}
	}
}

func TestALineThatARenamingPlatformDoesNotKnowIsGone(t *testing.T) {
	e, net := oneBNG(t, geared(gear{dialect: "coova-chilli", restricted: "portal", normal: "2000/10000"}))
	o := prepared(t, e)
	if !o.Outlives {
		t.Error("its restriction is said to end with the session")
	}
	net.answers = []coa.Result{{Kind: coa.NAK, Transmissions: 1}}
	if out := e.Enforce(t.Context(), releaseOf(o), quarantine.OpenGate{}); out.Kind != quarantine.OutcomeSessionGone {
		t.Errorf("a release: %+v", out)
	}
	if out := e.Enforce(t.Context(), o, quarantine.OpenGate{}); out.Kind != quarantine.OutcomeRefused {
		t.Errorf("a restriction: %+v", out)
	}
}

func TestTheReleaseOfALineWhoseIDNobodyKnowsGivesItsLimitsBack(t *testing.T) {
	at := slices.IndexFunc(gears, func(g gear) bool { return g.renames })
	inGear(t, gears[at], nil, func(t *testing.T, l *gearLab) {
		old := l.look()
		o := l.restrict(old, "garden")
		l.wantOutcome(l.enforce(o), quarantine.OutcomeAcked)
		if now := l.look(); now.ID == old.ID {
			t.Fatal("the lab BNG kept the id: the test proves nothing")
		}
		l.wantOutcome(l.release(old, o, true), quarantine.OutcomeAcked)
		l.wantNormal()
		last := l.seen[len(l.seen)-1].Octets
		attributes, err := radius.ParseAttributes(last[radiusx.HeaderLength:])
		must(t, err)
		text := l.enforcer.fleet.named["bng1"].dictionary.Input(l.enforcer.fleet.named["bng1"].dictionary.Decode(attributes))
		for _, want := range []string{"Session-Timeout = 86400", "Acct-Interim-Interval = 300", "ChilliSpot-Bandwidth-Max-Down = 10000"} {
			if !strings.Contains(text, want) {
				t.Errorf("the release has no %s:\n%s", want, text)
			}
		}
	})
}

func TestWordsOfANormalProfileAreWhatAccountingShows(t *testing.T) {
	seen := func(name string) string {
		return map[string]string{"Session-Timeout": "3600", "Filter-Id": "GOLD"}[name]
	}
	for configured, want := range map[string]string{
		"PLAN": "PLAN", "overlay": "overlay", "a=b c=d": "a=b c=d",
		"$Filter-Id|PLAN":      "GOLD",
		"$Class|PLAN A":        "PLAN A",
		"$Filter-Id|up/down x": "GOLD",
		"2000/10000 timeout=$Session-Timeout|86400 interim=$Acct-Interim-Interval|300": "2000/10000 timeout=3600 interim=300",
		"$Filter-Id|2/3 timeout=5": "GOLD timeout=5",
	} {
		if got := ResolveNormal(configured, seen); got != want {
			t.Errorf("%q: %q, want %q", configured, got, want)
		}
	}
	if _, err := fallbacks("2/3 timeout=$Session-Timeout"); err == nil {
		t.Error("a word without a fallback is taken")
	}
	e, _ := oneBNG(t, geared(gear{dialect: "coova-chilli", restricted: "portal", normal: "2000/10000 timeout=$Session-Timeout|86400"}))
	if !slices.Contains(e.fleet.AccountingAttributes(), "Session-Timeout") {
		t.Error("what a word is read from is not kept")
	}
}

// Of two profiles that may be in force the newer one cannot be taken away with what is
// configured: the other is all the same.
func TestWhatCannotBeMadeDefersNoOtherRelease(t *testing.T) {
	e, net := oneBNG(t, geared(gear{dialect: "filter-id", restricted: "GARDEN", normal: "PLAN"}))
	stuck := quarantine.AppliedProfile{Profile: "other", Undo: `{"restricted":"X","normal":"PLAN","dialect":"site-own"}`}
	o := releaseOf(prepared(t, e))
	o.From = append(o.From, stuck)
	out := e.Enforce(t.Context(), o, quarantine.OpenGate{})
	if out.Kind != quarantine.OutcomeRefused || out.Untouched || !strings.Contains(out.Reason, "site-own") || len(net.sent) != 1 {
		t.Errorf("%+v, sent %v", out, net.sent)
	}
}

// What may have ended a session leaves nothing to undo, on a platform too that cannot
// restore without the name of a normal profile: its release is done, and owed to nobody.
func TestADisconnectThatWasNotAnsweredLeavesNothingToUndo(t *testing.T) {
	for _, name := range dialect.Builtin().Names() {
		e, net := oneBNG(t, func(c *Config) { c.Dialect, _ = dialect.Builtin().Get(name) })
		s := ofAlice()
		applied := []quarantine.AppliedProfile{{Profile: quarantine.Disconnect}}
		if err := e.fleet.CanRelease(&s, applied); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		out := e.Enforce(t.Context(), quarantine.Order{Session: s, From: applied}, quarantine.OpenGate{})
		if out.Kind != quarantine.OutcomeAcked || len(net.sent) > 0 {
			t.Errorf("%s: %+v, sent %v", name, out, net.sent)
		}
	}
}
