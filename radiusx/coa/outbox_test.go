package coa

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordon/radiusx/mmsg"
)

// gate is a batchWriter that a test opens and shuts.
type gate struct {
	mu      sync.Mutex
	full    bool
	room    chan struct{} // closed: there is room again
	during  func()        // called inside of each write
	refuse  *inFlight     // the one that fails with errHint
	batches [][]*inFlight
}

func (g *gate) write(batch []*inFlight) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.full {
		return 0, mmsg.ErrFull
	}
	if g.during != nil {
		g.during()
	}
	if i := slices.Index(batch, g.refuse); i >= 0 {
		g.batches = append(g.batches, slices.Clone(batch[:i]))
		return i, errHint
	}
	g.batches = append(g.batches, slices.Clone(batch))
	return len(batch), nil
}

func (g *gate) WaitReady() error {
	<-g.room
	return nil
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.full = false
	close(g.room)
}

func (g *gate) written() (all []*inFlight) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range g.batches {
		all = append(all, b...)
	}
	return all
}

// outboxOn runs an outbox until the returned function is called.
func outboxOn(g *gate) (*outbox, *counters, func()) {
	g.room = make(chan struct{})
	n, done := &counters{}, make(chan struct{})
	o := newOutbox(g, n)
	var running sync.WaitGroup
	running.Go(func() { o.run(done) })
	return o, n, func() {
		close(done)
		running.Wait()
	}
}

// flights are n of them under way towards one peer.
func flights(n int) []*inFlight {
	bng := &peer{inFlight: map[slot]*inFlight{}}
	all := make([]*inFlight, n)
	for i := range all {
		all[i] = &inFlight{bng: bng, slot: slot(i)}
		bng.inFlight[slot(i)] = all[i]
	}
	return all
}

func TestDatagramsThatWaitTogetherLeaveTogetherAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{full: true}
		o, n, stop := outboxOn(g)
		defer stop()
		all := flights(100)
		for _, f := range all {
			o.send(f)
		}
		synctest.Wait()
		g.open()
		synctest.Wait()
		if !slices.Equal(g.written(), all) {
			t.Errorf("%d of 100 left, or in another order", len(g.written()))
		}
		if want := (100 + batchSize - 1) / batchSize; len(g.batches) != want {
			t.Errorf("%d system calls for 100 datagrams, want %d", len(g.batches), want)
		}
		if n.sent.Load() != 100 || n.retransmitted.Load() != 0 {
			t.Errorf("%d counted as sent, %d as sent again", n.sent.Load(), n.retransmitted.Load())
		}
		for _, f := range all {
			if got := o.withdraw(f, false); got != 1 {
				t.Fatalf("%d transmissions", got)
			}
		}
	})
}

func TestWhatIsWithdrawnFromAStuckSocketNeverLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{full: true}
		o, n, stop := outboxOn(g)
		defer stop()
		all := flights(40)
		for _, f := range all {
			o.send(f)
		}
		synctest.Wait() // the outbox waits for room
		began := time.Now()
		for _, f := range all[:39] {
			if got := o.withdraw(f, false); got != 0 {
				t.Fatalf("%d transmissions of what never left", got)
			}
		}
		if time.Since(began) != 0 {
			t.Errorf("taking back took %v: the stuck socket held it up", time.Since(began))
		}
		g.open()
		synctest.Wait()
		if got := g.written(); !slices.Equal(got, all[39:]) {
			t.Errorf("%d left, want the one that was not taken back", len(got))
		}
		if n.sent.Load() != 1 {
			t.Errorf("%d counted as sent", n.sent.Load())
		}
	})
}

func TestWhatWaitsIsNotSentTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{full: true}
		o, n, stop := outboxOn(g)
		defer stop()
		f := flights(1)[0]
		for range 5 { // its retransmissions come due
			o.send(f)
		}
		synctest.Wait()
		g.open()
		synctest.Wait()
		o.send(f)
		synctest.Wait()
		if got := o.withdraw(f, false); got != 2 || len(g.written()) != 2 || n.retransmitted.Load() != 1 {
			t.Errorf("%d transmissions, %d datagrams, %d counted as sent again", got, len(g.written()), n.retransmitted.Load())
		}
	})
}

