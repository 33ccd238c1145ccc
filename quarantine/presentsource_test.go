package quarantine

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var shared = netip.MustParsePrefix("198.51.100.7/32")

// tenancy is one session's time with the address, and when the source of
// sessions came to know of it.
type tenancy struct {
	subscriber string
	start, end time.Time
	reported   time.Time // the source names it from here on
	forgotten  time.Time // and no longer from here on, unless a later one is named before
	interims   []time.Time
}

const sourceLag = 30 * time.Second

// churn makes a day on which an address changes hands again and again.
func churn(r *rand.Rand) []tenancy {
	upTo := func(d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d) + 1)) }
	var day []tenancy
	at, listed := noon, time.Time{}
	for at.Before(noon.Add(24 * time.Hour)) {
		n := tenancy{subscriber: fmt.Sprintf("s%d", r.IntN(20)), start: at, end: at.Add(30*time.Second + upTo(40*time.Minute))}
		if r.IntN(3) == 0 {
			n.end = at.Add(5*time.Second + upTo(25*time.Second))
		}
		n.reported = at.Add(upTo(sourceLag))
		if n.reported.Before(listed) {
			n.reported = listed // the promise: nobody from before comes back
		}
		listed = n.reported
		n.forgotten = n.end.Add(upTo(sourceLag))
		if r.IntN(5) == 0 {
			n.forgotten = noon.Add(1000 * time.Hour) // the Stop was lost
		}
		for renewed := at; renewed.Before(n.end); renewed = renewed.Add(10 * time.Minute) {
			n.interims = append(n.interims, renewed)
		}
		day = append(day, n)
		at = n.end
		if r.IntN(2) == 0 {
			at = at.Add(upTo(5 * time.Minute))
		}
	}
	return day
}

// named is what the source reports at a moment: the newest one that it knows of,
// and now and then one that it should have struck out, but only after the newest.
func named(day []tenancy, now time.Time, withStart, cluttered bool, lag time.Duration) []Binding {
	var listed []Binding
	newest := true
	for i := len(day) - 1; i >= 0; i-- {
		n := day[i]
		if n.reported.After(now) {
			continue
		}
		if newest && !n.forgotten.After(now) {
			break
		}
		b := Binding{
			Address: Address{Prefix: shared, Kind: FramedIP}, Subscriber: n.subscriber,
			Session: SessionKey{BNG: "bng1", ID: fmt.Sprint("i", i)}, From: n.start, RenewedAt: n.start, StartSeen: withStart,
			Present: &Present{ReadAt: now, Lag: lag, MaxAge: 2 * time.Hour},
		}
		for _, renewed := range n.interims {
			if !renewed.After(now) {
				b.RenewedAt = renewed
			}
		}
		if !withStart {
			b.From = b.RenewedAt
		}
		listed = append(listed, b)
		newest = false
		if !cluttered || len(listed) == 2 {
			break
		}
	}
	return listed
}

func holderAt(day []tenancy, at time.Time) string {
	for _, n := range day {
		if !at.Before(n.start) && at.Before(n.end) {
			return n.subscriber
		}
	}
	return ""
}

// figures count the answers of a simulation.
type figures struct{ right, wrong, none int }

func simulatePresent(seed uint64, lag time.Duration, forge func(*Binding)) figures {
	r := rand.New(rand.NewPCG(seed, 1))
	const tolerance = 2 * time.Second
	var f figures
	for range 40 {
		day := churn(r)
		for range 500 {
			happened := noon.Add(time.Duration(r.Int64N(int64(24 * time.Hour))))
			reported := happened.Add(time.Duration(r.Int64N(int64(2*tolerance))) - tolerance)
			asked := reported.Add(time.Duration(r.Int64N(int64(5 * time.Minute))))
			listed := named(day, asked, r.IntN(2) == 0, r.IntN(3) == 0, lag)
			for i := range listed {
				if forge != nil {
					forge(&listed[i])
				}
			}
			found := WhoHeld(listed, nil, 0, reported, tolerance)
			switch {
			case found.Result != Attributed:
				f.none++
			case found.Subscriber == holderAt(day, happened):
				f.right++
			case forge == nil && lag == sourceLag && holderAt(day, happened) == "" && lost(day, found.Bindings, happened):
				// Nobody held it, and the Stop of the last holder was lost.
			default:
				f.wrong++
			}
		}
	}
	return f
}

// lost reports whether the named session's Stop never reached the source, and
// nobody came after it before the moment.
func lost(day []tenancy, named []Binding, at time.Time) bool {
	for i := len(day) - 1; i >= 0; i-- {
		if !day[i].start.After(at) {
			return day[i].forgotten.After(day[i].end.Add(sourceLag)) && named[0].Subscriber == day[i].subscriber
		}
	}
	return false
}

