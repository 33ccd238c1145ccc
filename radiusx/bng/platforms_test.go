package bng

import (
	"slices"
	"testing"

	"cordon/quarantine"
	"cordon/radiusx/bngsim"
	"cordon/radiusx/dialect"
)

// overOrders are quirks under which one order is not the end of it: an engine
// asks again, and integration/chaos/stories runs every dialect so.
var overOrders = []bngsim.Quirk{
	bngsim.NAKsRestrict, bngsim.NAKsRestore, bngsim.Hides, bngsim.MACAuth, bngsim.RebootsSilently, bngsim.NotFound,
	bngsim.SlowHooks, bngsim.QueuedHooks,
}

// quirksOf are the lists of quirks that a gear is run under: none, each that its
// make is known for, and each that any gear may have.
func quirksOf(g gear) [][]bngsim.Quirk {
	lists := [][]bngsim.Quirk{nil}
	for _, q := range bngsim.Quirks() {
		if slices.Contains(overOrders, q.Name) {
			continue
		}
		if q.Platforms == nil || slices.Contains(q.Platforms, g.platform) {
			lists = append(lists, []bngsim.Quirk{q.Name})
		}
	}
	return lists
}

// unheard are quirks under which no answer to a CoA-Request can be believed, or
// none comes. changes tells whether the BNG obeys all the same.
var unheard = map[bngsim.Quirk]struct{ changes bool }{
	bngsim.SilentCoA: {false},
	bngsim.ClockSkew: {false}, // but see stamped
	bngsim.WrongCode: {true},
	bngsim.WrongID:   {true},
	// Only of gear that signs its answers at all.
	bngsim.BadMessageAuth: {true},
}

// hears reports whether answers arrive and can be believed.
func hears(g gear, quirks []bngsim.Quirk) bool {
	for _, q := range quirks {
		_, deaf := unheard[q]
		unsigned := q == bngsim.BadMessageAuth && (g.platform == bngsim.AccelPPP || g.platform == bngsim.VyOS ||
			g.platform == bngsim.OSVBNG)
		if deaf && !unsigned {
			return false
		}
	}
	return true
}

func TestEveryDialectHasAModelOrAReasonWhyNot(t *testing.T) {
	for _, name := range dialect.Builtin().Names() {
		d, _ := dialect.Builtin().Get(name)
		for form := range d.Forms() {
			ok := slices.ContainsFunc(gears, func(g gear) bool {
				return g.dialect == name && (g.why != "" || (g.normal == dialect.Overlay) == (form == dialect.Overlay))
			})
			if !ok {
				t.Errorf("%s, %s: run against nothing, and nobody says why", name, form)
			}
		}
		if !slices.ContainsFunc(gears, func(g gear) bool { return g.dialect == name }) {
			t.Errorf("%s: run against nothing, and nobody says why", name)
		}
	}
}

// eachGear runs a story for each gear with a model, under each of its quirks.
func eachGear(t *testing.T, story func(*testing.T, *gearLab, []bngsim.Quirk)) {
	t.Helper()
	for _, g := range builtinGears() {
		if g.restricted == "" {
			continue // TestEveryDialectHasAModelOrAReasonWhyNot asks for the reason
		}
		t.Run(g.name(), func(t *testing.T) {
			underEach(t, quirksOf(g), func(t *testing.T, quirks []bngsim.Quirk) {
				inGear(t, g, quirks, func(t *testing.T, l *gearLab) { story(t, l, quirks) })
			})
		})
	}
}

func TestEveryPlatformUnderItsQuirksIsRestrictedReconnectsAndIsRestored(t *testing.T) {
	eachGear(t, func(_ *testing.T, l *gearLab, quirks []bngsim.Quirk) {
		if l.gear.steps > 1 && slices.Contains(quirks, bngsim.SessionIDChanges) {
			return // see TestASessionThatIsRenumberedBetweenTwoSteps…
		}
		l.firstContact(quirks)
		garden := l.restrict(l.look(), "garden")
		l.wantTruth(l.enforce(garden), quirks)
		l.reconnect()
		l.wantNormal() // a CoA does not survive a reconnect
		again := l.restrict(l.look(), "garden")
		out := l.enforce(again)
		l.wantTruth(out, quirks)
		l.bringBack(again, out, quirks)
	})
}

