package stories

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
	"cordon/radiusx"
	"cordon/radiusx/bngsim"
)

// World is everything a story happens in: lab BNGs, the wire, the accounting
// server, the store and the engines. It must be made and closed inside one
// synctest bubble.
type World struct {
	health     // of the store and the engines
	t          *testing.T
	random     *rand.Rand
	transcript *transcript
	wire       *bngsim.Wire
	memory     *quarantinetest.Memory
	secret     radiusx.Secret

	bngs        []*labBNG
	subscribers []*subscriber
	instances   []*instance
	rules       quarantine.Rulebook
	lasts       time.Duration // how long a rule's restriction stands
	renamed     bool          // the site calls its profiles otherwise by now
	server      *server
	unavailable bool
	address     netip.Addr // the last one given to anybody

	duties []duty         // what will happen, by time
	done   map[string]int // actions that had an effect, by name
	close  []func()

	mu     sync.Mutex // guards what follows
	failed []failure
}

// Interim is how often the lab BNGs renew their sessions.
const interim = 2 * time.Minute

// healthy is how datagrams fare on a sound network: not at once, or nothing could
// come in between.
var healthy = bngsim.Link{Delay: 5 * time.Millisecond}

// labBNGPlan is a lab BNG that is to be.
type labBNGPlan struct {
	gear   gear
	quirks []bngsim.Quirk
}

// newWorld returns a world without people: one engine, or two, and a box for
// each gear.
func newWorld(t *testing.T, seed uint64, boxes []labBNGPlan, engines int) *World {
	t.Helper()
	secret, err := radiusx.NewSecret("a-secret-of-the-lab-0123456789abcdef")
	must(t, err)
	w := &World{
		//nolint:gosec // chance, not keys
		t: t, random: rand.New(rand.NewPCG(seed, 11)), transcript: &transcript{began: time.Now()},
		done: map[string]int{}, wire: bngsim.NewWire(seed),
		secret: secret,
		memory: quarantinetest.NewMemory(), address: netip.MustParseAddr("198.51.100.0"),
	}
	w.memory.Interim = func(string) time.Duration { return interim }
	w.memory.Restricted = func(a quarantine.Attribute) bool { return w.namesGarden(a.Value) }
	w.rules = quarantine.Rulebook{
		Policy: quarantine.Policy{Mode: quarantine.ModeEnforce, Rules: []quarantine.Rule{{
			Name: "bots", Match: quarantine.Match{Category: []string{"botnet"}}, Profile: garden,
		}}},
		Profiles:    map[string]quarantine.Profile{garden: {Name: garden, Severity: 20}},
		MaxSessions: 4, MaxAge: 24 * time.Hour,
	}
	w.wire.SetInbox(256)
	w.wire.SetLink(netip.Addr{}, netip.Addr{}, healthy)
	w.lasting(10 * time.Minute)
	for i, plan := range boxes {
		w.bngs = append(w.bngs, w.openBNG(plan.gear, i, plan.quirks...))
	}
	w.server = w.serve()
	for i := range engines {
		in := &instance{world: w, name: string(rune('a' + i)), address: instanceAddress(i)}
		in.store = &storeLink{Store: w.memory, random: rand.New(rand.NewPCG(seed, uint64(20+i)))} //nolint:gosec // chance, not keys
		w.instances = append(w.instances, in)
		in.start()
	}
	return w
}

// lasting says how long restrictions by the rule stand that begin from now on. It
// is for before the engines decide anything.
func (w *World) lasting(d time.Duration) {
	w.lasts, w.rules.Policy.Rules[0].For = d, quarantine.Duration(d)
}

// namesGarden reports whether a value is what any of the makes calls the restriction.
func (w *World) namesGarden(value string) bool {
	for _, b := range w.bngs {
		if value == b.gear.garden || value == b.gear.renamed {
			return true
		}
	}
	return false
}

// end stops everything that the world started.
func (w *World) end() {
	for _, in := range w.instances {
		in.stop()
	}
	for i := range w.close {
		w.close[len(w.close)-1-i]()
	}
}

// background runs f until the world ends.
func (w *World) background(f func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); f(ctx) }()
	w.close = append(w.close, func() { cancel(); <-ended })
}

// fail notes what is wrong, for the end.
func (b *labBNG) fail(format string, args ...any) {
	what := b.name + " (" + b.gear.name() + "): " + fmt.Sprintf(format, args...)
	b.world.transcript.note("WRONG: %s", what)
	b.world.mu.Lock()
	defer b.world.mu.Unlock()
	b.world.failed = append(b.world.failed, failure{b, what})
}

// failure is what went wrong on a box.
type failure struct {
	bng  *labBNG
	what string
}

// failures lists what went wrong on the box.
func (b *labBNG) failures() (all []string) {
	b.world.mu.Lock()
	defer b.world.mu.Unlock()
	for _, f := range b.world.failed {
		if f.bng == b {
			all = append(all, f.what)
		}
	}
	return all
}

// failures lists what went wrong anywhere.
func (w *World) failures() (all []string) {
	for _, b := range w.bngs {
		all = append(all, b.failures()...)
	}
	return all
}

// nextAddress is one that nobody ever had.
func (w *World) nextAddress() netip.Addr {
	w.address = w.address.Next()
	return w.address
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
