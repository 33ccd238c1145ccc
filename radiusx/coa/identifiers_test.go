package coa

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func noOpen(int) error { return nil }

// TestRotationKeepsItsPromises takes and releases at random and holds every
// slot that comes out against a plain record of when each was last used.
func TestRotationKeepsItsPromises(t *testing.T) {
	for range 20 {
		seed := rand.Uint64()
		random := rand.New(rand.NewPCG(seed, 0))
		r := rotation{ports: 1 + random.IntN(3), firstID: byte(random.Uint32())}
		r.firstPort = random.IntN(r.ports)
		now := testTime
		inUse, since := []slot{}, map[slot]time.Time{}
		busy := map[slot]bool{}
		for range 5000 {
			now = now.Add(time.Duration(random.Int64N(int64(time.Second))))
			if len(inUse) > 0 && random.IntN(2) == 0 {
				i := random.IntN(len(inUse))
				s := inUse[i]
				inUse = append(inUse[:i], inUse[i+1:]...)
				delete(busy, s)
				since[s] = now
				r.release(s, now)
				continue
			}
			s, how, err := r.acquire(now, noOpen)
			if err != nil {
				if len(inUse) != r.ports*identifiersPerPort {
					t.Fatalf("seed %d: %v with only %d in use", seed, err, len(inUse))
				}
				continue
			}
			checkTaken(t, seed, now, s, how, busy, since)
			delete(since, s)
			busy[s] = true
			inUse = append(inUse, s)
		}
	}
}

func checkTaken(t *testing.T, seed uint64, now time.Time, s slot, how reuse, busy map[slot]bool, since map[slot]time.Time) {
	t.Helper()
	if busy[s] {
		t.Fatalf("seed %d: slot %v is in use", seed, s)
	}
	last, used := since[s]
	if used != (how != unused) {
		t.Fatalf("seed %d: slot %v said to be %v, used before: %v", seed, s, how, used)
	}
	if used && (now.Sub(last) >= restWindow) != (how == rested) {
		t.Fatalf("seed %d: slot %v rested %v and is said to be %v", seed, s, now.Sub(last), how)
	}
	for other, at := range since {
		if used && at.Before(last) {
			t.Fatalf("seed %d: slot %v was taken although %v has rested longer", seed, s, other)
		}
	}
}

func TestRotationUsesEverySlotOfEveryPortBeforeItHurries(t *testing.T) {
	r := rotation{ports: 3, firstPort: 2, firstID: 77}
	seen := map[slot]bool{}
	for range 3 * identifiersPerPort {
		s, how, err := r.acquire(testTime, noOpen)
		if err != nil || how != unused || seen[s] || s.port() > 2 {
			t.Fatalf("slot %v: %v, %v, seen before: %v", s, how, err, seen[s])
		}
		seen[s] = true
		r.release(s, testTime)
	}
	if _, how, _ := r.acquire(testTime.Add(restWindow-1), noOpen); how != reusedEarly {
		t.Errorf("got %v when no slot is left and none has rested", how)
	}
	if _, how, _ := r.acquire(testTime.Add(restWindow), noOpen); how != rested {
		t.Errorf("got %v after the window", how)
	}
}

func TestAPortThatCannotBeOpenedIsDoneWithout(t *testing.T) {
	fault := errors.New("too many open files")
	closed := func(port int) error { return map[int]error{0: nil, 1: fault}[port] }
	r := rotation{ports: 2}
	for range identifiersPerPort {
		if _, _, err := r.acquire(testTime, closed); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := r.acquire(testTime, closed); !errors.Is(err, fault) {
		t.Errorf("with all in use: got %v, want %v", err, fault)
	}
	r.release(7, testTime)
	if s, how, err := r.acquire(testTime, closed); s != 7 || how != reusedEarly || err != nil {
		t.Errorf("with one resting: got %v, %v, %v", s, how, err)
	}
	if s, how, err := r.acquire(testTime, noOpen); s.port() != 1 || how != unused || err != nil {
		t.Errorf("once it can be opened: got %v, %v, %v", s, how, err)
	}
}

// cachingBNG answers like gear that remembers for 300 s what it answered to a
// source address, port and identifier, and takes the next packet with them for
// a duplicate, whatever is in it.
type cachingBNG struct {
	mu    sync.Mutex
	known map[cacheKey]cached
	false int // packets taken for duplicates that were none
}

type cacheKey struct {
	from       netip.AddrPort
	identifier byte
}

type cached struct {
	request, answer []byte
	at              time.Time
}

func (b *cachingBNG) host(w *wire, p packet) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := cacheKey{p.from, p.octets[1]}
	old, known := b.known[key]
	if !known || p.at.Sub(old.at) >= restWindow {
		old = cached{p.octets, ack(p.octets), p.at}
		b.known[key] = old
	}
	if !bytes.Equal(old.request, p.octets) {
		b.false++
	}
	w.send(p.to, p.from, old.answer)
	return nil
}

