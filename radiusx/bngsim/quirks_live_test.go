package bngsim

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// redirected is alice on an IPoE line, which accel-ppp redirects.
func (l *lab) redirected() Session {
	l.t.Helper()
	carol := alice()
	carol.User, carol.IPoE = "carol@isp", true
	return l.login(carol)
}

func (l *lab) wantState(id, want string) {
	l.t.Helper()
	if got := l.now(id).State.String(); got != want {
		l.t.Errorf("session %s has %s, want %s", id, got, want)
	}
}

// bitesSeenLive are those of what was seen on live gear; see bites.
var bitesSeenLive = map[Quirk]bite{
	NAKsRestrict: {FilterID, func(l *lab, a, _ Session) {
		l.want(l.ask(coa(l.t, 1, "User-Name=alice@isp, Filter-Id=GARDEN")), "NAK")
		l.wantFilter(a.ID, "GARDEN")
		l.want(l.ask(coa(l.t, 2, "User-Name=alice@isp, Filter-Id=GARDEN")), "ACK") // nothing is left to be done
	}},
	NAKsRestore: {AccelPPP, func(l *lab, _, _ Session) {
		s := l.redirected()
		l.want(l.ask(coa(l.t, 1, "User-Name=carol@isp, L4-Redirect=1")), "ACK")
		l.want(l.ask(coa(l.t, 2, "User-Name=carol@isp, L4-Redirect=0")), "NAK")
		l.wantState(s.ID, "plain")
		l.want(l.ask(coa(l.t, 3, "User-Name=carol@isp, L4-Redirect=0")), "ACK")
	}},
	Hides: {FilterID, func(l *lab, a, _ Session) {
		l.want(l.ask(coa(l.t, 1, restrict)), "ACK")
		now := l.bng.Find("alice@isp")
		if len(now) != 1 || now[0].ID == a.ID || now[0].FilterID != "GARDEN" {
			l.t.Fatalf("sessions %v, was %s", now, a.ID)
		}
		l.want(l.ask(coa(l.t, 2, "User-Name=alice@isp, Acct-Session-Id="+a.ID+", Filter-Id=X")), "NAK Session-Context-Not-Found")
		l.want(l.ask(coa(l.t, 3, "User-Name=alice@isp, Filter-Id=PLAN")), "ACK")
		l.wantFilter(now[0].ID, "PLAN")
	}},
	MACAuth: {CoovaChilli, func(l *lab, a, _ Session) {
		l.want(l.ask(coa(l.t, 1, "User-Name=alice@isp, CoovaChilli-Session-State=2")), "ACK")
		at := l.bng.Find("alice@isp")[0]
		if at.ID == a.ID || !at.Portal {
			l.t.Fatalf("the session is %v, was %s", at, a.ID)
		}
		time.Sleep(3*time.Minute + time.Second)
		if now := l.now(at.ID); now.InForce() != "" {
			l.t.Errorf("after the next DHCP request: %s", now)
		}
	}},
	ReplacesLimits: {MikroTik, func(l *lab, a, _ Session) {
		l.want(l.ask(coa(l.t, 1, "User-Name=alice@isp, Mikrotik-Rate-Limit=1M/1M, Filter-Id=G")), "ACK")
		l.wantState(a.ID, "filter=G rate=1M/1M")
		l.want(l.ask(coa(l.t, 2, "User-Name=alice@isp, Filter-Id=PLAN")), "ACK")
		l.wantState(a.ID, "filter=PLAN")
	}},
	Kilobits: {MikroTik, func(l *lab, a, _ Session) {
		l.want(l.ask(coa(l.t, 1, "User-Name=alice@isp, Mikrotik-Rate-Limit=2000/5000000")), "ACK")
		l.wantState(a.ID, "rate=2000000/705032704")
	}},
	StickySets: {AccelPPP, func(l *lab, _, _ Session) {
		s := l.redirected()
		must := func(err error) {
			if err != nil {
				l.t.Fatal(err)
			}
		}
		must(l.bng.Suspend(s.ID, "suspended", true))
		l.want(l.ask(coa(l.t, 1, "User-Name=carol@isp, L4-Redirect=1")), "ACK") // it is on
		l.want(l.ask(coa(l.t, 2, "User-Name=carol@isp, L4-Redirect=0")), "ACK")
		l.wantState(s.ID, "plain") // the other's suspension is lifted
		l.want(l.ask(coa(l.t, 3, "User-Name=carol@isp, L4-Redirect=1")), "ACK")
		l.wantState(s.ID, "sets=suspended redirected") // the name sticks
		must(l.bng.Suspend(s.ID, "suspended", false))
		l.want(l.ask(coa(l.t, 4, "User-Name=carol@isp, L4-Redirect=1, L4-Redirect-ipset=garden")), "ACK")
		l.want(l.ask(coa(l.t, 5, "User-Name=carol@isp, L4-Redirect=0, L4-Redirect-ipset=other")), "ACK")
		l.wantState(s.ID, "sets=garden") // looked for in the wrong place
	}},
	RebootsSilently: {FilterID, func(l *lab, a, b Session) {
		l.want(l.ask(coa(l.t, 1, restrict)), "silence")
		if now := l.now(a.ID); now.User != b.User {
			l.t.Errorf("session %s is %s's", a.ID, now.User)
		}
	}},
	NotFound: {FilterID, func(l *lab, a, _ Session) {
		l.want(l.ask(coa(l.t, 1, restrict)), "NAK Session-Context-Not-Found")
		l.wantFilter(a.ID, "")
		time.Sleep(time.Minute + time.Second)
		l.want(l.ask(coa(l.t, 2, restrict)), "ACK")
	}},
	SlowHooks: {FilterID, func(l *lab, a, _ Session) {
		l.wantAnswered([]byte{1, 3})
		l.wantFilter(a.ID, "FIRST")
	}},
	QueuedHooks: {FilterID, func(l *lab, a, _ Session) {
		begun := time.Now()
		l.wantAnswered([]byte{1, 3, 2})
		if took := time.Since(begun) - time.Minute; took != 24*time.Second { // a minute of silence ends it
			l.t.Errorf("the last answer came after %s", took)
		}
		l.wantFilter(a.ID, "GARDEN")
	}},
}