func TestEveryPlatformUnderItsQuirksIsRestrictedChangedAndRestored(t *testing.T) {
	eachGear(t, func(_ *testing.T, l *gearLab, quirks []bngsim.Quirk) {
		if l.gear.other == "" || l.gear.changeSteps > 1 && slices.Contains(quirks, bngsim.SessionIDChanges) {
			return // the platform has one restriction only; see TestASessionThatIsRenumberedBetweenTwoSteps…
		}
		l.firstContact(quirks)
		garden := l.restrict(l.look(), "garden")
		out := l.enforce(garden)
		l.wantTruth(out, quirks)
		change := l.restrict(l.look(), "no-smtp", applied(garden))
		change.Confirmed = out.Kind == quarantine.OutcomeAcked
		inGarden := l.now()
		out = l.enforce(change)
		l.wantTruth(out, quirks)
		if out.Kind == quarantine.OutcomeAcked && !slices.Contains(quirks, bngsim.AckIgnore) && l.now().Equal(inGarden) {
			l.t.Errorf("after the change as before: %s", inGarden)
		}
		l.bringBack(change, out, quirks)
	})
}

// firstContact meets a BNG that restarts: the order fails, and everybody has
// another session.
func (l *gearLab) firstContact(quirks []bngsim.Quirk) {
	l.t.Helper()
	if !slices.Contains(quirks, bngsim.Reboots) {
		return
	}
	order := l.restrict(l.look(), "garden")
	if out := l.enforce(order); out.Kind == quarantine.OutcomeAcked && !l.gear.goesByName {
		l.t.Errorf("a session that the BNG lost was %s", out.Kind)
	}
	settle()
	if !l.gear.goesByName {
		l.wantNormal()
	}
	l.wantOthersUntouched()
	if !l.now().Equal(l.gear.atLogin) {
		l.release(l.look(), order, true)
	}
}

// wantTruth holds an outcome against what the BNG has.
func (l *gearLab) wantTruth(out quarantine.Outcome, quirks []bngsim.Quirk) {
	l.t.Helper()
	want := quarantine.OutcomeAcked
	if !hears(l.gear, quirks) {
		want = quarantine.OutcomeUnanswered
	}
	l.wantOutcome(out, want)
	changed := !l.now().Equal(l.gear.atLogin)
	switch {
	case out.Kind == quarantine.OutcomeAcked && slices.Contains(quirks, bngsim.AckIgnore):
		l.wantNormal() // an ACK is no proof
	case out.Kind == quarantine.OutcomeAcked:
		l.wantRestricted()
	case out.Kind == quarantine.OutcomeUnanswered && !out.Doubtful:
		l.t.Error("silence is not called doubtful")
	case out.Kind == quarantine.OutcomeRefused && changed && !out.Doubtful:
		l.t.Errorf("refused, and the victim has %s", l.now())
	}
}

// bringBack restores: under the quirk when its answers can be believed, and
// else, as the reconciler does, until the BNG behaves again.
func (l *gearLab) bringBack(order quarantine.Order, out quarantine.Outcome, quirks []bngsim.Quirk) {
	l.t.Helper()
	confirmed := out.Kind == quarantine.OutcomeAcked
	if hears(l.gear, quirks) && !slices.Contains(quirks, bngsim.AckIgnore) {
		l.wantOutcome(l.release(l.look(), order, confirmed), quarantine.OutcomeAcked)
		l.wantNormal()
		settle() // a late duplicate of the restriction comes before that of the release
		l.wantNormal()
		return
	}
	l.release(l.look(), order, confirmed)
	must(l.t, l.sim.SetQuirks())
	settle()
	l.wantOutcome(l.release(l.look(), order, false), quarantine.OutcomeAcked)
	l.wantNormal()
}

// swapsInOnePacket are platforms that refuse the whole of a swap that was done
// already, so that its retry cannot be told from a refusal.
var swapsInOnePacket = map[string]bool{"cisco-xr": true}

// Until the engine learns the new id, the release goes to the old one: that must
// hit nobody, and must not be called a success.
func TestAReleaseUnderASessionIDThatIsOverHitsNobody(t *testing.T) {
	for _, g := range builtinGears() {
		if g.restricted == "" || g.goesByName || g.renames { // of these a release is for the login, whatever the id
			continue
		}
		t.Run(g.name(), func(t *testing.T) {
			inGear(t, g, nil, func(t *testing.T, l *gearLab) {
				old := l.look()
				garden := l.restrict(old, "garden")
				l.wantOutcome(l.enforce(garden), quarantine.OutcomeAcked)
				l.reconnect()
				out := l.release(old, garden, true)
				if out.Kind != quarantine.OutcomeSessionGone && out.Kind != quarantine.OutcomeRefused {
					t.Errorf("the release of an ended session was %s", out.Kind)
				}
				l.wantNormal()
			})
		})
	}
}

