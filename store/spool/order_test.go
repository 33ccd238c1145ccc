package spool

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"cordon/quarantine"
)

// A workload like an accounting server's: lanes side by side, each with
// sessions of its own, whose events are numbered by their times.
const (
	orderLanes    = 4
	orderSessions = 5 // of a lane
	orderEvents   = 400
)

// TestALaterEventOfASessionNeverOvertakesAnEarlierOne runs outages, lost
// answers and restarts at random: whatever was reported as stored arrives, and
// an event arrives for the first time only after all before it in its session.
func TestALaterEventOfASessionNeverOvertakesAnEarlierOne(t *testing.T) {
	for range 8 {
		seed := rand.Uint64()
		if err := disorder(t, seed); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func disorder(t *testing.T, seed uint64) error {
	random := rand.New(rand.NewPCG(seed, 0))
	store := flaky(random.Uint64())
	dir := t.TempDir()
	s := open(t, dir, store)
	lanes := make([]*lane, orderLanes)
	for i := range lanes {
		lanes[i] = &lane{name: fmt.Sprint("lane", i), random: rand.New(rand.NewPCG(seed, uint64(i)+1))}
	}
	for range 3 { // runs, with a restart after each
		ctx, cancel := context.WithCancel(t.Context())
		var draining, sending sync.WaitGroup
		draining.Go(func() { // as Run, without its pauses
			for ctx.Err() == nil {
				_ = s.RunOnce(ctx) // the store is unreachable again and again
				time.Sleep(time.Millisecond)
			}
		})
		for _, l := range lanes {
			sending.Go(func() { l.send(t.Context(), s, orderEvents/3) })
		}
		sending.Wait()
		cancel()
		draining.Wait()
		if err := s.Close(); err != nil {
			return err
		}
		s = open(t, dir, store)
	}
	store.reconnect()
	store.set(func(s *sessionStore) { s.late = false })
	for s.Stats().Waiting > 0 {
		if err := s.RunOnce(t.Context()); err != nil {
			return err
		}
	}
	return inOrder(store.stored, lanes)
}

// flaky is a store that is unreachable now and then, and sometimes stores what it says
// it did not.
func flaky(seed uint64) *sessionStore {
	random := rand.New(rand.NewPCG(seed, 0))
	s := &sessionStore{}
	left, down := 0, false
	s.unreachable = func() error { // called with the store's mutex held
		if left--; left < 0 {
			left, down = random.IntN(30), !down
			s.late = random.IntN(3) == 0
		}
		if down {
			return errUnreachable
		}
		return nil
	}
	return s
}

// lane sends events of its sessions, each batch after the one before was answered.
type lane struct {
	name   string
	random *rand.Rand
	sent   [orderSessions]int
}

func (l *lane) send(ctx context.Context, s *Spool, n int) {
	for n > 0 {
		var batch []quarantine.SessionEvent
		for range 1 + l.random.IntN(6) {
			session := l.random.IntN(orderSessions)
			batch = append(batch, event(fmt.Sprint(l.name, "/", session), l.sent[session]))
			l.sent[session]++
			n--
		}
		for _, err := range s.Record(ctx, batch) {
			if err != nil {
				panic(err) // the spool takes everything here
			}
		}
	}
}

// inOrder checks what the store got: each session's events 0, 1, 2, … but for
// repetitions.
func inOrder(took []quarantine.SessionEvent, lanes []*lane) error {
	next := map[string]int{}
	for _, ev := range took {
		n := int(ev.At.Sub(noon) / time.Second)
		if n > next[ev.Key.ID] {
			return fmt.Errorf("session %s: event %d came before %d", ev.Key.ID, n, next[ev.Key.ID])
		}
		if n == next[ev.Key.ID] {
			next[ev.Key.ID]++
		}
	}
	for _, l := range lanes {
		for session, sent := range l.sent {
			if id := fmt.Sprint(l.name, "/", session); next[id] != sent {
				return fmt.Errorf("session %s: %d of %d events arrived", id, next[id], sent)
			}
		}
	}
	return nil
}

func TestTheCheckOfTheOrderBites(t *testing.T) {
	l := &lane{name: "l", sent: [orderSessions]int{3}}
	for name, took := range map[string][]quarantine.SessionEvent{
		"overtaken": {event("l/0", 0), event("l/0", 2), event("l/0", 1)},
		"lost":      {event("l/0", 0), event("l/0", 1)},
	} {
		if inOrder(took, []*lane{l}) == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}

func TestTheOldestIsTheEarliestOfAllThatWaits(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	var b backlog
	var all []int // event times, by sequence number less 1
	done := 0
	for range 2000 {
		if random.IntN(3) > 0 || done == len(all) {
			all = append(all, random.IntN(50))
			b.add(uint64(len(all)), noon.Add(time.Duration(all[len(all)-1])*time.Second), 1)
		} else {
			done++
			b.done(uint64(done), 1)
		}
		least, some := 1000, done < len(all)
		for _, n := range all[done:] {
			least = min(least, n)
		}
		oldest, ok := b.oldest()
		if ok != some || some && !oldest.Equal(noon.Add(time.Duration(least)*time.Second)) || b.empty() == some || b.events != len(all)-done {
			t.Fatalf("seed %d: oldest %v %v, want %d %v; %+v", seed, oldest, ok, least, some, b)
		}
	}
}
