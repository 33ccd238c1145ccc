package bng

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/radiusx/bngsim"
	"cordon/radiusx/dialect"
)

// ISG's clones give a session another id with each service that comes or goes. The
// second step then goes to an id that is no more, and the first cannot be taken
// back under it: the order ends with "session gone" while the line is without any
// service. What must hold is that a release under the new id mends it.
func TestASessionThatIsRenumberedBetweenTwoStepsIsMendedByARelease(t *testing.T) {
	for _, g := range builtinGears() {
		if g.steps < 2 || !slices.Contains(g.platform.Quirks(), bngsim.SessionIDChanges) {
			continue
		}
		t.Run(g.name(), func(t *testing.T) {
			inGear(t, g, []bngsim.Quirk{bngsim.SessionIDChanges}, func(t *testing.T, l *gearLab) {
				garden := l.restrict(l.look(), "garden")
				l.wantOutcome(l.enforce(garden), quarantine.OutcomeUnanswered)
				if left := l.now(); len(left.Services) != 0 {
					t.Errorf("the victim has %s: the test proves nothing", left)
				}
				must(t, l.sim.SetQuirks())
				l.release(l.look(), garden, false)
				l.wantNormal()
			})
		})
	}
}

func TestARestrictionWhoseAnswersWereLostCanBeTriedAgainOnEveryPlatform(t *testing.T) {
	for _, g := range builtinGears() {
		if g.restricted == "" {
			continue
		}
		t.Run(g.name(), func(t *testing.T) {
			inGear(t, g, nil, func(t *testing.T, l *gearLab) {
				l.sim.SetFaults(bngsim.Faults{Out: bngsim.Link{Lose: 1}})
				garden := l.restrict(l.look(), "garden")
				out := l.enforce(garden)
				l.wantOutcome(out, quarantine.OutcomeUnanswered)
				l.sim.SetFaults(bngsim.Faults{})
				again := l.restrict(l.look(), "garden")
				again.From = []quarantine.AppliedProfile{applied(garden)}
				out = l.enforce(again)
				want := quarantine.OutcomeAcked
				if g.normal != dialect.Overlay && swapsInOnePacket[g.dialect] {
					want = quarantine.OutcomeRefused
				}
				l.wantOutcome(out, want)
				l.wantRestricted()
				l.release(l.look(), garden, false)
				l.wantNormal()
			})
		})
	}
}

func TestARestrictionThatNeverArrivedCanBeRestoredOnEveryPlatform(t *testing.T) {
	for _, g := range builtinGears() {
		if g.restricted == "" {
			continue
		}
		t.Run(g.name(), func(t *testing.T) {
			inGear(t, g, nil, func(_ *testing.T, l *gearLab) {
				garden := l.restrict(l.look(), "garden")
				l.wantOutcome(l.release(l.look(), garden, false), quarantine.OutcomeAcked)
				l.wantNormal()
			})
		})
	}
}

// One datagram that the network held: the release came in between. Nothing was
// sent twice, so nothing tells; releasing once more mends it.
func TestALateDuplicateOfARestrictionIsMendedByReleasingAgain(t *testing.T) {
	for _, g := range builtinGears() {
		if g.restricted == "" || g.platform == bngsim.CoovaChilli {
			continue // Chilli's session has another id by then
		}
		t.Run(g.name(), func(t *testing.T) {
			inGear(t, g, []bngsim.Quirk{bngsim.LateDuplicate}, func(t *testing.T, l *gearLab) {
				garden := l.restrict(l.look(), "garden")
				l.wantOutcome(l.enforce(garden), quarantine.OutcomeAcked)
				must(t, l.sim.SetQuirks())
				l.wantOutcome(l.release(l.look(), garden, true), quarantine.OutcomeAcked)
				l.wantNormal()
				settle()
				l.wantRestricted()
				l.release(l.look(), garden, false)
				l.wantNormal()
			})
		})
	}
}

