package store_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/store"
)

// began is when these tests began, as a store keeps it.
var began = time.UnixMilli(time.Now().UnixMilli()).UTC()

// never is when the cases that are written to are due: a save may shorten a
// lease, so those that are leased are others.
var never = began.AddDate(100, 0, 0)

// How much the traffic does. What it writes is kept whole, so that afterwards
// every single write can be searched for.
const (
	trafficWriters  = 6
	trafficCases    = 3
	trafficPause    = 10 * time.Millisecond // between two writes of one writer
	trafficPatience = 6 * time.Second       // of one call
)

// traffic writes to stores from all sides until it is stopped, and keeps a
// record of every answer.
type traffic struct {
	t      *testing.T
	stores []*store.Store
	stop   context.CancelFunc
	wait   sync.WaitGroup

	mu       sync.Mutex // guards what follows
	notes    []noteWrite
	logins   []login
	floor    [trafficCases]uint64 // highest version acknowledged
	odd      []oddity
	troubles map[string]int // errors by kind, others by their text
	leased   map[string]bool
}

// noteWrite is a compare-and-set of a case that adds one note.
type noteWrite struct {
	n       int // of the case
	token   string
	version uint64 // after it
	ended   time.Time
	acked   bool
}

// login is a Start that was acknowledged.
type login struct {
	event quarantine.SessionEvent
	ended time.Time
}

// oddity is what must not be, unless Redis has lost writes just then.
type oddity struct {
	what string
	at   time.Time
}

func caseID(n int) string { return fmt.Sprintf("c%d", n) }

// startTraffic writes with all stores; they share one Redis.
func startTraffic(t *testing.T, stores ...*store.Store) *traffic {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	tr := &traffic{t: t, stores: stores, stop: cancel, troubles: map[string]int{}, leased: map[string]bool{}}
	for n := range trafficCases {
		tr.floor[n] = tr.openCase(caseID(n), never)
		tr.openCase(fmt.Sprintf("due%d", n), began)
	}
	for w := range trafficWriters {
		s := stores[w%len(stores)]
		tr.wait.Go(func() { tr.write(ctx, s, w) })
	}
	for _, s := range stores {
		tr.wait.Go(func() { tr.take(ctx, s) })
	}
	t.Cleanup(tr.end)
	return tr
}

// openCase stores a new case and returns its version.
func (tr *traffic) openCase(id string, due time.Time) uint64 {
	tr.t.Helper()
	c := &quarantine.Case{ID: id, Subscriber: id, State: quarantine.Restricting, OpenedAt: began, Mode: quarantine.ModeEnforce}
	if err := tr.stores[0].SaveCase(tr.t.Context(), quarantine.CaseWrite{Case: c, DueAt: due, Now: began}); err != nil {
		tr.t.Fatal(err)
	}
	return c.Version
}

// end stops the traffic and waits until the last answer is in.
func (tr *traffic) end() {
	tr.stop()
	tr.wait.Wait()
}

func (tr *traffic) write(ctx context.Context, s *store.Store, w int) {
	for n := 0; ctx.Err() == nil; n++ {
		tr.addNote(s, (w+n)%trafficCases, fmt.Sprintf("%d/%d", w, n))
		tr.logIn(s, w, n)
		time.Sleep(trafficPause)
	}
}

// patiently is the context of one call: it outlives the traffic, so that every
// answer comes in.
func (tr *traffic) patiently() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(tr.t.Context()), trafficPatience)
}

func (tr *traffic) trouble(err error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	text := err.Error()
	for _, kind := range []string{"connection refused", "use of closed", "i/o timeout", "EOF", "reset by peer", "broken pipe",
		"TRYAGAIN", "READONLY", "LOADING", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN"} {
		if strings.Contains(text, kind) {
			text = kind
		}
	}
	tr.troubles[text]++
}

func (tr *traffic) strange(format string, args ...any) {
	tr.odd = append(tr.odd, oddity{fmt.Sprintf(format, args...), time.Now()})
}

// addNote reads a case and writes it back with one more note.
func (tr *traffic) addNote(s *store.Store, n int, token string) {
	ctx, cancel := tr.patiently()
	defer cancel()
	tr.mu.Lock()
	floor := tr.floor[n]
	tr.mu.Unlock()
	c, err := s.Case(ctx, caseID(n))
	if err != nil {
		tr.trouble(err)
		return
	}
	read := c.Version
	c.Notes = append(c.Notes, quarantine.Note{Text: token})
	err = s.SaveCase(ctx, quarantine.CaseWrite{Case: c, DueAt: never, Now: began})
	if err != nil && !errors.Is(err, quarantine.ErrConflict) {
		tr.trouble(err)
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if read < floor {
		tr.strange("%s was read in version %d after %d had been acknowledged", caseID(n), read, floor)
	}
	if err == nil {
		tr.floor[n] = max(min(tr.floor[n], read), c.Version) // a version lost is lost for everybody
	}
	tr.notes = append(tr.notes, noteWrite{n: n, token: token, version: read + 1, ended: time.Now(), acked: err == nil})
}

// logIn stores a Start and reads it at once.
func (tr *traffic) logIn(s *store.Store, w, n int) {
	ctx, cancel := tr.patiently()
	defer cancel()
	ev := quarantine.SessionEvent{
		Kind: quarantine.SessionStarted, Key: quarantine.SessionKey{BNG: fmt.Sprint("bng", w), ID: fmt.Sprint(n)},
		Subscriber: fmt.Sprintf("u%d-%d", w, n), At: began, StartedAt: began,
		Addresses: []quarantine.Address{{Kind: quarantine.FramedIP,
			Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(w), byte(n >> 8), byte(n)}), 32)}},
	}
	if err := s.Record(ctx, []quarantine.SessionEvent{ev})[0]; err != nil {
		tr.trouble(err)
		return
	}
	done := login{ev, time.Now()}
	missing, err := lookFor(ctx, s, ev)
	if err != nil {
		tr.trouble(err)
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.logins = append(tr.logins, done)
	if missing != "" {
		tr.strange("right after it was acknowledged: %s", missing)
	}
}

