package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// ledger is a caller's state: the last payload under each key; an empty one
// removes the key. It is what must survive every expiry.
type ledger struct {
	mu    sync.Mutex
	state map[string]string
}

func (l *ledger) committed(rs []Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range rs {
		if len(r.Payload) == 0 {
			delete(l.state, r.Key)
		} else {
			l.state[r.Key] = string(r.Payload)
		}
	}
}

func (l *ledger) checkpoint() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []Entry
	for k, v := range l.state {
		out = append(out, Entry{Kind: 2, Key: k, Payload: []byte(v), Reserved: true})
	}
	return out
}

func newLedger() *ledger { return &ledger{state: map[string]string{}} }

func (l *ledger) follow(cfg Config) Config {
	cfg.Committed, cfg.Checkpoint = l.committed, l.checkpoint
	return cfg
}

func TestOutstandingStateOutlivesTheSegmentsItWasWrittenIn(t *testing.T) {
	dir := t.TempDir()
	l := newLedger()
	j := open(t, l.follow(Config{Dir: dir, SegmentBytes: 4 << 10, disk: lazyDisk{}}))
	var group sync.WaitGroup
	for w := range 4 {
		group.Go(func() {
			for i := range 150 {
				e := Entry{Kind: 1, Key: fmt.Sprintf("%d/%d", w, i%9), Payload: fmt.Appendf(nil, "state %d", i)}
				if i%3 == 0 {
					e.Payload = nil
				}
				if _, err := j.Append(t.Context(), e); err != nil {
					t.Error(err)
					return
				}
				if i%10 == 0 {
					_, next := j.Bounds()
					if _, err := j.Expire(next); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
	oldest, next := j.Bounds()
	if _, err := j.Expire(next); err != nil || oldest == 1 {
		t.Fatalf("nothing had expired: oldest %d, %v", oldest, err)
	}
	j.Close()
	segs, err := listSegments(dir)
	if err != nil || len(segs) != 1 {
		t.Fatalf("%d segments left, %v", len(segs), err)
	}
	report, err := Verify(dir)
	if err != nil || report.Checkpoint == 0 || report.First != segs[0].first || report.Last != next-1 {
		t.Fatalf("%+v, %v", report, err)
	}
	again := newLedger()
	again.committed(all(t, open(t, Config{Dir: dir})))
	if !maps.Equal(l.state, again.state) {
		t.Fatalf("state was %v, replay gives %v", l.state, again.state)
	}
}

func TestExpiryKeepsTheOpenSegmentAndWhatIsNotOldEnough(t *testing.T) {
	clock := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	j := open(t, Config{Dir: dir, SegmentBytes: 1, Now: func() time.Time { return clock }, disk: lazyDisk{}})
	for i := range 5 { // one record a segment, an hour apart
		if _, err := j.Append(t.Context(), entry(i)); err != nil {
			t.Fatal(err)
		}
		clock = clock.Add(time.Hour)
	}
	start := clock.Add(-5 * time.Hour)
	for _, c := range []struct {
		what   string
		expire func() (int, error)
		gone   int
		oldest uint64
	}{
		{"before record 1", func() (int, error) { return j.Expire(1) }, 0, 1},
		{"before record 2", func() (int, error) { return j.Expire(2) }, 1, 2},
		{"older than the second", func() (int, error) { return j.ExpireOlder(start.Add(time.Hour)) }, 0, 2},
		{"older than just after the second", func() (int, error) { return j.ExpireOlder(start.Add(time.Hour + 1)) }, 1, 3},
		{"before any to come", func() (int, error) { return j.Expire(100) }, 2, 5},
		{"again", func() (int, error) { return j.Expire(100) }, 0, 5},
	} {
		gone, err := c.expire()
		if oldest, _ := j.Bounds(); err != nil || gone != c.gone || oldest != c.oldest {
			t.Errorf("%s: %d gone, oldest %d, %v", c.what, gone, oldest, err)
		}
		if _, err := Verify(dir); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestRotateKeepsASegmentThatHoldsOnlyItsCheckpoint(t *testing.T) {
	l := newLedger()
	dir := t.TempDir()
	j := open(t, l.follow(Config{Dir: dir, disk: lazyDisk{}}))
	if _, err := j.Append(t.Context(), entry(1)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := j.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := all(t, j)
	if len(got) != 2 || !got[1].Checkpoint || !got[1].Reserved || got[1].Kind != 2 || got[1].Key != got[0].Key {
		t.Fatalf("%+v", got)
	}
}

func TestAReaderIsNotDisturbedByExpiry(t *testing.T) {
	j := open(t, Config{Dir: t.TempDir(), SegmentBytes: 1, disk: lazyDisk{}})
	for i := range 5 {
		if _, err := j.Append(t.Context(), entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	err := j.Replay(t.Context(), 0, func(Record) error {
		n++
		_, err := j.Expire(100)
		return err
	})
	if err != nil || n != 5 {
		t.Fatalf("%d records, %v", n, err)
	}
	if n := len(all(t, j)); n != 1 {
		t.Fatalf("then %d records, want 1", n)
	}
}

func TestACheckpointEntryThatBreaksTheBoundsStopsTheJournal(t *testing.T) {
	j := open(t, Config{Dir: t.TempDir(), disk: lazyDisk{}, Checkpoint: func() []Entry { return []Entry{{}} }})
	if _, err := j.Append(t.Context(), entry(1)); err != nil {
		t.Fatal(err)
	}
	if err := j.Rotate(t.Context()); !errors.Is(err, ErrStopped) || !errors.Is(err, ErrInvalid) {
		t.Fatal(err)
	}
}

func TestUnfinishedFilesAreRemovedAndOtherFilesStay(t *testing.T) {
	dir := t.TempDir()
	open(t, Config{Dir: dir}).Close()
	for _, name := range []string{segmentName(7) + tmpSuffix, idName + tmpSuffix, "notes.tmp", "7.log"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open(t, Config{Dir: dir})
	for name, want := range map[string]bool{segmentName(7) + tmpSuffix: false, idName + tmpSuffix: false, "notes.tmp": true, "7.log": true} {
		if _, err := os.Stat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) == want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInspectAndVerifyNeedNoLockAndReportTheUnfinishedAppend(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Config{Dir: dir, SegmentBytes: 700})
	for i := range 10 {
		if _, err := j.Append(t.Context(), entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	before, err := Verify(dir)
	if err != nil || before.Records != 10 || before.First != 1 || before.Last != 10 || before.ID != j.ID() {
		t.Fatalf("%+v, %v", before, err)
	}
	im := load(t, dir)
	last := im.segs[len(im.segs)-1].path
	if err := os.Truncate(last, int64(len(im.content[len(im.segs)-1])-1)); err != nil {
		t.Fatal(err)
	}
	after, err := Verify(dir)
	if err != nil || after.Records != 9 || after.Tail.Seq != 10 || !after.Tail.Cut || after.Head == before.Head ||
		after.Anchor != before.Anchor {
		t.Fatalf("%+v, %v", after, err)
	}
	n := 0
	if err := Inspect(dir, func(r Record) error { n++; return nil }); err != nil || n != 9 {
		t.Fatalf("%d records, %v", n, err)
	}
	if _, err := Verify(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("an empty directory: %v", err)
	}
}