func TestASourceOfThePresentNamesNoWrongSubscriberOverChurnedAddresses(t *testing.T) {
	for seed := range uint64(10) {
		f := simulatePresent(seed, sourceLag, nil)
		if f.wrong > 0 {
			t.Errorf("seed %d: %d wrong subscribers", seed, f.wrong)
		}
		if f.right < 2000 {
			t.Errorf("seed %d: only %d of %d events are attributed", seed, f.right, f.right+f.none)
		}
		if seed == 0 {
			t.Logf("seed 0: right %d, wrong %d, no answer %d", f.right, f.wrong, f.none)
		}
	}
}

func TestTheSimulationOfThePresentFindsWhatItIsFor(t *testing.T) {
	for name, f := range map[string]figures{
		"not waiting for the source": simulatePresent(1, 0, nil),
		"ignoring when the session began": simulatePresent(1, sourceLag, func(b *Binding) {
			b.From = time.Time{}
		}),
		"taking the present for history": simulatePresent(1, sourceLag, func(b *Binding) { b.Present = nil }),
	} {
		if f.wrong == 0 {
			t.Errorf("%s: no wrong subscriber in %d answers; the simulation does not bite", name, f.right)
		}
	}
}

func TestWhatASourceOfThePresentIsWorth(t *testing.T) {
	held := func(subscriber string, from time.Time) Binding {
		return Binding{
			Address: Address{Prefix: shared, Kind: FramedIP}, Subscriber: subscriber, From: from, RenewedAt: from, StartSeen: true,
			Session: SessionKey{BNG: "bng1", ID: subscriber},
		}
	}
	alice, bob := held("alice", noon.Add(-time.Hour)), held("bob", noon.Add(time.Minute))
	for _, c := range []struct {
		name   string
		at     time.Time
		asked  time.Time
		listed []Binding
		want   AttributionResult
		reason string
	}{
		{"held since before", noon, noon.Add(time.Minute), []Binding{alice}, Attributed, ""},
		{"the source may be late", noon, noon.Add(31 * time.Second), []Binding{alice}, Doubtful, "asked again"},
		{"older than max_age", noon, noon.Add(11 * time.Minute), []Binding{alice}, Unknown, "older than 10m"},
		{"begun within the tolerance", noon.Add(-time.Hour).Add(time.Second), noon.Add(-59 * time.Minute),
			[]Binding{alice}, Unknown, "who held it before"},
		{"begun since", noon, noon.Add(2 * time.Minute), []Binding{bob}, Unknown, "who held it before"},
		{"a later holder makes the earlier one history", noon, noon.Add(2 * time.Minute), []Binding{alice, bob}, Unknown, "who held it before"},
		{"nobody", noon, noon.Add(time.Minute), nil, Unknown, "no session"},
	} {
		for i := range c.listed {
			c.listed[i].Present = &Present{ReadAt: c.asked, Lag: sourceLag, MaxAge: 10 * time.Minute}
		}
		got := WhoHeld(c.listed, nil, 0, c.at, 2*time.Second)
		if got.Result != c.want || !strings.Contains(got.Reason, c.reason) {
			t.Errorf("%s: %v %q", c.name, got.Result, got.Reason)
		}
	}
	if e := alice.Holder().KnownBy; e != "Start" {
		t.Errorf("evidence %q", e)
	}
	alice.Present = &Present{}
	if e := alice.Holder().KnownBy; e != "Start, current only" {
		t.Errorf("evidence %q", e)
	}
}

func TestASessionThatThePresentSourceDoesNotListIsOverUnlessSomethingIsInForce(t *testing.T) {
	session := Session{SessionKey: SessionKey{BNG: "bng1", ID: "a1"}, Subscriber: "alice", StartedAt: noon, SeenAt: noon}
	wanted := func(e SessionEnforcement) *Case {
		e.Session, e.Wanted = session, "walled-garden"
		return &Case{ID: "c-1", Subscriber: "alice", State: Restricting, Profile: "walled-garden",
			ExpiresAt: noon.Add(time.Hour), Sessions: []SessionEnforcement{e}}
	}
	for _, c := range []struct {
		name    string
		present bool
		before  SessionEnforcement
		gone    bool
	}{
		{"nothing was sent", true, SessionEnforcement{Enforcement: Pending}, true},
		{"a store of history lost it", false, SessionEnforcement{Enforcement: Pending}, false},
		{"restricted", true, SessionEnforcement{Enforcement: Acked, Applied: []AppliedProfile{{Profile: "walled-garden"}}}, false},
	} {
		subject := wanted(c.before)
		subject.Plan(Snapshot{Now: noon.Add(time.Minute), MaxSessions: 4, Present: c.present})
		if got := subject.Sessions[0].Enforcement == Gone; got != c.gone {
			t.Errorf("%s: gone %v, reason %q", c.name, got, subject.Sessions[0].Reason)
		}
	}
}
