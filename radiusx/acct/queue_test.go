package acct

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatWaitsIsHandedOverInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{refuse: func(Record) error { time.Sleep(time.Millisecond); return nil }}
		r := newRig(t, m, func(c *Config) { c.Workers, c.Batch = 1, 10 })
		defer r.stop()
		for i := range 31 {
			r.send(accounting(t, byte(i), fmt.Sprintf("Acct-Status-Type=Start, Acct-Session-Id=%d", i)))
		}
		for range 31 {
			if r.receive() == nil {
				t.Fatal("an answer must be set")
			}
		}
		largest := 0
		for _, n := range m.batches {
			largest = max(largest, n)
		}
		if largest != 10 || len(m.batches) > 6 {
			t.Errorf("batches of %v, want at most 10 and few", m.batches)
		}
	})
}

func TestTheRecordsOfASessionKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		slow := handlerFunc(func(ctx context.Context, batch []Record) []error {
			time.Sleep(time.Duration(len(batch)) * time.Millisecond)
			return m.Handle(ctx, batch)
		})
		r := newRig(t, slow, nil)
		defer r.stop()
		const sessions, records = 20, 12
		for i := range sessions * records {
			r.send(accounting(t, byte(i), fmt.Sprintf("Acct-Status-Type=Interim-Update, Acct-Session-Id=s%d, Acct-Session-Time=%d",
				i%sessions, i/sessions)))
		}
		for range sessions * records {
			r.receive()
		}
		last := map[string]time.Duration{}
		for _, record := range m.all() {
			if record.SessionTime < last[record.SessionID] {
				t.Fatalf("session %s: %v after %v", record.SessionID, record.SessionTime, last[record.SessionID])
			}
			last[record.SessionID] = record.SessionTime
		}
		if len(last) != sessions {
			t.Errorf("%d sessions handled", len(last))
		}
	})
}

func TestAFullQueueDropsAndHoldsTheWatermarkBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		var open sync.Once
		r := newRig(t, handlerFunc(func(_ context.Context, batch []Record) []error {
			<-gate
			return make([]error, len(batch))
		}), func(c *Config) {
			c.Workers, c.Queue, c.Batch, c.Linger, c.HandleTimeout = 1, 4, 1, 20*time.Second, time.Hour
		})
		defer r.stop()
		defer open.Do(func() { close(gate) })
		begin := time.Now()
		for i := range 9 {
			r.send(accounting(t, byte(i), fmt.Sprintf("Acct-Status-Type=Start, Acct-Session-Id=%d, Acct-Delay-Time=%d", i, i)))
			synctest.Wait()
		}
		if got := r.server.Stats()[QueueFull]; got != 4 {
			t.Errorf("dropped %d, want 4: one is handled, four wait", got)
		}
		if at, ok := r.server.Oldest(); !ok || !at.Equal(begin.Add(-8*time.Second)) {
			t.Errorf("oldest %v %v, want the dropped record 8 s back", at.Sub(begin), ok)
		}
		open.Do(func() { close(gate) })
		synctest.Wait()
		if at, ok := r.server.Oldest(); !ok || !at.Equal(begin.Add(-8*time.Second)) {
			t.Errorf("oldest %v %v, want the dropped record still", at.Sub(begin), ok)
		}
		time.Sleep(21 * time.Second)
		if at, ok := r.server.Oldest(); ok {
			t.Errorf("oldest still %v after the linger time", at.Sub(begin))
		}
	})
}

func TestARefusedRecordHoldsTheWatermarkBackUntilItsRetransmissionIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusing := true
		var mu sync.Mutex
		m := &memory{refuse: func(Record) error {
			mu.Lock()
			defer mu.Unlock()
			if refusing {
				return errors.New("store is unavailable")
			}
			return nil
		}}
		r := newRig(t, m, func(c *Config) { c.Linger = time.Hour })
		defer r.stop()
		if _, ok := r.server.Oldest(); ok {
			t.Fatal("an idle server waits for something")
		}
		begin := time.Now()
		r.send(accounting(t, 1, aStart+", Acct-Delay-Time=10"))
		synctest.Wait()
		time.Sleep(5500 * time.Millisecond)
		r.send(accounting(t, 2, aStart+", Acct-Delay-Time=15"))
		synctest.Wait()
		if at, ok := r.server.Oldest(); !ok || !at.Equal(begin.Add(-10*time.Second)) {
			t.Errorf("oldest %v %v, want the first try's time", at.Sub(begin), ok)
		}
		mu.Lock()
		refusing = false
		mu.Unlock()
		if r.ask(accounting(t, 3, aStart+", Acct-Delay-Time=15")) == nil {
			t.Fatal("no answer")
		}
		if at, ok := r.server.Oldest(); ok {
			t.Errorf("oldest still %v though the record is stored", at.Sub(begin))
		}
	})
}

// The watermark must agree with a model that keeps everything in a list.
func TestTheWatermarkIsTheMinimumOfWhatIsNotStored(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	w := newWatermark(time.Hour)
	now := time.Unix(1_800_000_000, 0)
	model := map[*mark]time.Time{}
	for i := range 5000 {
		if random.IntN(2) == 0 || len(model) == 0 {
			r := Record{At: now.Add(-time.Duration(random.IntN(1e9)) * time.Microsecond), SessionID: fmt.Sprint(i)}
			model[w.begin(&r)] = r.At
		} else {
			for m := range model { // any
				if random.IntN(3) == 0 && m.until.IsZero() {
					w.miss(m, now)
				} else {
					w.stored(m)
					delete(model, m)
				}
				break
			}
		}
		var want time.Time
		for _, at := range model {
			if want.IsZero() || at.Before(want) {
				want = at
			}
		}
		if got, ok := w.oldest(now); ok != (len(model) > 0) || !got.Equal(want) {
			t.Fatalf("seed %d, step %d: oldest %v %v, want %v", seed, i, got, ok, want)
		}
	}
	w.expire(now.Add(2 * time.Hour))
	for m := range model {
		w.stored(m)
	}
	if len(w.open)+len(w.missed)+len(w.leave) != 0 {
		t.Errorf("seed %d: %d open, %d missed, %d leaving remain", seed, len(w.open), len(w.missed), len(w.leave))
	}
}