// The id that the victim had belongs to a neighbour by now.
func TestASessionIDThatBelongsToAnotherRestrictsNobody(t *testing.T) {
	for _, g := range builtinGears() {
		if g.restricted == "" || g.goesByName {
			continue
		}
		t.Run(g.name(), func(t *testing.T) {
			inGear(t, g, []bngsim.Quirk{bngsim.IDReuse}, func(t *testing.T, l *gearLab) {
				old := l.look()
				order := l.restrict(old, "garden")
				must(t, l.sim.Logout(t.Context(), old.ID))
				l.dial("mallory", 200)
				l.others["mallory"] = g.atLogin
				if heir := l.sim.Find("mallory")[0]; heir.ID != old.ID {
					t.Fatalf("the neighbour has %s, the victim had %s: the test proves nothing", heir.ID, old.ID)
				}
				if byIDAlone[g.dialect] {
					delete(l.others, "mallory") // see byIDAlone
				}
				out := l.enforce(order)
				if out.Kind == quarantine.OutcomeAcked && !byIDAlone[g.dialect] {
					t.Error("somebody else's session was ACKed")
				}
			})
		})
	}
}

// byIDAlone are the dialects that send nothing but Acct-Session-Id, because their
// makes refuse or misread more: whoever has the id by then is hit. That it has
// not changed hands is for the engine to know (Accounting-On, Start, Stop).
var byIDAlone = map[string]bool{"nokia-sros": true, "staros": true, "osvbng": true}

func TestEveryPlatformDisconnectsOneSessionUnderItsQuirks(t *testing.T) {
	for _, g := range builtinGears() {
		if g.platform == "" {
			continue // the same platform, in another form
		}
		t.Run(g.name(), func(t *testing.T) {
			underEach(t, quirksOf(g), func(t *testing.T, quirks []bngsim.Quirk) {
				inGear(t, g, quirks, func(t *testing.T, l *gearLab) { l.disconnectOnce(quirks) })
			})
		})
	}
}

func (l *gearLab) disconnectOnce(quirks []bngsim.Quirk) {
	session := l.look()
	if _, impossible := l.enforcer.Prepare(session, quarantine.Disconnect); impossible != nil {
		l.t.Fatalf("prepare: %+v", impossible)
	}
	order := quarantine.Order{Session: session, To: quarantine.Disconnect}
	out := l.enforce(order)
	settle()
	silent := slices.ContainsFunc(quirks, func(q bngsim.Quirk) bool { return q == bngsim.ClockSkew })
	switch kept := slices.Contains(quirks, bngsim.AckIgnore) || silent || slices.Contains(quirks, bngsim.Reboots); {
	case kept && len(l.sim.Find(victim)) != 1:
		l.t.Errorf("%s, and the victim is gone", out.Kind)
	case !kept && len(l.sim.Find(victim)) != 0:
		l.t.Errorf("%s, and the victim is on line", out.Kind)
	}
	if hears(l.gear, slices.DeleteFunc(slices.Clone(quirks), func(q bngsim.Quirk) bool { return q == bngsim.SilentCoA })) &&
		!slices.Contains(quirks, bngsim.Reboots) {
		l.wantOutcome(out, quarantine.OutcomeAcked)
	}
}

// A client whose own clock is right gets nowhere with a BNG whose clock is wrong,
// until timestamps are left out.
func TestWithoutTimestampsAWrongClockDoesNoHarm(t *testing.T) {
	for _, g := range builtinGears() {
		if g.restricted == "" || g.platform == bngsim.StarOS {
			continue // StarOS insists on them
		}
		t.Run(g.name(), func(t *testing.T) {
			inGear(t, g, []bngsim.Quirk{bngsim.ClockSkew}, func(_ *testing.T, l *gearLab) {
				l.enforcer.fleet.named["bng1"].OmitEventTimestamp = true
				garden := l.restrict(l.look(), "garden")
				l.wantOutcome(l.enforce(garden), quarantine.OutcomeAcked)
				l.wantRestricted()
				l.wantOutcome(l.release(l.look(), garden, true), quarantine.OutcomeAcked)
				l.wantNormal()
			})
		})
	}
}
