package bng

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/radiusx/bngsim"
	"cordon/radiusx/dialect"
)

func planOf(s setup) bngsim.State {
	state := plan
	if s.platform == bngsim.AccelPPP {
		state.FilterID = "1000/5000"
	}
	return state
}

func TestEveryPlatformIsRestrictedChangedAndRestoredWhatItHad(t *testing.T) {
	for _, s := range setups {
		t.Run(name(s), func(t *testing.T) {
			inLab(t, s, func(_ *testing.T, l *lab) {
				session := l.login("alice", planOf(s))
				before := l.state(session)
				garden := l.restrict(session, "garden")
				l.wantOutcome(l.enforce(garden), quarantine.OutcomeAcked)
				inGarden := l.state(session)
				if inGarden.Equal(before) {
					t.Fatalf("nothing changed: %v", inGarden)
				}
				noSMTP := l.restrict(session, "no-smtp", applied(garden))
				l.wantOutcome(l.enforce(noSMTP), quarantine.OutcomeAcked)
				if now := l.state(session); now.Equal(inGarden) || now.Equal(before) {
					t.Fatalf("after the change of profile: %v", now)
				}
				restore := quarantine.Order{Session: session, From: []quarantine.AppliedProfile{applied(noSMTP)}, Confirmed: true}
				l.wantOutcome(l.enforce(restore), quarantine.OutcomeAcked)
				l.wantState(session, before)
			})
		})
	}
}

func TestARestrictionThatNeverArrivedCanBeRestoredAllTheSame(t *testing.T) {
	for _, s := range setups {
		t.Run(name(s), func(t *testing.T) {
			inLab(t, s, func(_ *testing.T, l *lab) {
				session := l.login("alice", planOf(s))
				before := l.state(session)
				l.sim.SetFaults(bngsim.Faults{In: bngsim.Link{Lose: 1}})
				garden := l.restrict(session, "garden")
				out := l.enforce(garden)
				l.wantOutcome(out, quarantine.OutcomeUnanswered)
				if !out.Doubtful {
					t.Error("silence is not called doubtful")
				}
				l.sim.SetFaults(bngsim.Faults{})
				restore := quarantine.Order{Session: session, From: []quarantine.AppliedProfile{applied(garden)}}
				l.wantOutcome(l.enforce(restore), quarantine.OutcomeAcked)
				l.wantState(session, before)
			})
		})
	}
}

func TestARestrictionWhoseAnswersWereLostSucceedsWhenTriedAgain(t *testing.T) {
	for _, s := range setups {
		t.Run(name(s), func(t *testing.T) {
			inLab(t, s, func(_ *testing.T, l *lab) {
				session := l.login("alice", planOf(s))
				before := l.state(session)
				l.sim.SetFaults(bngsim.Faults{Out: bngsim.Link{Lose: 1}})
				garden := l.restrict(session, "garden")
				l.wantOutcome(l.enforce(garden), quarantine.OutcomeUnanswered)
				l.sim.SetFaults(bngsim.Faults{})
				again := garden
				again.From, again.Confirmed = []quarantine.AppliedProfile{applied(garden)}, false
				l.wantOutcome(l.enforce(again), quarantine.OutcomeAcked)
				restore := quarantine.Order{Session: session, From: []quarantine.AppliedProfile{applied(garden)}, Confirmed: true}
				l.wantOutcome(l.enforce(restore), quarantine.OutcomeAcked)
				l.wantState(session, before)
			})
		})
	}
}

// swapWithoutGarden is a Junos that lacks the restricting service.
func swapWithoutGarden() setup {
	s := setups[1]
	s.known = []string{"SVC-INET"}
	return s
}

func TestARefusedStepUndoesTheStepsBefore(t *testing.T) {
	inLab(t, swapWithoutGarden(), func(t *testing.T, l *lab) {
		session := l.login("alice", plan)
		out := l.enforce(l.restrict(session, "garden"))
		l.wantOutcome(out, quarantine.OutcomeRefused)
		if out.ErrorCause != 407 || out.Residue != "" {
			t.Errorf("cause %d, residue %q", out.ErrorCause, out.Residue)
		}
		l.wantState(session, plan)
		if undoing := slices.IndexFunc(l.seen, func(d quarantine.Datagram) bool { return d.Undoing }); undoing != 2 {
			t.Errorf("datagram %d undid, want the third", undoing+1)
		}
	})
}

