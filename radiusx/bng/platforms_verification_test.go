package bng

import (
	"slices"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/bngsim"
)

// provable are the gears whose platform, as it is modelled, shows what its dialect
// takes for a proof. Huawei's may report Filter-Id; the model does not.
var provable = []string{"filter-id", "junos/overlay", "junos/swap", "nokia-sros/swap", "cisco-isg/overlay", "cisco-isg/swap"}

func TestWhatADialectTakesForAVerificationIsOneOnItsPlatform(t *testing.T) {
	for _, g := range builtinGears() {
		if g.restricted == "" {
			continue
		}
		shows := slices.Contains(provable, g.name())
		t.Run(g.name(), func(t *testing.T) {
			inGear(t, g, nil, func(t *testing.T, l *gearLab) {
				want := map[bool]quarantine.OutcomeKind{true: quarantine.OutcomeVerified, false: quarantine.OutcomeAcked}[shows]
				garden := l.restrict(l.look(), "garden")
				acked := l.enforce(garden)
				if shows && acked.Verification == quarantine.NoVerification {
					t.Error("restricted: nothing is expected to prove it")
				}
				l.book.take()
				if got := l.prove(garden); got != want {
					t.Errorf("restricted: %s, want %s", got, want)
				}
				l.release(l.look(), garden, true)
				settle()
				l.book.take()
				if got := l.prove(released(garden)); got == quarantine.OutcomeRefused {
					t.Errorf("restored: %s", got)
				}
			})
		})
		t.Run(g.name()+"/ack-ignore", func(t *testing.T) {
			inGear(t, g, []bngsim.Quirk{bngsim.AckIgnore}, func(t *testing.T, l *gearLab) {
				garden := l.restrict(l.look(), "garden")
				l.enforce(garden)
				must(t, l.sim.SetQuirks())
				if got := l.prove(garden); got == quarantine.OutcomeVerified {
					t.Error("an ACK without effect is taken for a proof")
				}
			})
		})
	}
}

// exposed are the gears that an ignored release is found out on, because asking
// them, or their accounting, shows the restriction that is still in force.
var exposed = []string{"filter-id", "junos/overlay", "junos/swap", "nokia-sros/swap", "cisco-isg/overlay", "cisco-isg/swap"}

func TestAReleaseThatWasIgnoredIsFoundOutWhereThePlatformShowsIt(t *testing.T) {
	for _, g := range builtinGears() {
		if g.restricted == "" {
			continue
		}
		t.Run(g.name(), func(t *testing.T) {
			inGear(t, g, nil, func(t *testing.T, l *gearLab) {
				garden := l.restrict(l.look(), "garden")
				l.enforce(garden)
				must(t, l.sim.SetQuirks(bngsim.AckIgnore))
				l.wantOutcome(l.release(l.look(), garden, true), quarantine.OutcomeAcked)
				must(t, l.sim.SetQuirks())
				settle()
				l.book.take()
				got, want := l.prove(released(garden)), quarantine.OutcomeAcked
				if slices.Contains(exposed, g.name()) {
					want = quarantine.OutcomeRefused
				}
				if got != want {
					t.Errorf("the look says %s, want %s", got, want)
				}
			})
		})
	}
}

// released is the order that takes a restriction away.
func released(o quarantine.Order) quarantine.Order {
	return quarantine.Order{Session: o.Session, From: []quarantine.AppliedProfile{applied(o)}}
}

// prove has the enforcer look until it has found something out, with the
// records that came since.
func (l *gearLab) prove(order quarantine.Order) quarantine.OutcomeKind {
	l.t.Helper()
	order.Check, order.Since = true, time.Now().Add(-time.Second)
	outcome := quarantine.Outcome{}
	for range 2 { // the first look may make the BNG send a record
		order.Session = l.look()
		must(l.t, l.sim.Interim(l.t.Context(), order.Session.ID))
		settle()
		order.Session.Observed = append(order.Session.Observed, l.shown()...)
		if outcome = l.enforce(order); outcome.Kind != quarantine.OutcomeAcked {
			break
		}
	}
	return outcome.Kind
}

// shown is what the records since the last call report of the profiles in force.
func (l *gearLab) shown() []quarantine.ObservedAttribute {
	var shown []quarantine.ObservedAttribute
	for _, record := range slices.DeleteFunc(l.book.take(), stops) {
		for _, a := range record {
			if l.enforcer.fleet.named["bng1"].observable[a.Name] {
				shown = append(shown, quarantine.ObservedAttribute{Attribute: quarantine.Attribute{Name: a.Name, Value: a.Value},
					At: time.Now()})
			}
		}
	}
	return shown
}

// stops reports a Stop: that of a service names what is no longer in force.
func stops(record []radiusx.Attribute) bool {
	status, _ := radiusx.Find(record, "Acct-Status-Type")
	return status == "Stop"
}