// exchangesWithACachingBNG sends n requests, each unlike the others, 20 a
// second, and returns the client's figures and the false duplicates.
func exchangesWithACachingBNG(t *testing.T, n, ports int) (stats Stats, falseDuplicates int) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		bng := &cachingBNG{known: make(map[cacheKey]cached)}
		w.attach(bng1, bng.host)
		c := clientOn(t, w, func(config *Config) { config.Ports = ports })
		for i := range n {
			x := requestTo(t, bng1)
			x.Timeout = time.Second
			x.Attributes[0].Attribute = []byte{byte(i >> 16), byte(i >> 8), byte(i)}
			do(t, c, x)
			time.Sleep(50 * time.Millisecond)
		}
		stats, falseDuplicates = c.Stats(), bng.false
	})
	return stats, falseDuplicates
}

func TestABNGWithADuplicateCacheSeesNoFalseDuplicates(t *testing.T) {
	stats, wrong := exchangesWithACachingBNG(t, 2000, DefaultPorts)
	if wrong != 0 || stats.ACKs != 2000 || stats.ReusedEarly != 0 {
		t.Errorf("%d false duplicates, figures: %+v", wrong, stats)
	}
	if stats.Ports != 8 {
		t.Errorf("%d ports for 2000 exchanges in the window, want 8", stats.Ports)
	}
	stats, wrong = exchangesWithACachingBNG(t, 14_000, 24) // 700 s: identifiers come round
	if wrong != 0 || stats.ACKs != 14_000 || stats.ReusedEarly != 0 || stats.Rested == 0 {
		t.Errorf("over two windows: %d false duplicates, figures: %+v", wrong, stats)
	}
}

func TestAPoolTooSmallForTheWindowShowsInTheFigures(t *testing.T) {
	stats, wrong := exchangesWithACachingBNG(t, 300, 1)
	if stats.ReusedEarly == 0 || wrong == 0 {
		t.Errorf("%d false duplicates, figures: %+v: the duplicate cache of the test does not bite", wrong, stats)
	}
}

func TestPendingExchangesWithOneBNGNeverShareAPortAndIdentifier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		var silent tap
		w.attach(bng1, silent.host)
		c := clientOn(t, w, nil)
		var waiting sync.WaitGroup
		for range 1000 {
			waiting.Go(func() {
				x := requestTo(t, bng1)
				x.Timeout = time.Second
				do(t, c, x)
			})
		}
		waiting.Wait()
		seen := map[cacheKey]bool{}
		for _, p := range silent.packets() {
			key := cacheKey{p.from, p.octets[1]}
			if seen[key] {
				t.Fatalf("%v used twice at a time", key)
			}
			seen[key] = true
		}
		if len(seen) != 1000 {
			t.Errorf("%d packets seen", len(seen))
		}
	})
}

func TestWithoutAFreeIdentifierNothingIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		var silent tap
		w.attach(bng1, silent.host)
		c := clientOn(t, w, func(config *Config) { config.Ports = 1 })
		var waiting sync.WaitGroup
		for range identifiersPerPort {
			waiting.Go(func() { do(t, c, requestTo(t, bng1)) })
		}
		synctest.Wait()
		r, err := c.Do(t.Context(), requestTo(t, bng1))
		if !errors.Is(err, ErrNoIdentifier) || r.Transmissions != 0 {
			t.Errorf("got %v after %d transmissions", err, r.Transmissions)
		}
		if n := len(silent.packets()); n != identifiersPerPort {
			t.Errorf("%d packets", n)
		}
		if r := do(t, c, Exchange{Peer: bng2, Secret: secretOf(t, testSecret), Code: 43, Attributes: requestTo(t, bng2).Attributes,
			Timeout: time.Second}); r.Transmissions != 1 {
			t.Errorf("another BNG is held up: %+v", r)
		}
		waiting.Wait()
	})
}

func TestOneIdentifierTowardsManyBNGsIsNotConfused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		c := clientOn(t, w, func(config *Config) {
			config.Ports = 1
			config.Random = func() float64 { return 0.5 } // every BNG begins with the same identifier
		})
		var waiting sync.WaitGroup
		for i := range 200 {
			peer := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 3799)
			w.attach(peer, func(w *wire, p packet) error {
				time.AfterFunc(time.Duration(200-i)*time.Millisecond, func() { w.send(p.to, p.from, nak(p.octets, uint32(1000+i))) })
				return nil
			})
			waiting.Go(func() {
				r := do(t, c, requestTo(t, peer))
				if r.Kind != NAK || r.ErrorCause != uint32(1000+i) || r.Identifier != 128 || r.Peer != peer {
					t.Errorf("%v got %v %d under identifier %d from %v", peer, r.Kind, r.ErrorCause, r.Identifier, r.Peer)
				}
			})
		}
		waiting.Wait()
	})
}
