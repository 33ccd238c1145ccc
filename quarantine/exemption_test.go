package quarantine

import (
	"net/netip"
	"testing"
	"time"
)

func withExemptions(m *model, r *Rulebook) Snapshot {
	in := m.snapshot()
	in.Exempt = func(s *Session) (string, bool) { return r.ExemptHere(m.c, s) }
	return in
}

func (m *model) work(in Snapshot) {
	for _, o := range m.c.Plan(in) {
		m.c.Dispatch(&o, m.now)
		m.c.Observe(o, m.carryOut(o), m.now)
	}
}

func TestWhatWasAppliedOnASessionThatIsExemptIsUndone(t *testing.T) {
	for _, state := range []CaseState{Restricted, CaseHeld} {
		r := &Rulebook{}
		m := standing()
		id := m.reconnect()
		m.untilRestricted(t, id, 0)
		if m.c.State = state; state == CaseHeld {
			m.c.Hold = &Hold{HoldMaxSessions, "x"}
		}
		r.Exemptions = []Exemption{{Subscriber: "alice", Reason: "hospital"}}
		for range 3 {
			m.work(withExemptions(m, r))
			m.now = m.now.Add(time.Second)
		}
		e := m.c.Sessions[0]
		if m.live[id].inForce != "" || e.Wanted != "" || e.Reason != "exempt: hospital" || !e.Spared() || !m.c.Open() || m.c.State == Releasing {
			t.Fatalf("%s: %q in force; the case is %s, %+v", state, m.live[id].inForce, m.c.State, e)
		}
		if state == CaseHeld {
			continue
		}
		if m.c.State != Waiting || m.c.NextDue(m.now).Sub(m.now) != IdleInterval {
			t.Errorf("with no session to restrict the case is %s, looked at in %s", m.c.State, m.c.NextDue(m.now).Sub(m.now))
		}
		r.Exemptions = nil
		m.work(withExemptions(m, r))
		if m.live[id].inForce != "garden" || m.c.State != Restricted {
			t.Errorf("exempt no longer: %q in force, the case is %s", m.live[id].inForce, m.c.State)
		}
	}
}

func TestOnlyTheExemptSessionIsLeftAlone(t *testing.T) {
	r := &Rulebook{Exemptions: []Exemption{{Prefix: netip.MustParsePrefix("198.51.100.0/24"), Reason: "hospital"}}}
	m := standing()
	m.login()
	m.login()
	m.live["s1"].Addresses = []Address{{Prefix: netip.MustParsePrefix("198.51.100.7/32"), Kind: FramedIP}}
	m.live["s2"].Addresses = []Address{{Prefix: netip.MustParsePrefix("203.0.113.7/32"), Kind: FramedIP}}
	m.work(withExemptions(m, r))
	if m.live["s1"].inForce != "" || m.live["s2"].inForce != "garden" || m.c.State != Restricted {
		t.Errorf("%q and %q in force, the case is %s", m.live["s1"].inForce, m.live["s2"].inForce, m.c.State)
	}
	for _, e := range m.c.Sessions {
		if e.Session.ID == "s1" && (e.Enforcement != Exempted || e.Attempts != 0) {
			t.Errorf("%+v", e)
		}
	}
	m.c.Cleared = true // a person decided
	if m.work(withExemptions(m, r)); m.live["s1"].inForce != "garden" {
		t.Error("a person's decision does not act on the exempt session")
	}
}

func TestALogInAnswerOnAnExemptSessionIsUndone(t *testing.T) {
	r := &Rulebook{Exemptions: []Exemption{{Prefix: netip.MustParsePrefix("198.51.100.0/24"), Reason: "hospital"}}}
	m := standing()
	m.c.LogIns = []LogInAnswer{{BNG: "bng1", At: m.now, AppliedProfile: AppliedProfile{Profile: "garden", Undo: "undo"}}}
	m.login()
	m.live["s1"].inForce = "garden"
	m.live["s1"].Addresses = []Address{{Prefix: netip.MustParsePrefix("198.51.100.7/32"), Kind: FramedIP}}
	m.work(withExemptions(m, r))
	if e := m.c.Sessions[0]; m.live["s1"].inForce != "" || len(e.Applied) != 0 || e.Wanted != "" {
		t.Errorf("%q in force, %+v", m.live["s1"].inForce, e)
	}
}

// acts reports whether modes and exemptions, as they are now, let the case restrict the
// session, and if not, why.
func acts(r *Rulebook, c *Case, s *Session) (reason string, ok bool) {
	if reason = r.ModeDefers(c); reason != "" {
		return reason, false
	}
	reason, exempt := r.ExemptHere(c, s)
	return reason, !exempt
}

func TestAModeThatIsTurnedDownUndoesNothing(t *testing.T) {
	m := standing()
	id := m.reconnect()
	m.untilRestricted(t, id, 0)
	for _, mode := range []Mode{ModeOff, ModeShadow} {
		r := &Rulebook{Policy: Policy{Mode: mode}}
		if _, acts := acts(r, m.c, &m.c.Sessions[0].Session); acts {
			t.Fatalf("%s acts", mode)
		}
		if m.work(withExemptions(m, r)); m.live[id].inForce != "garden" {
			t.Errorf("%s: %q in force", mode, m.live[id].inForce)
		}
	}
}

func TestALogInBeginsUnrestrictedWhereItMayBeExempt(t *testing.T) {
	v4, v6 := netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8::/32")
	address := func(p string) Address { return Address{Prefix: netip.MustParsePrefix(p), Kind: FramedIP} }
	for name, test := range map[string]struct {
		exempt    []Exemption
		addresses []Address
		cleared   bool
		want      bool
	}{
		"no exemption":                   {nil, nil, false, true},
		"another subscriber":             {[]Exemption{{Subscriber: "bob", Reason: "x"}}, nil, false, true},
		"another BNG":                    {[]Exemption{{BNG: "bng2", Reason: "x"}}, nil, false, true},
		"this BNG":                       {[]Exemption{{BNG: "bng1", Reason: "x"}}, nil, false, false},
		"a prefix, no address":           {[]Exemption{{Prefix: v4, Reason: "x"}}, nil, false, false},
		"a prefix, an address in it":     {[]Exemption{{Prefix: v4, Reason: "x"}}, []Address{address("198.51.100.7/32")}, false, false},
		"a prefix, an address elsewhere": {[]Exemption{{Prefix: v4, Reason: "x"}}, []Address{address("203.0.113.7/32")}, false, true},
		"of both families one is known": {[]Exemption{{Prefix: v4, Reason: "x"}, {Prefix: v6, Reason: "x"}},
			[]Address{address("203.0.113.7/32")}, false, false},
		"of both families both": {[]Exemption{{Prefix: v4, Reason: "x"}, {Prefix: v6, Reason: "x"}},
			[]Address{address("203.0.113.7/32"), address("2001:db9::/56")}, false, true},
		"a person decided": {[]Exemption{{Prefix: v4, Reason: "x"}}, nil, true, true},
	} {
		r := rulebook(ModeEnforce)
		r.Exemptions = test.exempt
		c := restrictedBy("bots", "garden", at(3600))
		c.Cleared = test.cleared
		s := Session{SessionKey: SessionKey{BNG: "bng1"}, Subscriber: "alice", Addresses: test.addresses}
		reason, ok := acts(&r, c, &s)
		if begins := ok && !r.ExemptAddress(c, &s); begins != test.want || ok != (reason == "") {
			t.Errorf("%s: %t %q", name, begins, reason)
		}
	}
}
