package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// world is everything around an engine. It outlives engines, which can be
// started, stopped and killed in it.
type world struct {
	t       *testing.T
	memory  *quarantinetest.Memory
	network *quarantinetest.Network
	log     *quarantinetest.Journal
	rules   quarantine.Rulebook
	pause   atomic.Value // string: why nothing may be restricted
	serial  int
	engines []*running
}

// running is one engine at work.
type running struct {
	*Engine
	stop func()
}

// inWorld runs a story in a bubble of its own time and stops what it started.
func inWorld(t *testing.T, story func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, memory: quarantinetest.NewMemory(), network: quarantinetest.NewNetwork(), log: &quarantinetest.Journal{}}
		w.rules = quarantine.Rulebook{
			Policy: quarantine.Policy{Mode: quarantine.ModeEnforce, Rules: []quarantine.Rule{{
				Name: "bots", Match: quarantine.Match{Category: []string{"botnet"}}, Profile: "garden", For: quarantine.Duration(time.Hour),
			}}},
			Profiles:    map[string]quarantine.Profile{"garden": {Name: "garden", Severity: 20}},
			MaxSessions: 4, MaxAge: 24 * time.Hour,
		}
		defer func() {
			for _, e := range w.engines {
				e.stop()
			}
		}()
		story(t, w)
	})
}

// start runs an engine on the world's log and store.
func (w *world) start(holder string) *running {
	w.t.Helper()
	return w.startWith(w.memory, holder)
}

// startWith runs an engine on another store, or otherwise changed.
func (w *world) startWith(s Store, holder string, change ...func(*Config)) *running {
	w.t.Helper()
	cfg := Config{
		Holder: holder, Store: s, Enforcer: w.network, Journal: w.log, Rules: w.rules, Intakers: 4, Workers: 16,
		Paused: func() (string, bool) {
			reason, _ := w.pause.Load().(string)
			return reason, reason != ""
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	e, err := New(w.t.Context(), cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = e.Run(ctx) }()
	r := &running{Engine: e, stop: func() { cancel(); <-ended }}
	w.engines = append(w.engines, r)
	return r
}

func (w *world) record(events ...quarantine.SessionEvent) {
	w.t.Helper()
	for _, err := range w.memory.Record(w.t.Context(), events) {
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

var firstAddress = netip.MustParseAddr("198.51.100.1")

// login starts a session of the subscriber, on an address of its own.
func (w *world) login(subscriber string) (quarantine.SessionKey, netip.Addr) {
	w.t.Helper()
	address := firstAddress
	for range w.serial {
		address = address.Next()
	}
	w.serial++
	key := quarantine.SessionKey{BNG: "bng1", ID: fmt.Sprint("s", w.serial)}
	w.record(quarantine.SessionEvent{
		Kind: quarantine.SessionStarted, Key: key, Subscriber: subscriber, At: time.Now(), StartedAt: time.Now(),
		Addresses: []quarantine.Address{{Prefix: netip.PrefixFrom(address, 32), Kind: quarantine.FramedIP}},
	})
	return key, address
}

func (w *world) logout(subscriber string, key quarantine.SessionKey) {
	w.t.Helper()
	w.record(quarantine.SessionEvent{Kind: quarantine.SessionEnded, Key: key, Subscriber: subscriber, At: time.Now()})
}

func botnet(address netip.Addr) quarantine.Verdict {
	return quarantine.Verdict{Source: "ids", ObservedAt: time.Now(), IP: address, Category: "botnet"}
}

// accept hands a verdict in and returns its id.
func (w *world) accept(e *running, v quarantine.Verdict) string {
	w.t.Helper()
	answers, err := e.Accept(w.t.Context(), []quarantine.Verdict{v})
	if err != nil {
		w.t.Fatal(err)
	}
	return answers[0].ID
}

// openCase returns the subscriber's open case, nil if there is none.
func (w *world) openCase(subscriber string) *quarantine.Case {
	w.t.Helper()
	d, err := w.memory.Dossier(w.t.Context(), subscriber)
	if err != nil {
		w.t.Fatal(err)
	}
	return d.Case
}

func (w *world) wantState(subscriber string, want quarantine.CaseState) *quarantine.Case {
	w.t.Helper()
	c := w.openCase(subscriber)
	switch {
	case c == nil && want == quarantine.Closed:
	case c == nil:
		w.t.Fatalf("%s has no open case, want %s", subscriber, want)
	case c.State != want:
		w.t.Fatalf("the case of %s is %s, want %s: %+v", subscriber, c.State, want, c.Sessions)
	}
	return c
}

func (w *world) wantInForce(key quarantine.SessionKey, want string) {
	w.t.Helper()
	if got := w.network.InForce(key); got != want {
		w.t.Fatalf("session %s has %q in force, want %q", key, got, want)
	}
}

// maySend asks whether an order of the case may be sent for the first time.
func (r *running) maySend(c *quarantine.Case, o *quarantine.Order) error {
	g := &gate{engine: r.Engine, c: c, order: o}
	return g.deny(r.mayRestrict(context.Background(), g.question(atSend, o)))
}

// deferredBy names the check that an error of a gate comes from.
func deferredBy(err error) quarantine.Check {
	var d *quarantine.Deferral
	if errors.As(err, &d) {
		return d.By
	}
	return ""
}

// restrict logs the subscriber in, reports it, and waits until it is restricted.
func (w *world) restrict(e *running, subscriber string) quarantine.SessionKey {
	w.t.Helper()
	key, address := w.login(subscriber)
	time.Sleep(3 * time.Second)
	w.accept(e, botnet(address))
	time.Sleep(5 * time.Second)
	w.wantInForce(key, "garden")
	return key
}
