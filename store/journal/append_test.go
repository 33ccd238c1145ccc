package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func open(t testing.TB, cfg Config) *Journal {
	t.Helper()
	if cfg.ReserveBytes == 0 {
		cfg.ReserveBytes = -1
	}
	j, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func entry(i int) Entry {
	return Entry{Kind: Kind(i%7 + 1), Key: fmt.Sprintf("case-%d", i), Payload: fmt.Appendf(nil, "payload of %d", i)}
}

func TestWhatWasAppendedIsReplayedAfterAReopen(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Config{Dir: dir})
	for i := range 10 {
		first, err := j.Append(t.Context(), entry(2*i), entry(2*i+1))
		if err != nil || first != uint64(2*i+1) {
			t.Fatalf("batch %d: first %d, %v", i, first, err)
		}
	}
	id := j.ID()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, Config{Dir: dir})
	if j.ID() != id || j.Recovery() != (Recovery{}) {
		t.Fatalf("id %s, then %s; recovery %+v", id, j.ID(), j.Recovery())
	}
	n := 0
	err := j.Replay(t.Context(), 0, func(r Record) error {
		e := entry(n)
		n++
		if r.Seq != uint64(n) || r.Kind != e.Kind || r.Key != e.Key || string(r.Payload) != string(e.Payload) {
			t.Fatalf("record %d: %+v", n, r)
		}
		return nil
	})
	if err != nil || n != 20 {
		t.Fatalf("%d records, %v", n, err)
	}
}

// held returns a journal whose next sync waits for release to be closed, and
// reached, which says that it does.
func held(t *testing.T, cfg Config) (j *Journal, disk *hookDisk, reached <-chan struct{}, release chan<- struct{}) {
	in, out := make(chan struct{}), make(chan struct{})
	var armed atomic.Bool
	disk = &hookDisk{before: func(o op) error {
		if o.what == "sync" && armed.CompareAndSwap(true, false) {
			close(in)
			<-out
		}
		return nil
	}}
	cfg.Dir, cfg.disk = t.TempDir(), disk
	j = open(t, cfg)
	armed.Store(true)
	return j, disk, in, out
}

func TestAppendsThatArriveDuringASyncShareTheNextOne(t *testing.T) {
	j, disk, reached, release := held(t, Config{})
	before := disk.count("sync")
	var waits []func(context.Context) (uint64, error)
	for i := range 51 {
		wait, err := j.AppendAsync(t.Context(), entry(i))
		if err != nil {
			t.Fatal(err)
		}
		waits = append(waits, wait)
		if i == 0 {
			<-reached
		}
	}
	close(release)
	for i, wait := range waits {
		for range 2 { // wait may be asked again
			if seq, err := wait(t.Context()); err != nil || seq != uint64(i+1) {
				t.Fatalf("append %d: record %d, %v", i, seq, err)
			}
		}
	}
	if n := disk.count("sync") - before; n != 2 {
		t.Errorf("%d syncs for 51 appends, want 2", n)
	}
}

func TestTheSyncDelayGathersAppends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &hookDisk{}
		j := open(t, Config{Dir: t.TempDir(), disk: disk, SyncDelay: 50 * time.Millisecond})
		before, start := disk.count("sync"), time.Now()
		first, err := j.AppendAsync(t.Context(), entry(1))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // the writer sleeps
		if _, err := j.Append(t.Context(), entry(2)); err != nil {
			t.Fatal(err)
		}
		if _, err := first(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, took := disk.count("sync")-before, time.Since(start); n != 1 || took != 50*time.Millisecond {
			t.Errorf("%d syncs after %v", n, took)
		}
		j.Close()
	})
}

func TestConcurrentAppendersEachGetTheirOwnRecords(t *testing.T) {
	const writers, appends = 16, 40
	disk := &hookDisk{}
	followed := 0
	j := open(t, Config{Dir: t.TempDir(), disk: disk, SegmentBytes: 8 << 10, Committed: func(rs []Record) {
		for _, r := range rs {
			if r.Seq != uint64(followed+1) {
				t.Errorf("committed record %d after %d", r.Seq, followed)
			}
			followed++
		}
	}})
	var mu sync.Mutex
	want := map[uint64]string{}
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range appends {
				key := fmt.Sprintf("%d/%d", w, i)
				first, err := j.Append(t.Context(), Entry{Kind: 1, Key: key + "/a"}, Entry{Kind: 1, Key: key + "/b"})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				want[first], want[first+1] = key+"/a", key+"/b"
				mu.Unlock()
			}
		})
		group.Go(func() { all(t, j) }) // reading goes on meanwhile
	}
	group.Wait()
	got := all(t, j)
	if len(got) != 2*writers*appends || followed != len(got) {
		t.Fatalf("%d records replayed, %d committed", len(got), followed)
	}
	for _, r := range got {
		if want[r.Seq] != r.Key {
			t.Fatalf("record %d is %q, its appender got %q", r.Seq, r.Key, want[r.Seq])
		}
	}
}