func TestWhatCannotBeUndoneIsPartialAndUndoneLater(t *testing.T) {
	inLab(t, swapWithoutGarden(), func(t *testing.T, l *lab) {
		session := l.login("alice", plan)
		order := l.restrict(session, "garden")
		out := l.enforcer.Enforce(t.Context(), order, gate{send: func(d quarantine.Datagram) error {
			if d.Undoing {
				l.sim.SetFaults(bngsim.Faults{Silent: true})
			}
			return nil
		}})
		l.wantOutcome(out, quarantine.OutcomePartial)
		if len(l.state(session).Services) != 0 {
			t.Fatalf("services %v: the test proves nothing", l.state(session).Services)
		}
		l.sim.SetFaults(bngsim.Faults{})
		l.wantOutcome(l.enforce(quarantine.Order{Session: session, Residue: out.Residue}), quarantine.OutcomeAcked)
		l.wantState(session, plan)
	})
}

func TestAStepThatMayNotLeaveUndoesTheStepsBefore(t *testing.T) {
	inLab(t, setups[1], func(t *testing.T, l *lab) {
		session := l.login("alice", plan)
		order := l.restrict(session, "garden")
		steps := 0
		out := l.enforcer.Enforce(t.Context(), order, gate{send: func(quarantine.Datagram) error {
			if steps++; steps == 2 {
				return errors.New("paused")
			}
			return nil
		}})
		l.wantOutcome(out, quarantine.OutcomeNotSent)
		if !strings.Contains(out.Reason, "paused") {
			t.Errorf("reason %q", out.Reason)
		}
		l.wantState(session, plan)
	})
}

func TestAReleaseThatIsRefusedIsReportedWhenTheRestrictionWasConfirmed(t *testing.T) {
	inLab(t, setups[0], func(_ *testing.T, l *lab) {
		session := l.login("alice", plan)
		restore := quarantine.Order{Session: session,
			From: []quarantine.AppliedProfile{{Profile: "garden", Undo: `{"restricted":"GARDEN","normal":"overlay"}`}}}
		l.wantOutcome(l.enforce(restore), quarantine.OutcomeAcked)
		restore.Confirmed = true
		l.wantOutcome(l.enforce(restore), quarantine.OutcomeRefused)
	})
}

func TestASessionTheBNGDoesNotKnowIsGone(t *testing.T) {
	for _, s := range setups {
		if s.platform == bngsim.MikroTik {
			continue // names no cause for it
		}
		t.Run(name(s), func(t *testing.T) {
			inLab(t, s, func(t *testing.T, l *lab) {
				session := l.login("alice", planOf(s))
				order := l.restrict(session, "garden")
				if err := l.sim.Logout(t.Context(), session.ID); err != nil {
					t.Fatal(err)
				}
				out := l.enforce(order)
				l.wantOutcome(out, quarantine.OutcomeSessionGone)
				if out.ErrorCause != 503 {
					t.Errorf("cause %d", out.ErrorCause)
				}
			})
		})
	}
}

func TestADisconnectEndsTheSessionAlsoWhenItsFirstAnswerIsLost(t *testing.T) {
	inLab(t, setups[4], func(t *testing.T, l *lab) { // accel-ppp remembers no answers
		session := l.login("alice", plan)
		l.sim.SetFaults(bngsim.Faults{Out: bngsim.Link{Lose: 1}})
		time.AfterFunc(time.Second, func() { l.sim.SetFaults(bngsim.Faults{}) })
		l.wantOutcome(l.enforce(quarantine.Order{Session: session, To: quarantine.Disconnect}), quarantine.OutcomeAcked)
		if _, there := l.sim.Session(session.ID); there {
			t.Error("the session is still there")
		}
	})
}

