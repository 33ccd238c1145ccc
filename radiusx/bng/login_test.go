package bng

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/bngsim"
	"cordon/radiusx/dialect"
)

// asked is an Access-Request of bng1 in the gear lab for the victim.
func asked() []radiusx.Attribute {
	return []radiusx.Attribute{{Name: "User-Name", Value: victim}, {Name: "NAS-IP-Address", Value: "192.0.2.1"}}
}

// accepted is what a BNG makes of a plan after the changes to its Access-Accept.
func accepted(t *testing.T, plan bngsim.State, changes []dialect.ReplyChange) bngsim.State {
	t.Helper()
	state := plan
	state.Services, state.Overrides = slices.Clone(plan.Services), slices.Clone(plan.Overrides)
	for _, c := range changes {
		value := c.Attribute.Value
		switch c.Attribute.Name {
		case "Filter-Id":
			state.FilterID = value
		case "Mikrotik-Address-List":
			state.AddressList = value
		case "Alc-SLA-Prof-Str", "RtBrick-Service-Profile":
			state.ServiceProfile = value
		case "VasExperts-Policing-Profile":
			state.RateLimit = value
		case "Alc-Subscriber-Filter":
			state.Overrides = nil
			if c.Action == dialect.ReplySet {
				state.Overrides = strings.Split(strings.ReplaceAll(value, ":", "="), ",")
				slices.Sort(state.Overrides)
			}
		case "ERX-Service-Activate", "Service-Name":
			state.Services = append(state.Services, value)
		case "Cisco-Account-Info":
			state.Services = append(state.Services, strings.TrimPrefix(value, "A"))
		case "Cisco-AVPair":
			state.Services = append(state.Services, strings.TrimPrefix(value, "subscriber:sa="))
		case "Service-Action":
		default:
			t.Fatalf("this test does not know what %s does at log-in", c.Attribute.Name)
		}
	}
	return state
}

// eachLogIn runs a story with a victim who logs in restricted, on each gear that
// has a way to.
func eachLogIn(t *testing.T, story func(*testing.T, *gearLab, quarantine.AppliedProfile)) {
	t.Helper()
	ran := 0
	for _, g := range builtinGears() {
		if g.restricted == "" {
			continue
		}
		t.Run(g.name(), func(t *testing.T) {
			inGear(t, g, nil, func(t *testing.T, l *gearLab) {
				logIn, ok := NewLogIns(l.enforcer.fleet, AccountingConfig{}).LogIn(asked())
				if !ok {
					t.Fatal("the log-in is nobody's")
				}
				changes, err := logIn.Reply("garden")
				undo, listed := logIn.Undo()["garden"]
				if listed != (err == nil) {
					t.Fatalf("undo is listed: %v, but the reply: %v", listed, err)
				}
				if err != nil {
					return // left alone: the dialect's transcript has the reason
				}
				ran++
				must(t, l.sim.Logout(t.Context(), l.look().ID))
				plan := l.gear.atLogin
				l.gear.atLogin = accepted(t, plan, changes)
				l.dial(victim, 100)
				l.gear.atLogin = plan
				l.wantRestricted()
				story(t, l, quarantine.AppliedProfile{Profile: "garden", Undo: undo})
				l.wantNormal()
			})
		})
	}
	if ran < 12 {
		t.Errorf("only %d forms restrict at log-in: this test proves little", ran)
	}
}

func TestWhatALogInSetsIsTakenAwayByTheDialectsRestore(t *testing.T) {
	eachLogIn(t, func(_ *testing.T, l *gearLab, given quarantine.AppliedProfile) {
		restore := quarantine.Order{Session: l.look(), From: []quarantine.AppliedProfile{given}}
		l.wantOutcome(l.enforce(restore), quarantine.OutcomeAcked)
	})
}

// The CoA after the Start is the second try of what the log-in did.
func TestACoAAfterARestrictedLogInChangesNothingAndIsNoRefusal(t *testing.T) {
	eachLogIn(t, func(t *testing.T, l *gearLab, given quarantine.AppliedProfile) {
		inGarden := l.now()
		again := quarantine.Order{Session: l.look(), To: "garden", Undo: given.Undo, From: []quarantine.AppliedProfile{given}}
		l.wantOutcome(l.enforce(again), quarantine.OutcomeAcked)
		if now := l.now(); !now.Equal(inGarden) {
			t.Errorf("the BNG has %s, after the log-in it had %s", now, inGarden)
		}
		l.wantOutcome(l.release(l.look(), again, true), quarantine.OutcomeAcked)
	})
}

