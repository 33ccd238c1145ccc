package e2e

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"cordon/integration/wire"
	"cordon/radiusx/bngsim"
)

// pairBed is a Cordon and a redundant pair of simulated BNGs, sr-a and sr-b.
type pairBed struct {
	*bed
	a, b *bngsim.BNG
}

func newPairBed(t *testing.T) *pairBed {
	t.Helper()
	a, portA := simulated(t, "sr-a")
	b, portB := simulated(t, "sr-b")
	p := &pairBed{a: a, b: b}
	p.bed = newBed(t, func(s *site) {
		group := "    group: sr-west\n" + filterID
		s.bngs = []bngSite{{name: "sr-a", port: portA, more: group}, {name: "sr-b", port: portB, more: group}}
	})
	return p
}

// login brings a subscriber on line at one of them; the session's number is the
// same on both.
func (p *pairBed) login(on *bngsim.BNG, user, ip string) string {
	p.t.Helper()
	s, err := on.Login(p.t.Context(), bngsim.Subscriber{User: user, IPv4: netip.MustParseAddr(ip),
		Profile: bngsim.State{FilterID: "INTERNET"}})
	if err != nil {
		p.t.Fatal(err)
	}
	return s.ID
}

// restrict brings alice on line at one of them and has her restricted there. It
// returns her session's number and the case.
func (p *pairBed) restrict(on *bngsim.BNG, name string) (string, wire.Case) {
	p.t.Helper()
	session := p.login(on, "alice", "198.51.100.7")
	p.account(record{bng: name, user: "alice", session: session, ip: "198.51.100.7"})
	p.report("198.51.100.7")
	return session, p.stands("alice", "restricted", "sr-west/"+session+" acked")
}

// switchOver moves a session of sr-a to sr-b, which knows nothing of a change of
// authorization. No Stop and no Start reports it.
func (p *pairBed) switchOver(user, ip, session string) {
	p.t.Helper()
	if err := p.a.Logout(p.t.Context(), session); err != nil {
		p.t.Fatal(err)
	}
	if id := p.login(p.b, user, ip); id != session {
		p.t.Fatalf("the session is %s on one and %s on the other", session, id)
	}
}

func (p *pairBed) expectFilter(on *bngsim.BNG, session, filter string) {
	p.t.Helper()
	within(p.t, soon, fmt.Sprintf("session %s has filter %s", session, filter), func() (string, bool) {
		s, _ := on.Session(session)
		return s.FilterID, s.FilterID == filter
	})
}

// member returns which of them a session of the case is on.
func (p *pairBed) member(user string) string {
	p.t.Helper()
	page, _, _ := look[wire.CasePage](p.instance, "/cases", map[string][]string{"subscriber": {user}})
	if len(page.Results) == 0 || len(page.Results[0].Sessions) != 1 {
		return fmt.Sprintf("%+v", page)
	}
	return page.Results[0].Sessions[0].Member
}

func TestASessionThatIsRestrictedMovesWithinItsGroupAndIsReleasedThere(t *testing.T) {
	t.Parallel()
	p := newPairBed(t)
	session, c := p.restrict(p.a, "sr-a")
	p.expectFilter(p.a, session, "GARDEN")

	p.switchOver("alice", "198.51.100.7", session)
	time.Sleep(1100 * time.Millisecond) // event times are whole seconds
	p.account(record{status: "Interim-Update", bng: "sr-b", user: "alice", session: session, ip: "198.51.100.7"})
	p.expectFilter(p.b, session, "GARDEN") // it was not handed over
	p.stands("alice", "restricted", "sr-west/"+session+" acked")
	if member := p.member("alice"); member != "sr-b" {
		t.Errorf("the session is on %s", member)
	}
	p.ok("quarantine", "release", c.ID, "--reason", "cleaned")
	p.expectFilter(p.b, session, "INTERNET")
	p.standsWithin(time.Minute, "alice", "closed")
	if page := p.ok("bng", "list", "-o", "wide"); !strings.Contains(page, "sr-west") {
		t.Errorf("cordon bng list does not show the group:\n%s", page)
	}
}

// The release comes after the switch-over and before the Interim that reports it:
// 503 from the one that had the session closes nothing.
func TestAReleaseFindsASessionThatMovedUnnoticed(t *testing.T) {
	t.Parallel()
	p := newPairBed(t)
	session, c := p.restrict(p.a, "sr-a")
	p.switchOver("alice", "198.51.100.7", session)
	p.ok("quarantine", "release", c.ID, "--reason", "cleaned")
	p.standsWithin(time.Minute, "alice", "closed")
	if !asked(p.b, session) {
		t.Error("the one that has the session was not asked")
	}
}

// asked reports whether a BNG was asked to change a session.
func asked(sim *bngsim.BNG, session string) bool {
	s, _ := sim.Session(session)
	for _, e := range s.History {
		if strings.Contains(e.What, "CoA") || strings.Contains(e.What, "filter") {
			return true
		}
	}
	return false
}

// A standby that answers 503 while the other one is silent ends no case.
func TestNotFoundOnOneOfAPairDoesNotCloseACase(t *testing.T) {
	t.Parallel()
	p := newPairBed(t)
	session, c := p.restrict(p.b, "sr-b")
	p.b.SetFaults(bngsim.Faults{Silent: true})
	p.ok("quarantine", "release", c.ID, "--reason", "cleaned")
	p.standsWithin(time.Minute, "alice", "releasing", "sr-west/"+session+" unanswered")
	p.b.SetFaults(bngsim.Faults{})
	p.expectFilter(p.b, session, "INTERNET")
	p.standsWithin(3*time.Minute, "alice", "closed")
}

// Some pairs number the line anew: the newer session that holds the address ends
// the older, and the case goes along.
func TestACaseFollowsALineThatIsNumberedAnewOnTheOtherOne(t *testing.T) {
	t.Parallel()
	p := newPairBed(t)
	session, _ := p.restrict(p.a, "sr-a")
	if err := p.a.Logout(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	p.login(p.b, "somebody", "198.51.100.9") // takes the number
	renumbered := p.login(p.b, "alice", "198.51.100.7")
	if renumbered == session {
		t.Fatal("the line has its old number")
	}
	time.Sleep(1100 * time.Millisecond)
	p.account(record{status: "Interim-Update", bng: "sr-b", user: "alice", session: renumbered, ip: "198.51.100.7"})
	p.expectFilter(p.b, renumbered, "GARDEN")
	within(t, soon, "the new session is restricted", func() (string, bool) {
		all, answer, _ := p.lookCases("alice")
		for _, s := range all[0].Sessions {
			if s.SessionID == renumbered && s.Enforcement == "acked" {
				return answer, true
			}
		}
		return answer, false
	})
	p.ok("quarantine", "release", p.cases("alice")[0].ID, "--reason", "cleaned")
	p.expectFilter(p.b, renumbered, "INTERNET")
	within(t, time.Minute, "the older session does not keep the case", func() (string, bool) {
		all, answer, _ := p.lookCases("alice")
		return answer, all[0].State == "closed"
	})
}