// The login is the subscriber's, but two lines may share it.
func TestTheOtherSessionOfALoginIsHitOnlyByGearThatGoesByLogin(t *testing.T) {
	for _, g := range builtinGears() {
		if g.restricted == "" {
			continue
		}
		for _, quirk := range g.platform.Quirks() {
			if slices.Contains(overOrders, quirk) {
				continue
			}
			t.Run(g.name()+"/"+string(quirk), func(t *testing.T) {
				byLogin := g.goesByName || quirk == bngsim.NameOnly
				inGear(t, g, []bngsim.Quirk{quirk}, func(t *testing.T, l *gearLab) {
					first := l.look()
					l.dial(victim, 150)
					twin := l.sim.Find(victim)[1]
					second := first
					second.ID, second.Addresses = twin.ID,
						[]quarantine.Address{{Prefix: netip.PrefixFrom(twin.IPv4, 32), Kind: quarantine.FramedIP}}
					second.Attributes = []quarantine.Attribute{{Name: "NAS-IP-Address", Value: "192.0.2.1"},
						{Name: "Calling-Station-Id", Value: twin.MAC}}
					l.enforce(l.restrict(second, "garden"))
					innocent, ok := l.sim.Session(first.ID)
					if hit := !ok || !innocent.Equal(g.atLogin); hit != byLogin {
						t.Errorf("the first session of the login has %s; gear that goes by login: %t", innocent.State, byLogin)
					}
				})
			})
		}
	}
}

func TestANameThatTheBNGLacksIsRefusedOrNot(t *testing.T) {
	for _, test := range []struct {
		gear   string
		quirk  bngsim.Quirk
		want   quarantine.OutcomeKind
		lasted bool // the restriction outlasts the release to a name that is not there
	}{
		{"huawei-ne", bngsim.AcksUnknown, quarantine.OutcomeAcked, true},
		{"huawei-ne", bngsim.RefusesUnknown, quarantine.OutcomeRefused, true},
		{"junos/overlay", bngsim.AcksUnknown, quarantine.OutcomeAcked, false},
	} {
		at := slices.IndexFunc(builtinGears(), func(g gear) bool { return g.name() == test.gear })
		if at < 0 {
			continue // a dialect that this program lacks
		}
		g := builtinGears()[at]
		t.Run(test.gear+"/"+string(test.quirk), func(t *testing.T) {
			inGear(t, g, []bngsim.Quirk{test.quirk}, func(t *testing.T, l *gearLab) {
				names := l.enforcer.fleet.named["bng1"].Profiles
				names["garden"] = dialect.Profile{Restricted: "GARDNE", Normal: g.normal}
				l.wantOutcome(l.enforce(l.restrict(l.look(), "garden")), test.want)
				l.wantNormal()
				if g.normal == dialect.Overlay {
					return
				}
				names["garden"] = dialect.Profile{Restricted: g.restricted, Normal: "PLNA"}
				garden := l.restrict(l.look(), "garden")
				l.wantOutcome(l.enforce(garden), quarantine.OutcomeAcked)
				l.wantOutcome(l.release(l.look(), garden, true), test.want)
				if lasted := !l.now().Equal(g.atLogin); lasted != test.lasted {
					t.Errorf("after a release to a name that is not there: %s", l.now())
				}
			})
		})
	}
}

// The second try finds nothing: with a cause that is known for a success, without
// one it looks like a refusal, although the session is over.
func TestADisconnectWhoseFirstAnswerIsLostIsASuccessWhereTheCauseIsNamed(t *testing.T) {
	for _, g := range builtinGears() {
		if g.platform == "" {
			continue // the same platform, in another form
		}
		for _, test := range []struct {
			quirks []bngsim.Quirk
			want   quarantine.OutcomeKind
		}{
			{nil, quarantine.OutcomeAcked},
			{[]bngsim.Quirk{bngsim.NoDuplicateCache}, quarantine.OutcomeAcked},
			{[]bngsim.Quirk{bngsim.NoDuplicateCache, bngsim.NAKWithoutCause}, quarantine.OutcomeRefused},
		} {
			if g.platform == bngsim.CoovaChilli { // never names a cause and remembers nothing
				test.want = quarantine.OutcomeRefused
			}
			t.Run(g.name()+"/"+label(test.quirks), func(t *testing.T) {
				inGear(t, g, test.quirks, func(t *testing.T, l *gearLab) {
					l.sim.SetFaults(bngsim.Faults{Out: bngsim.Link{Lose: 1}})
					time.AfterFunc(time.Second, func() { l.sim.SetFaults(bngsim.Faults{}) })
					l.wantOutcome(l.enforce(quarantine.Order{Session: l.look(), To: quarantine.Disconnect}), test.want)
					if len(l.sim.Find(victim)) != 0 {
						t.Error("the session is still there")
					}
				})
			})
		}
	}
}
