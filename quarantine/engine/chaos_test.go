package engine

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// Everything goes wrong at once for an hour: the store sleeps, engines die and
// come back, orders and answers are lost, subscribers come and go. Afterwards,
// in peace, every accepted verdict must be settled, every wanted restriction be
// on the network, and after a release of everything none.
func TestAfterAnyDisorderTheNetworkIsAsDecided(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) { disorder(t, w, rand.New(rand.NewPCG(seed, 7))) })
		})
	}
}

type lines struct {
	names   []string
	session map[string]quarantine.SessionKey
	address map[string]netip.Addr
}

func disorder(t *testing.T, w *world, rng *rand.Rand) {
	w.rules.Policy.Rules[0].For = quarantine.Duration(6 * time.Hour)
	var quiet atomic.Bool
	var mu sync.Mutex // guards fates, which the engines' workers draw from
	fates := rand.New(rand.NewPCG(rng.Uint64(), 8))
	chance := func(n int) bool { mu.Lock(); defer mu.Unlock(); return fates.IntN(n) == 0 }
	w.network.SetFate(func(quarantine.Order) quarantinetest.Fate {
		switch {
		case quiet.Load() || !chance(3):
			return quarantinetest.Fate{Outcome: quarantine.OutcomeAcked, Applies: true, Takes: 50 * time.Millisecond}
		case chance(3):
			return quarantinetest.Fate{Outcome: quarantine.OutcomeRefused}
		}
		return quarantinetest.Fate{Outcome: quarantine.OutcomeUnanswered, Applies: chance(2), Takes: 10 * time.Second}
	})
	l := lines{session: map[string]quarantine.SessionKey{}, address: map[string]netip.Addr{}}
	for n := range 8 {
		name := fmt.Sprint("line", n)
		l.names = append(l.names, name)
		l.session[name], l.address[name] = w.login(name)
	}
	engines := map[string]*running{"a": w.start("a"), "b": w.start("b")}
	var accepted []string
	for range 120 {
		name := l.names[rng.IntN(len(l.names))]
		holder := []string{"a", "b"}[rng.IntN(2)]
		switch rng.IntN(6) {
		case 0, 1:
			if address, online := l.address[name]; online {
				accepted = append(accepted, w.accept(engines[holder], botnet(address)))
			}
		case 2:
			l.relogin(w, name, rng)
		case 3:
			w.memory.SetUnavailable(rng.IntN(2) == 0)
		case 4:
			engines[holder].stop()
			engines[holder] = w.start(holder)
		case 5:
			if c := l.released(w, name); c != "" {
				_, _ = engines[holder].Release(t.Context(), c, "noc", "chaos", "") // may be refused: that is part of it
			}
		}
		time.Sleep(time.Duration(rng.IntN(60)) * time.Second)
	}
	quiet.Store(true)
	w.memory.SetUnavailable(false)
	time.Sleep(2 * time.Hour)
	for _, id := range accepted {
		if status, err := w.memory.Verdict(t.Context(), id); err != nil || !status.Settled {
			t.Errorf("verdict %s is %s, settled %t, %v", id, status.State, status.Settled, err)
		}
	}
	for _, name := range l.names {
		l.check(t, w, name)
	}
	for _, name := range l.names {
		if c := w.openCase(name); c != nil {
			if _, err := engines["a"].Release(t.Context(), c.ID, "noc", "end", ""); err != nil {
				t.Errorf("release %s: %v", name, err)
			}
		}
	}
	time.Sleep(time.Hour)
	for _, name := range l.names {
		w.wantState(name, quarantine.Closed)
		if key, online := l.session[name]; online {
			w.wantInForce(key, "")
		}
	}
	if most := w.network.MostAtOnce(); most > 1 {
		t.Errorf("%d exchanges of one session at the same time", most)
	}
}

// relogin ends the line's session and, more often than not, starts another; its
// records reach the store only while it is awake, as a BNG's would in the end.
func (l *lines) relogin(w *world, name string, rng *rand.Rand) {
	w.memory.SetUnavailable(false)
	if key, online := l.session[name]; online {
		w.logout(name, key)
		delete(l.session, name)
		delete(l.address, name)
	}
	if rng.IntN(4) > 0 {
		time.Sleep(time.Second)
		l.session[name], l.address[name] = w.login(name)
	}
}

func (l *lines) released(w *world, name string) string {
	d, err := w.memory.Dossier(w.t.Context(), name)
	if err != nil || d.Case == nil {
		return ""
	}
	return d.Case.ID
}

func (l *lines) check(t *testing.T, w *world, name string) {
	t.Helper()
	key, online := l.session[name]
	if !online {
		return
	}
	c := w.openCase(name)
	switch {
	case c == nil:
		w.wantInForce(key, "")
	case c.State == quarantine.CaseHeld: // flapping: left as it is
	case c.State != quarantine.Restricted:
		t.Errorf("%s: case is %s in peace: %+v", name, c.State, c.Sessions)
	default:
		w.wantInForce(key, "garden")
	}
}