func TestRunStoresAndAnswersWhatIsQueuedBeforeItReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{refuse: func(Record) error { time.Sleep(100 * time.Millisecond); return nil }}
		r := newRig(t, m, func(c *Config) { c.Workers = 1 })
		for i := range 5 {
			r.send(accounting(t, byte(i), fmt.Sprintf("Acct-Status-Type=Start, Acct-Session-Id=%d", i)))
		}
		synctest.Wait()
		r.stop()
		if got := r.server.Stats(); got[Stored] != 5 || got[Stopped] != 0 {
			t.Errorf("stored %d, abandoned %d; want 5 and 0", got[Stored], got[Stopped])
		}
		if err := r.server.Run(t.Context()); err == nil {
			t.Error("a server could be run twice")
		}
	})
}

func TestAHandlerThatHangsIsAbandonedAfterTheDrainTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, handlerFunc(func(ctx context.Context, batch []Record) []error {
			<-ctx.Done()
			errs := make([]error, len(batch))
			for i := range errs {
				errs[i] = ctx.Err()
			}
			return errs
		}), func(c *Config) { c.Workers, c.Batch, c.HandleTimeout, c.Drain = 1, 1, time.Hour, 5*time.Second })
		for i := range 3 {
			r.send(accounting(t, byte(i), fmt.Sprintf("Acct-Status-Type=Start, Acct-Session-Id=%d", i)))
		}
		synctest.Wait()
		begin := time.Now()
		r.stop()
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("stopped after %v, want the drain time", took)
		}
		if got := r.server.Stats(); got[HandlerRefused] != 1 || got[Stopped] != 2 {
			t.Errorf("counters: %v", got)
		}
	})
}

func TestAHandlerGetsADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, handlerFunc(func(ctx context.Context, batch []Record) []error {
			<-ctx.Done()
			return []error{ctx.Err()}
		}), func(c *Config) { c.HandleTimeout = 3 * time.Second })
		defer r.stop()
		begin := time.Now()
		r.send(accounting(t, 1, aStart))
		synctest.Wait()
		time.Sleep(3*time.Second + time.Millisecond)
		synctest.Wait()
		if r.server.Stats()[HandlerRefused] != 1 {
			t.Errorf("the handler was not ended %v after the start", time.Since(begin))
		}
	})
}

func TestASocketThatFailsIsCountedAndDoesNotSpin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := failingConn{}
		s, err := New(Config{
			Holdable: hostAddress,
			Conns:    []net.PacketConn{conn},
			Clients:  []Client{{Prefix: netip.MustParsePrefix("192.0.2.1/32"), Secret: secret(t, testSecret)}},
			Handler:  &memory{},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
		if got := s.Stats()[ReadError]; got < 10 || got > 21 {
			t.Errorf("%d errors in a second, want one each %v", got, readPause)
		}
	})
}

// failingConn is a socket whose reads fail at once.
type failingConn struct{ net.PacketConn }

func (failingConn) ReadFrom([]byte) (int, net.Addr, error) { return 0, nil, errors.New("broken") }
func (failingConn) SetReadDeadline(time.Time) error        { return nil }
func (failingConn) Close() error                           { return nil }
func (failingConn) LocalAddr() net.Addr                    { return &net.UDPAddr{} }

func TestConfigFaultsAreAllNamed(t *testing.T) {
	network := netip.MustParsePrefix("192.0.2.0/24")
	s := secret(t, testSecret)
	good := Config{Holdable: hostAddress, Listen: []string{"127.0.0.1:0"}, Clients: []Client{{Prefix: network, Secret: s}},
		Handler: &memory{}}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Config){
		"no address":       func(c *Config) { c.Listen = nil },
		"no clients":       func(c *Config) { c.Clients = nil },
		"no handler":       func(c *Config) { c.Handler = nil },
		"client's secret":  func(c *Config) { c.Clients = []Client{{Prefix: network}} },
		"client's prefix":  func(c *Config) { c.Clients = []Client{{Secret: s}} },
		"host bits":        func(c *Config) { c.Clients = []Client{{Prefix: netip.MustParsePrefix("192.0.2.1/24"), Secret: s}} },
		"same prefix":      func(c *Config) { c.Clients = append(c.Clients, c.Clients[0]) },
		"no relay":         func(c *Config) { c.Clients = []Client{{Prefix: network, Secret: s, RelayFor: []string{"bng1"}}} },
		"negative number":  func(c *Config) { c.Batch = -1 },
		"negative time":    func(c *Config) { c.Drain = -1 },
		"queue too short":  func(c *Config) { c.Queue = 2 },
		"unknown key":      func(c *Config) { c.SubscriberKey = "No-Such-Attribute" },
		"unknown to keep":  func(c *Config) { c.Attributes = []string{"No-Such-Attribute"} },
		"address in words": func(c *Config) { c.Listen = []string{"invalid address"} },
	} {
		c := good
		c.Clients = append([]Client(nil), good.Clients...)
		spoil(&c)
		if server, err := New(c); err == nil {
			t.Errorf("%s: accepted", name)
			_ = server.Close()
		}
	}
}