func TestInvalidEntriesAreRefused(t *testing.T) {
	j := open(t, Config{Dir: t.TempDir(), disk: lazyDisk{}})
	big := Entry{Kind: 1, Payload: make([]byte, MaxPayload)}
	for name, batch := range map[string][]Entry{
		"none":             {},
		"kind 0":           {{Key: "a"}},
		"key of 256":       {{Kind: 1, Key: strings.Repeat("k", MaxKey+1)}},
		"payload too long": {entry(1), {Kind: 1, Payload: make([]byte, MaxPayload+1)}},
		"batch too long":   {big, big, big, big, big, big, big, big, big, big, big, big, big, big, big, big},
	} {
		if _, err := j.Append(t.Context(), batch...); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	big.Key = strings.Repeat("k", MaxKey)
	if seq, err := j.Append(t.Context(), big); err != nil || seq != 1 {
		t.Errorf("the largest: record %d, %v", seq, err)
	}
	if got := all(t, j); len(got) != 1 || len(got[0].Payload) != MaxPayload || got[0].Key != big.Key {
		t.Errorf("the largest is replayed as %d records", len(got))
	}
}

func TestAFullQueueBlocksUntilThereIsRoomOrTheContextEnds(t *testing.T) {
	j, _, reached, release := held(t, Config{})
	if _, err := j.AppendAsync(t.Context(), entry(0)); err != nil {
		t.Fatal(err)
	}
	<-reached
	big := Entry{Kind: 1, Payload: make([]byte, MaxPayload)}
	for range 15 {
		if _, err := j.AppendAsync(t.Context(), big); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.AppendAsync(ctx, big); !errors.Is(err, context.Canceled) {
		t.Fatalf("with the queue full: %v", err)
	}
	answered := make(chan error)
	go func() { _, err := j.Append(t.Context(), big); answered <- err }()
	close(release)
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	if n := len(all(t, j)); n != 17 {
		t.Errorf("%d records, want 17", n)
	}
}

func TestACallerThatStopsWaitingLeavesItsRecordInTheJournal(t *testing.T) {
	j, _, reached, release := held(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error)
	go func() { _, err := j.Append(ctx, entry(1)); answered <- err }()
	<-reached
	cancel()
	if err := <-answered; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(release)
	if _, err := j.Append(t.Context(), entry(2)); err != nil {
		t.Fatal(err)
	}
	if n := len(all(t, j)); n != 2 {
		t.Errorf("%d records, want 2", n)
	}
}

func TestCloseWritesWhatIsQueuedAndRefusesTheRest(t *testing.T) {
	j, _, reached, release := held(t, Config{})
	dir := j.cfg.Dir
	first, err := j.AppendAsync(t.Context(), entry(0))
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	second, err := j.AppendAsync(t.Context(), entry(1))
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error)
	go func() { closed <- j.Close() }()
	close(release)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	for i, wait := range []func(context.Context) (uint64, error){first, second} {
		if seq, err := wait(t.Context()); err != nil || seq != uint64(i+1) {
			t.Errorf("queued append %d: record %d, %v", i, seq, err)
		}
	}
	_, expireErr := j.Expire(1)
	_, eraseErr := j.Erase(t.Context(), func(Record) bool { return true })
	_, appendErr := j.Append(t.Context(), entry(2))
	for what, err := range map[string]error{
		"append": appendErr, "expire": expireErr, "erase": eraseErr, "writable": j.Writable(), "rotate": j.Rotate(t.Context()),
		"replay": j.Replay(t.Context(), 0, func(Record) error { return nil }),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
	if err := j.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
	if n := len(all(t, open(t, Config{Dir: dir}))); n != 2 {
		t.Errorf("%d records after a reopen", n)
	}
}

func TestReplayStartsAtItsSequenceNumberAndEndsWithItsContextOrAnError(t *testing.T) {
	j := open(t, Config{Dir: t.TempDir(), SegmentBytes: 700, disk: lazyDisk{}})
	for i := range 30 {
		if _, err := j.Append(t.Context(), entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	enough := errors.New("enough")
	for from := range uint64(33) {
		next := max(from, 1)
		err := j.Replay(t.Context(), from, func(r Record) error {
			if r.Seq != next {
				t.Fatalf("from %d: record %d, want %d", from, r.Seq, next)
			}
			next++
			return nil
		})
		if err != nil || next != max(31, from) {
			t.Errorf("from %d: ended before %d, %v", from, next, err)
		}
	}
	if err := j.Replay(t.Context(), 5, func(Record) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("fn's error came back as %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Replay(ctx, 0, func(Record) error { t.Error("called"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("with the context ended: %v", err)
	}
}