// lookFor says what is wrong with what is known of a session; empty: nothing.
func lookFor(ctx context.Context, s *store.Store, ev quarantine.SessionEvent) (missing string, err error) {
	held, err := s.Bindings(ctx, quarantine.Place{Addr: ev.Addresses[0].Prefix.Addr()}, began, began)
	if err != nil {
		return "", err
	}
	if len(held) != 1 || held[0].Subscriber != ev.Subscriber {
		return fmt.Sprintf("%s was held by %v, want %s", ev.Addresses[0].Prefix, held, ev.Subscriber), nil
	}
	of, err := s.SessionsOf(ctx, ev.Subscriber)
	if err != nil {
		return "", err
	}
	if len(of) != 1 || of[0].SessionKey != ev.Key {
		return fmt.Sprintf("the sessions of %s are %v, want %s", ev.Subscriber, of, ev.Key), nil
	}
	return "", nil
}

// take leases due work and gives it back, over and over, and asks for gaps as
// an engine does.
func (tr *traffic) take(ctx context.Context, s *store.Store) {
	for ctx.Err() == nil {
		tr.takeOnce(s)
		tr.watch(s)
		time.Sleep(trafficPause)
	}
}

func (tr *traffic) takeOnce(s *store.Store) {
	ctx, cancel := tr.patiently()
	defer cancel()
	// By the host's clock: two leases of one millisecond would be equal.
	taken, err := s.TakeDue(ctx, quarantine.LaneRestrict, time.Now(), time.Hour, 1, 0)
	if err != nil {
		tr.trouble(err)
		return
	}
	for _, d := range taken {
		tr.lease(d.Subscriber)
		time.Sleep(trafficPause)
		tr.giveBack(d.Subscriber)
		if err := s.FinishDue(ctx, d, time.Now()); err != nil {
			tr.trouble(err)
		}
	}
}

func (tr *traffic) watch(s *store.Store) {
	ctx, cancel := tr.patiently()
	defer cancel()
	if _, err := s.Gaps(ctx); err != nil {
		tr.trouble(err)
	}
}

func (tr *traffic) lease(subscriber string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.leased[subscriber] {
		tr.strange("the work on %s was leased twice at a time", subscriber)
	}
	tr.leased[subscriber] = true
}

func (tr *traffic) giveBack(subscriber string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	delete(tr.leased, subscriber)
}

// written counts what was acknowledged so far.
func (tr *traffic) written() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	acked := len(tr.logins)
	for _, w := range tr.notes {
		if w.acked {
			acked++
		}
	}
	return acked
}

// awaitWrites waits until n more writes are acknowledged.
func (tr *traffic) awaitWrites(n int) {
	tr.t.Helper()
	want := tr.written() + n
	for over := time.Now().Add(20 * time.Second); tr.written() < want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(over) {
			done := tr.written()
			tr.end()
			tr.t.Fatalf("%d of %d writes are acknowledged; errors: %v", done, want, tr.troubles)
		}
	}
}

// losses lists every write that was acknowledged and is not there, with when it
// was acknowledged, and every oddity. What no loss can explain fails the test.
func (tr *traffic) losses() []oddity {
	tr.t.Helper()
	tr.end()
	lost := slices.Clone(tr.odd)
	for n := range trafficCases {
		lost = append(lost, tr.lostNotes(n)...)
	}
	for _, l := range tr.logins {
		var missing string
		tr.insist(func(ctx context.Context) (err error) {
			missing, err = lookFor(ctx, tr.stores[0], l.event)
			return err
		})
		if missing != "" {
			lost = append(lost, oddity{missing, l.ended})
		}
	}
	tr.t.Logf("%d writes acknowledged, %d oddities or losses; errors:", tr.written(), len(lost))
	for text, times := range tr.troubles {
		tr.t.Logf("%5d × %s", times, text)
	}
	return lost
}

// insist asks until there is an answer: nodes may still disagree about slots.
func (tr *traffic) insist(ask func(context.Context) error) {
	tr.t.Helper()
	var err error
	for range 200 {
		if err = ask(tr.t.Context()); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	tr.t.Fatal(err)
}

func (tr *traffic) lostNotes(n int) []oddity {
	tr.t.Helper()
	var c *quarantine.Case
	tr.insist(func(ctx context.Context) (err error) {
		c, err = tr.stores[0].Case(ctx, caseID(n))
		return err
	})
	if c.Version != uint64(len(c.Notes))+1 {
		tr.t.Errorf("%s has version %d and %d notes: two writes went into one version", c.ID, c.Version, len(c.Notes))
	}
	at := map[string]uint64{} // token → version that brought it
	for i, note := range c.Notes {
		if _, twice := at[note.Text]; twice {
			tr.t.Errorf("note %s of %s was written twice", note.Text, c.ID)
		}
		at[note.Text] = uint64(i) + 2
	}
	var lost []oddity
	for _, w := range tr.notes {
		version, kept := at[w.token]
		switch {
		case w.n != n:
		case kept && version != w.version:
			tr.t.Errorf("note %s of %s was written as version %d and stands in %d", w.token, c.ID, w.version, version)
		case !kept && w.acked:
			lost = append(lost, oddity{fmt.Sprintf("note %s of %s, version %d, is lost", w.token, c.ID, w.version), w.ended})
		}
	}
	return lost
}