// wantAnswered asks twice about alice and once about bob, at once.
func (l *lab) wantAnswered(want []byte) {
	l.t.Helper()
	l.send(coa(l.t, 1, "User-Name=alice@isp, Filter-Id=FIRST"))
	l.send(coa(l.t, 2, "User-Name=alice@isp, Filter-Id=GARDEN"))
	l.send(coa(l.t, 3, "User-Name=alice@isp2, Filter-Id=GARDEN"))
	var answered []byte
	for answer := l.receive(); answer != nil; answer = l.receive() {
		answered = append(answered, answer[1])
	}
	slices.Sort(answered[:min(2, len(answered))]) // of two sessions, at the same moment
	if slices.Sort(want[:2]); !bytes.Equal(answered, want) {
		l.t.Errorf("answered %v, want %v", answered, want)
	}
}

// Without the quirk each set is joined and left by its name.
func TestSetsThatDoNotStickAreJoinedAndLeftByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, AccelPPP, func(c *Config) { c.IPSet = "l4" })
		defer l.stop()
		s := l.redirected()
		if err := l.bng.Suspend(s.ID, "suspended", true); err != nil {
			t.Fatal(err)
		}
		for i, step := range []struct{ request, after string }{
			{"L4-Redirect=1, L4-Redirect-ipset=garden", "sets=garden+suspended redirected"},
			{"L4-Redirect=1", "sets=garden+l4+suspended redirected"},
			{"L4-Redirect=0", "sets=garden+suspended redirected"},
			{"L4-Redirect=0, L4-Redirect-ipset=garden", "sets=suspended redirected"},
		} {
			l.want(l.ask(coa(t, byte(i), "User-Name=carol@isp, "+step.request)), "ACK")
			l.wantState(s.ID, step.after)
		}
		if got := l.now(s.ID).InForce(); got != "" {
			t.Errorf("beside sets there is %q in force", got)
		}
		if err := l.bng.Suspend("none", "suspended", true); err == nil {
			t.Error("a session that is not there is suspended")
		}
	})
}

// CoovaChilli as it was seen live: a restriction loses all limits, letting in
// brings back what is named.
func TestChilliBringsBackWhatARequestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, CoovaChilli, nil)
		defer l.stop()
		carol := alice()
		carol.Profile = State{RateLimit: "2000000/10000000", SessionTimeout: 86400, Interim: 300}
		s := l.login(carol)
		for i, step := range []struct{ request, after string }{
			{"CoovaChilli-Session-State=2", "at the portal"},
			{"CoovaChilli-Session-State=1, Session-Timeout=3600", "timeout=3600s"},
			{"ChilliSpot-Bandwidth-Max-Up=2000, ChilliSpot-Bandwidth-Max-Down=10000, Session-Timeout=86400, Acct-Interim-Interval=300",
				"rate=2000000/10000000 timeout=86400s interim=300s"},
		} {
			l.want(l.ask(coa(t, byte(i), "User-Name=alice@isp, "+step.request)), "ACK")
			s = l.bng.Find("alice@isp")[0]
			l.wantState(s.ID, step.after)
		}
		if got := s.InForce(); got != "" {
			t.Errorf("given back all, and %q is in force", got)
		}
	})
}

// OnSession tells of each coming, change and end, in order.
func TestWhoeverWatchesSeesEachChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		l := newLab(t, FilterID, func(c *Config) {
			c.OnSession = func(s Session, live bool) { seen = append(seen, fmt.Sprint(s.ID, " ", s.State, " ", live)) }
		})
		defer l.stop()
		s := l.login(alice())
		l.want(l.ask(coa(t, 1, restrict)), "ACK")
		l.bng.Crash()
		l.want(l.ask(coa(t, 2, restrict)), "NAK Session-Context-Not-Found")
		want := []string{s.ID + " plain true", s.ID + " filter=GARDEN true", s.ID + " filter=GARDEN false"}
		if !slices.Equal(seen, want) {
			t.Errorf("seen %q, want %q", seen, want)
		}
	})
}
