package bng

import (
	"net/netip"
	"slices"
	"testing"

	"layeh.com/radius"

	"cordon/radiusx"
	"cordon/radiusx/bngsim"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// provable are the gears whose make, as it is modelled, shows what its dialect
// takes for a proof. Huawei's may report Filter-Id; the model does not.
var provable = []string{"filter-id", "junos/overlay", "junos/swap", "nokia-sros/swap", "cisco-isg/overlay", "cisco-isg/swap"}

func TestWhatADialectTakesForAProofIsOneOnItsMake(t *testing.T) {
	for _, g := range builtinGears() {
		if g.restricted == "" {
			continue
		}
		t.Run(g.name(), func(t *testing.T) {
			inGear(t, g, nil, func(t *testing.T, l *gearLab) {
				want := dialect.SaysNothing
				if slices.Contains(provable, g.name()) {
					want = dialect.Shown
				}
				garden := l.restrict(l.look(), "garden")
				l.enforce(garden)
				if got := l.prove(dialect.Restrict); got != want {
					t.Errorf("restricted: %s, want %s", got, want)
				}
				l.release(l.look(), garden, true)
				if got := l.prove(dialect.Restore); got == dialect.Contradicted {
					t.Errorf("restored: %s", got)
				}
			})
		})
		t.Run(g.name()+"/ack-ignore", func(t *testing.T) {
			inGear(t, g, []bngsim.Quirk{bngsim.AckIgnore}, func(t *testing.T, l *gearLab) {
				l.enforce(l.restrict(l.look(), "garden"))
				must(t, l.sim.SetQuirks())
				if got := l.prove(dialect.Restrict); got == dialect.Shown {
					t.Error("an ACK without effect is taken for a proof")
				}
			})
		})
	}
}

// prove carries the dialect's checks out, and says what the messages together
// prove: one that contradicts, or one that shows it.
func (l *gearLab) prove(action dialect.Action) dialect.Finding {
	l.t.Helper()
	session := l.look()
	m := l.enforcer.fleet.named["bng1"]
	checks, err := m.Dialect.Checks(m.request(action, &session, m.Profiles["garden"]))
	must(l.t, err)
	found := dialect.SaysNothing
	for _, check := range checks {
		l.book.take()
		messages := [][]radiusx.Attribute{l.query(m, check.Query)}
		if check.In == dialect.InInterim {
			if check.Query == nil {
				must(l.t, l.sim.Interim(l.t.Context(), session.ID))
			}
			settle()
			messages = slices.DeleteFunc(l.book.take(), stops)
		}
		for _, message := range messages {
			switch finding := check.Judge(message); {
			case finding == dialect.Contradicted:
				return finding
			case finding == dialect.Shown:
				found = finding
			}
		}
	}
	return found
}

// stops reports a Stop: that of a service names what is no longer in force.
func stops(record []radiusx.Attribute) bool {
	status, _ := radiusx.Find(record, "Acct-Status-Type")
	return status == "Stop"
}

// query sends a check's request and returns what its ACK says.
func (l *gearLab) query(m *member, step *dialect.Step) []radiusx.Attribute {
	l.t.Helper()
	if step == nil {
		return nil
	}
	attributes, err := m.dictionary.EncodeAll(step.Attributes)
	must(l.t, err)
	result, err := l.enforcer.client.Do(l.t.Context(), coa.Exchange{
		Peer: netip.AddrPortFrom(m.Address, m.CoAPort), Secret: m.Secret, Code: step.Code, Attributes: attributes,
		MessageAuthenticator: m.MessageAuthenticator,
	})
	must(l.t, err)
	if result.Kind != coa.ACK {
		l.t.Fatalf("the query: %+v", result)
	}
	said, err := radius.ParseAttributes(result.Reply[radiusx.HeaderLength:])
	must(l.t, err)
	return m.dictionary.Decode(said)
}
