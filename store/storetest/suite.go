// Package storetest is the conformance suite of the driven ports that package
// store implements: Redis and the in-memory ports of quarantinetest pass the
// same tests, so that tests of the engine on the latter mean something.
//
// It also starts redis-server for tests. It holds no test of its own; store and
// quarantinetest run it.
package storetest

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"cordon/quarantine"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Ports is everything that a store implements.
type Ports interface {
	quarantine.SessionReader
	quarantine.SessionRecorder
	quarantine.MACFinder
	quarantine.BindingFinder
	quarantine.BindingRecorder
	quarantine.CaseReader
	quarantine.CaseWriter
	quarantine.VerdictStore
	quarantine.LogInStore
	quarantine.DueSet
	quarantine.SenderLease
	quarantine.InstanceRegistry
	quarantine.InstanceDepartures
	quarantine.Continuity
	quarantine.MaintenanceBook
	quarantine.AccountingSourceBook
}

// Options are what the store under test shall be made with.
type Options struct {
	Restricted func(quarantine.Attribute) bool
	Interim    func(bng string) time.Duration
	Now        func() time.Time
}

// Open returns an empty store, and how to let time pass for it where it has a
// clock besides Options.Now (nil: it has none). What needs closing is closed by
// t.Cleanup.
type Open func(t *testing.T, o Options) (Ports, func(time.Duration))

// Seeds is how many plays of random accounting a store has to pass.
const Seeds = 60

// Run runs the whole suite, with so many plays of random accounting.
func Run(t *testing.T, open Open, seeds uint64) {
	for _, part := range []struct {
		name string
		run  func(*testing.T, Open)
	}{
		{"sessions", Sessions}, {"bindings", Bindings}, {"cases", Cases}, {"case list", CaseList},
		{"log-ins", LogIns}, {"limits", Limits}, {"verdicts", Verdicts}, {"due", Due}, {"sender", Sender},
		{"instances", Instances}, {"continuity", Continuity}, {"maintenance", Maintenance},
		{"accounting sources", AccountingSources},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, open) })
	}
	t.Run("random accounting", func(t *testing.T) { RandomAccounting(t, open, seeds) })
}

// noon is when the suite's stories begin.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// subject is a store under test and the time it lives in.
type subject struct {
	Ports
	elapsed func(time.Duration)

	mu  sync.Mutex // guards now
	now time.Time
}

func start(t *testing.T, open Open) *subject {
	t.Helper()
	s := &subject{now: noon}
	s.Ports, s.elapsed = open(t, Options{
		Restricted: func(a quarantine.Attribute) bool { return a.Value == "GARDEN" },
		Interim: func(bng string) time.Duration {
			return map[string]time.Duration{"chatty": 10 * time.Minute}[bng]
		},
		Now: s.clock,
	})
	return s
}

func (s *subject) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// pass lets d go by, for the store's own clock too.
func (s *subject) pass(d time.Duration) {
	s.mu.Lock()
	s.now = s.now.Add(d)
	s.mu.Unlock()
	if s.elapsed != nil {
		s.elapsed(d)
	}
}

// see lets d go by for Options.Now alone: a store with a clock of its own would
// be waited for.
func (s *subject) see(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func minute(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

func address(s string, kind quarantine.AddressKind) quarantine.Address {
	return quarantine.Address{Prefix: netip.MustParsePrefix(s), Kind: kind}
}

func v4(n int) quarantine.Address {
	return address(fmt.Sprintf("192.0.2.%d/32", n), quarantine.FramedIP)
}

// event is an accounting record about session bng1/id of a subscriber.
func event(kind quarantine.SessionEventKind, id, subscriber string, at time.Time, addresses ...quarantine.Address) quarantine.SessionEvent {
	ev := quarantine.SessionEvent{
		Kind: kind, Key: quarantine.SessionKey{BNG: "bng1", ID: id}, Subscriber: subscriber, At: at, Addresses: addresses,
	}
	if kind == quarantine.SessionStarted {
		ev.StartedAt = at
	}
	return ev
}

func record(t *testing.T, s Ports, events ...quarantine.SessionEvent) {
	t.Helper()
	for i, err := range s.Record(t.Context(), events) {
		if err != nil {
			t.Fatalf("event %d of %d: %v", i, len(events), err)
		}
	}
}

func session(t *testing.T, s Ports, id string) quarantine.Session {
	t.Helper()
	found, err := s.Session(t.Context(), quarantine.SessionKey{BNG: "bng1", ID: id})
	must(t, err)
	return found
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// equal compares what a store gave back; nil and empty lists are the same.
func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, compare...); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

var compare = []cmp.Option{
	cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(0),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
}