func TestALogInIsForTheBNGAndTheSubscriberThatItNames(t *testing.T) {
	fleet := testFleet(t)
	desk := NewLogIns(fleet, AccountingConfig{Key: keyOf(t, "Calling-Station-Id"), Ignore: []Ignore{{Realm: "voip"}, {NASPortID: "*:836"}}})
	for _, test := range []struct {
		about    string
		reported []radiusx.Attribute
		bng      string // "": left alone
	}{
		{"by its address", attrs("NAS-IP-Address", "192.0.2.1", "Calling-Station-Id", "alice"), "bng1"},
		{"by its name", attrs("NAS-Identifier", "edge-2", "Calling-Station-Id", "alice"), "bng2"},
		{"by both", attrs("NAS-Identifier", "edge-2", "NAS-IPv6-Address", "2001:db8::2", "Calling-Station-Id", "alice"), "bng2"},
		{"by names that contradict each other", attrs("NAS-Identifier", "edge-2", "NAS-IP-Address", "192.0.2.1",
			"Calling-Station-Id", "alice"), ""},
		{"by an address that is not the name's", attrs("NAS-Identifier", "edge-2", "NAS-IP-Address", "192.0.2.9",
			"Calling-Station-Id", "alice"), ""},
		{"unknown", attrs("NAS-IP-Address", "192.0.2.9", "Calling-Station-Id", "alice"), ""},
		{"unnamed", attrs("Calling-Station-Id", "alice"), ""},
		{"an address that is none", attrs("NAS-IP-Address", "bng1", "Calling-Station-Id", "alice"), ""},
		{"without the subscriber key", attrs("NAS-IP-Address", "192.0.2.1", "User-Name", "alice"), ""},
		{"a realm that is never touched", attrs("NAS-IP-Address", "192.0.2.1", "Calling-Station-Id", "alice", "User-Name", "a@voip"), ""},
		{"a port that is never touched", attrs("NAS-IP-Address", "192.0.2.1", "Calling-Station-Id", "alice", "NAS-Port-Id", "1/2:836"), ""},
	} {
		l, ok := desk.LogIn(test.reported)
		if ok != (test.bng != "") || ok && (l.BNG() != test.bng || l.Subscriber != "alice") {
			t.Errorf("%s: got %+v, %v; want %q", test.about, l, ok, test.bng)
		}
	}
}

// What accounting showed last is what is restored; a session that begins
// restricted never shows it.
func TestALogInIsLeftAloneWhereTheNormalProfileIsWhatAccountingShows(t *testing.T) {
	d, _ := dialect.Builtin().Get("filter-id")
	secret, err := radiusx.NewSecret("0123456789abcdef0123456789abcdef")
	must(t, err)
	fleet, err := NewFleet([]Config{{
		Name: "bng1", Address: netip.MustParseAddr("192.0.2.1"), Secret: secret, Dialect: d,
		Profiles: map[string]dialect.Profile{"garden": {Restricted: "GARDEN", Normal: "$Filter-Id|INTERNET"},
			"no-smtp": {Restricted: "NO-SMTP", Normal: "INTERNET"}},
	}})
	must(t, err)
	l, ok := NewLogIns(fleet, AccountingConfig{}).LogIn(asked())
	if !ok {
		t.Fatal("the log-in is nobody's")
	}
	if changes, err := l.Reply("garden"); err == nil {
		t.Errorf("got %v, want it left alone", changes)
	}
	if _, err := l.Reply(quarantine.Disconnect); err == nil {
		t.Error("a disconnect is no answer to a log-in")
	}
	if undo := l.Undo(); len(undo) != 1 || undo["no-smtp"] == "" {
		t.Errorf("undo: %v", undo)
	}
}

// attrs makes attributes of names and values in turns.
func attrs(pairs ...string) []radiusx.Attribute {
	var list []radiusx.Attribute
	for pair := range slices.Chunk(pairs, 2) {
		list = append(list, radiusx.Attribute{Name: pair[0], Value: pair[1]})
	}
	return list
}

// What begins at log-in must be possible to take away by CoA.
func TestNoLogInBeginsRestrictedAtABNGThatIsUnresponsiveOrRefusesTheProfile(t *testing.T) {
	inBreaker(t, func(t *testing.T, b *breaker) {
		m := &member{path: b, refusals: refusals{named: map[string]*refusal{}}}
		e := &Enforcer{fleet: &Fleet{named: map[string]*member{"bng1": m}}}
		want := func(about, bng, profile string, want bool) {
			t.Helper()
			s := quarantine.Session{SessionKey: quarantine.SessionKey{BNG: bng}}
			why, deferred := e.PathDefers(s, false)
			if !deferred {
				why, deferred = e.ProfileStopped(s, profile, false)
			}
			if deferred == want || deferred == (why == "") {
				t.Errorf("%s: %v %q", about, deferred, why)
			}
		}
		want("all is well", "bng1", "garden", true)
		want("no such BNG", "bng9", "garden", false)
		for _, subscriber := range []string{"a", "b", "c"} {
			m.refusals.refused("garden", subscriber, 407, time.Now())
		}
		want("a profile that is refused to all", "bng1", "garden", false)
		want("another profile", "bng1", "no-smtp", true)
		stayUnanswered(b, 100, 10)
		want("silent", "bng1", "no-smtp", false)
	})
}

func TestALogInIsOfTheSubscriberThatAccountingWillTell(t *testing.T) {
	fleet, keys := testFleet(t), &SubscriberKeys{StripRealm: true, Lower: true}
	keys.Use(map[string]string{"alice": "4711"})
	reported := []radiusx.Attribute{{Name: "User-Name", Value: "Alice@ISP"}, {Name: "NAS-IP-Address", Value: "192.0.2.1"}}
	desk := NewLogIns(fleet, AccountingConfig{Keys: keys})
	if l, ok := desk.LogIn(reported); !ok || l.Subscriber != "4711" {
		t.Errorf("log-in %+v", l)
	}
	fleet.named["bng1"].Role = RoleLAC
	if l, ok := desk.LogIn(reported); ok {
		t.Errorf("a log-in at a LAC, whose session is never touched: %+v", l)
	}
}