func TestWithdrawingWaitsForTheSystemCallThatHasTheDatagram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{during: func() { time.Sleep(time.Second) }}
		o, _, stop := outboxOn(g)
		defer stop()
		f := flights(1)[0]
		o.send(f)
		synctest.Wait()
		began := time.Now()
		if got := o.withdraw(f, false); got != 1 || time.Since(began) != time.Second {
			t.Errorf("%d transmissions after %v", got, time.Since(began))
		}
	})
}

func TestAnAnsweredExchangeNeedNotWaitForTheRestOfTheBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{during: func() { time.Sleep(time.Second) }}
		o, _, stop := outboxOn(g)
		defer stop()
		f := flights(1)[0]
		o.send(f)
		synctest.Wait()
		began := time.Now()
		if got := o.withdraw(f, true); got != 1 || time.Since(began) != 0 {
			t.Errorf("%d transmissions after %v", got, time.Since(began))
		}
		time.Sleep(2 * time.Second)
		o.send(f) // again: now it may be leaving although it is answered
		synctest.Wait()
		began = time.Now()
		if got := o.withdraw(f, true); got != 2 || time.Since(began) != time.Second {
			t.Errorf("a retransmission: %d transmissions after %v", got, time.Since(began))
		}
	})
}

func TestOneDatagramThatIsRefusedHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := flights(5)
		g := &gate{refuse: all[2]}
		o, n, stop := outboxOn(g)
		defer stop()
		for _, f := range all {
			o.send(f)
		}
		synctest.Wait()
		if got := g.written(); !slices.Equal(got, []*inFlight{all[0], all[1], all[3], all[4]}) {
			t.Errorf("%d of the others left", len(got))
		}
		for i, f := range all {
			if (f.hint != nil) != (i == 2) {
				t.Errorf("exchange %d: hint %v", i, f.hint)
			}
		}
		if n.writeErrors.Load() != 1 || n.sent.Load() != 5 {
			t.Errorf("%d errors, %d handed over", n.writeErrors.Load(), n.sent.Load())
		}
	})
}

// TestNothingLeavesAfterDoHasReturned cancels exchanges at random moments over
// real sockets and holds what Do said against what arrived.
func TestNothingLeavesAfterDoHasReturned(t *testing.T) {
	var mu sync.Mutex
	arrived := map[uint16]int{}
	ended := map[uint16]bool{}
	peer := udpBNG(t, "127.0.0.1:0", func(request []byte) []byte {
		id := uint16(request[22])<<8 | uint16(request[23])
		mu.Lock()
		defer mu.Unlock()
		arrived[id]++
		return nil
	})
	c, err := New(Config{Source: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	claimed := map[uint16]int{}
	var running sync.WaitGroup
	// A place is free again when what Do claims has arrived: the peer's socket buffer holds
	// more datagrams than there are places, however slowly it is read.
	places := make(chan struct{}, 100)
	for i := range uint16(2000) {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			ctx, cancel := context.WithCancel(t.Context())
			x := requestTo(t, peer)
			x.Attributes[0].Attribute = []byte{byte(i >> 8), byte(i)}
			if i%2 == 0 {
				time.AfterFunc(time.Duration(i)*time.Microsecond/4, cancel)
			} else {
				x.Sending = func(Datagram) error { go cancel(); return nil }
			}
			r, err := c.Do(ctx, x)
			cancel()
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v, %v", r.Kind, err)
			}
			for range 10_000 { // ms
				mu.Lock()
				all := arrived[i] >= r.Transmissions
				mu.Unlock()
				if all {
					break
				}
				time.Sleep(time.Millisecond)
			}
			mu.Lock()
			defer mu.Unlock()
			ended[i], claimed[i] = true, r.Transmissions
		})
	}
	running.Wait()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	sentinel, err := New(Config{Source: netip.MustParseAddr("127.0.0.1")}) // what left before it has arrived when it has
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sentinel.Close() }()
	x := requestTo(t, peer)
	x.Attributes[0].Attribute, x.Timeout = []byte{0xff, 0xff}, 200*time.Millisecond
	do(t, sentinel, x)
	mu.Lock()
	defer mu.Unlock()
	if arrived[0xffff] != 1 || len(ended) != 2000 {
		t.Fatalf("%d sentinels, %d ended", arrived[0xffff], len(ended))
	}
	for i, n := range claimed {
		if arrived[i] != n {
			t.Errorf("exchange %d: %d datagrams arrived, Do said %d", i, arrived[i], n)
		}
	}
}