func TestWhatCannotBeRestoredIsNotBegun(t *testing.T) {
	s := setups[2]
	s.profiles = map[string]dialect.Profile{"garden": {Restricted: "GARDEN", Normal: "$Filter-Id|PLAN"}}
	inLab(t, s, func(t *testing.T, l *lab) {
		session := l.login("alice", plan)
		cases := map[string]struct {
			profile string
			change  func(*quarantine.Session)
			reason  string
		}{
			"unconfigured BNG":  {"garden", func(s *quarantine.Session) { s.BNG = "bng9" }, "no such BNG"},
			"unknown profile":   {"no-smtp", func(*quarantine.Session) {}, "not configured"},
			"no subscriber":     {"garden", func(s *quarantine.Session) { s.Subscriber = "" }, "User-Name"},
			"wildcard":          {"garden", func(s *quarantine.Session) { s.Subscriber = "*" }, "User-Name"},
			"no id, disconnect": {quarantine.Disconnect, func(s *quarantine.Session) { s.ID = "" }, "Acct-Session-Id"},
		}
		for what, c := range cases {
			twin := session
			c.change(&twin)
			_, impossible := l.enforcer.Prepare(twin, c.profile)
			if impossible == nil || impossible.Kind != quarantine.OutcomeRefused || !strings.Contains(impossible.Reason, c.reason) {
				t.Errorf("%s: %+v, want refused …%s…", what, impossible, c.reason)
			}
		}
		for value, want := range map[string]string{"": "PLAN", "GOLD": "GOLD", "GARDEN": "PLAN"} {
			twin := session
			twin.Attributes = []quarantine.Attribute{{Name: "Filter-Id", Value: value}}
			prepared, impossible := l.enforcer.Prepare(twin, "garden")
			if u, err := decodeUndo(prepared.Undo); impossible != nil || err != nil || u.Normal != want {
				t.Errorf("Filter-Id %q in accounting: give back %q, %+v; want %q", value, prepared.Undo, impossible, want)
			}
		}
	})
}

func TestAReleaseUsesTheNamesThatWereAppliedNotThoseOfToday(t *testing.T) {
	inLab(t, setups[0], func(_ *testing.T, l *lab) {
		session := l.login("alice", plan)
		garden := l.restrict(session, "garden")
		l.wantOutcome(l.enforce(garden), quarantine.OutcomeAcked)
		l.enforcer.fleet.named["bng1"].Profiles = map[string]dialect.Profile{"garden": {Restricted: "GARDEN-2", Normal: "SVC-NEW"}}
		restore := quarantine.Order{Session: session, From: []quarantine.AppliedProfile{applied(garden)}, Confirmed: true}
		l.wantOutcome(l.enforce(restore), quarantine.OutcomeAcked)
		l.wantState(session, plan)
	})
}

func TestAReleaseWhoseAnswerWasLostSucceedsWhenTriedAgain(t *testing.T) {
	for _, s := range setups {
		t.Run(name(s), func(t *testing.T) {
			inLab(t, s, func(_ *testing.T, l *lab) {
				session := l.login("alice", planOf(s))
				before := l.state(session)
				garden := l.restrict(session, "garden")
				l.wantOutcome(l.enforce(garden), quarantine.OutcomeAcked)
				restore := quarantine.Order{Session: session, From: []quarantine.AppliedProfile{applied(garden)}, Confirmed: true}
				l.sim.SetFaults(bngsim.Faults{Out: bngsim.Link{Lose: 1}})
				l.wantOutcome(l.enforce(restore), quarantine.OutcomeUnanswered)
				l.sim.SetFaults(bngsim.Faults{})
				restore.Confirmed = false // as the case orders it after an unanswered try
				l.wantOutcome(l.enforce(restore), quarantine.OutcomeAcked)
				l.wantState(session, before)
			})
		})
	}
}

func TestOfThreeProfilesInARowNoneIsLeftBehind(t *testing.T) {
	for _, s := range setups {
		third := s.profiles["no-smtp"]
		third.Restricted = "THIRD"
		if s.platform == bngsim.AccelPPP {
			third.Restricted = "256/256"
		}
		s.profiles = map[string]dialect.Profile{"garden": s.profiles["garden"], "no-smtp": s.profiles["no-smtp"], "third": third}
		t.Run(name(s), func(t *testing.T) {
			inLab(t, s, func(_ *testing.T, l *lab) {
				session := l.login("alice", planOf(s))
				before := l.state(session)
				garden := l.restrict(session, "garden")
				l.wantOutcome(l.enforce(garden), quarantine.OutcomeAcked)
				l.sim.SetFaults(bngsim.Faults{In: bngsim.Link{Lose: 1}})
				noSMTP := l.restrict(session, "no-smtp", applied(garden))
				l.wantOutcome(l.enforce(noSMTP), quarantine.OutcomeUnanswered) // it never arrived
				l.sim.SetFaults(bngsim.Faults{})
				last := l.restrict(session, "third", applied(garden), applied(noSMTP))
				last.Confirmed = false
				l.wantOutcome(l.enforce(last), quarantine.OutcomeAcked)
				restore := quarantine.Order{Session: session, From: []quarantine.AppliedProfile{applied(last)}, Confirmed: true}
				l.wantOutcome(l.enforce(restore), quarantine.OutcomeAcked)
				l.wantState(session, before)
			})
		})
	}
}
