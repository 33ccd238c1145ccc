package journal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// hundred fills dir with records 1 to 100 in batches of one to five, each a
// sync group of its own, and returns the last sequence number of each batch.
// From rotateAt on (a batch's first record, 0 for never) a second segment
// follows, with a checkpoint of two records that come on top.
func hundred(t testing.TB, dir string, rotateAt int) (ends []uint64) {
	t.Helper()
	j := open(t, Config{Dir: dir, disk: lazyDisk{}, Checkpoint: func() []Entry {
		return []Entry{{Kind: 9, Key: "checkpoint", Payload: []byte("one")}, {Kind: 9, Key: "checkpoint", Payload: []byte("two")}}
	}})
	for i, size := 0, 1; i < 100; size = size%5 + 1 {
		size = min(size, 100-i)
		if rotateAt > 0 && i >= rotateAt {
			rotateAt = 0
			if err := j.Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, next := j.Bounds()
			ends = append(ends, next-2, next-1) // checkpoint records are batches of one
		}
		var batch []Entry
		for range size {
			batch = append(batch, entry(i))
			i++
		}
		first, err := j.Append(t.Context(), batch...)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, first+uint64(size)-1)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return ends
}

// frames lists where the records of a segment are.
func frames(t testing.TB, path string) []frame {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	s, err := newScanner(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	var out []frame
	if err := s.each(func(f frame) error { out = append(out, f); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// same compares all that a caller put in.
func same(a, b Record) bool {
	return a.Seq == b.Seq && a.Kind == b.Kind && a.Key == b.Key && string(a.Payload) == string(b.Payload) &&
		a.Time.Equal(b.Time) && a.Checkpoint == b.Checkpoint && a.Reserved == b.Reserved && a.Erased == b.Erased
}

func TestAJournalCutAtAnyLengthReplaysItsCompleteBatches(t *testing.T) {
	t.Parallel()
	for name, rotateAt := range map[string]int{"one segment": 0, "newest of two segments": 50} {
		t.Run(name, func(t *testing.T) {
			whole := t.TempDir()
			ends := hundred(t, whole, rotateAt)
			want := all(t, open(t, Config{Dir: whole, disk: lazyDisk{}}))
			im := load(t, whole)
			last := len(im.segs) - 1
			content := im.content[last]
			steps := survivors(frames(t, im.segs[last].path), ends)
			dir := t.TempDir()
			older, intact := im.before(t, last), im.segs[last].first-1
			keep := intact
			for length := range content {
				if seq, ok := steps[length]; ok {
					keep = seq
				}
				im.content[last] = content[:length]
				got, tail, err := im.walk(older, last)
				if err != nil || !slices.EqualFunc(got, want[intact:keep], same) {
					t.Fatalf("cut to %d: %d records, want %d, %v", length, len(got), keep-intact, err)
				}
				if tail.Offset+tail.Octets > int64(length) {
					t.Fatalf("cut to %d: recovery is %+v", length, tail)
				}
				// Opening for real takes longer: around the ends of batches, and here and there.
				_, at := steps[length]
				_, before := steps[length+1]
				_, after := steps[length-1]
				if length%127 == 0 || at || before || after {
					im.store(t, dir)
					checkCut(t, dir, want[:keep], length)
				}
			}
		})
	}
}

// survivors maps the lengths of a segment at which one batch more is whole to
// the last record of that batch. A checkpoint counts as one batch with the
// segment's header: they come into being together.
func survivors(in []frame, ends []uint64) map[int]uint64 {
	steps := make(map[int]uint64)
	for i, f := range in {
		if f.Checkpoint && i+1 < len(in) && in[i+1].Checkpoint {
			continue
		}
		if slices.Contains(ends, f.Seq) {
			steps[int(f.end)] = f.Seq
		}
	}
	return steps
}

func checkCut(t *testing.T, dir string, want []Record, length int) {
	t.Helper()
	j, err := Open(Config{Dir: dir, ReserveBytes: -1, disk: lazyDisk{}})
	if err != nil {
		t.Fatalf("cut to %d: %v", length, err)
	}
	defer j.Close()
	if seq, err := j.Append(t.Context(), entry(1000)); err != nil || seq != uint64(len(want))+1 {
		t.Fatalf("cut to %d: appended record %d, %v; want %d", length, seq, err, len(want)+1)
	}
	got := all(t, j)
	if !slices.EqualFunc(got[:len(got)-1], want, same) {
		t.Fatalf("cut to %d: %d records, want %d", length, len(got)-1, len(want))
	}
	if r, err := Verify(dir); err != nil || r.Records != uint64(len(want))+1 || r.Tail != (Recovery{}) {
		t.Fatalf("cut to %d: then verifies as %+v, %v", length, r, err)
	}
}

var errPower = errors.New("power is gone")

// powerRun appends until the power goes, expiring and erasing now and then,
// and returns what was acknowledged and how many batches were begun.
type powerRun struct {
	dir   string
	disk  *hookDisk
	rng   *rand.Rand
	state map[string]string // by key, kept by Committed
	acked map[string]int    // batch name → size
	sizes map[string]int    // of all batches begun
}

func (p *powerRun) config() Config {
	return Config{
		Dir: p.dir, SegmentBytes: 3000, ReserveBytes: -1, disk: p.disk,
		Committed: func(rs []Record) {
			for _, r := range rs {
				p.state[r.Key] = string(r.Payload)
			}
		},
		Checkpoint: func() []Entry {
			var out []Entry
			for k, v := range p.state {
				out = append(out, Entry{Kind: 1, Key: k, Payload: []byte(v)})
			}
			return out
		},
	}
}

func (p *powerRun) work(t *testing.T, j *Journal, round int) {
	type waiting struct {
		name string
		wait func(context.Context) (uint64, error)
	}
	var pipe []waiting
	for n := 0; ; n++ {
		name := fmt.Sprintf("%d.%d", round, n)
		size := 1 + p.rng.IntN(4)
		var batch []Entry
		for i := range size {
			key := fmt.Sprintf("%s/%d/%d", name, i, size)
			batch = append(batch, Entry{Kind: 1, Key: key, Payload: []byte(key + string(make([]byte, p.rng.IntN(900))))})
		}
		p.sizes[name] = size
		wait, err := j.AppendAsync(t.Context(), batch...)
		if err != nil {
			return
		}
		pipe = append(pipe, waiting{name, wait})
		if p.rng.IntN(3) > 0 {
			continue
		}
		for _, w := range pipe {
			if _, err := w.wait(t.Context()); err != nil {
				return
			}
			p.acked[w.name] = p.sizes[w.name]
		}
		pipe = nil
		if p.rng.IntN(4) == 0 {
			oldest, next := j.Bounds()
			if _, err := j.Expire(oldest + uint64(p.rng.Int64N(int64(next-oldest+1)))); err != nil {
				return
			}
		}
	}
}

func TestNoPowerCutLosesAnAcknowledgedRecordOrSplitsABatch(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 1))
	for run := range 30 {
		disk := &hookDisk{}
		p := &powerRun{dir: t.TempDir(), disk: disk, rng: rng, state: map[string]string{}, acked: map[string]int{}, sizes: map[string]int{}}
		for round := range 4 {
			left := 5 + rng.IntN(60)
			disk.before = func(op) error {
				if left--; left < 0 {
					return errPower
				}
				return nil
			}
			j, err := Open(p.config())
			if errors.Is(err, errPower) {
				disk.cutPower(t, p.dir, rng)
				continue
			}
			if err != nil {
				t.Fatalf("seed %d run %d round %d: %v", seed, run, round, err)
			}
			p.check(t, j, fmt.Sprintf("seed %d run %d round %d", seed, run, round))
			p.work(t, j, round)
			j.Close()
			disk.cutPower(t, p.dir, rng)
		}
		disk.before = nil
		j, err := Open(p.config())
		if err != nil {
			t.Fatalf("seed %d run %d at last: %v", seed, run, err)
		}
		p.check(t, j, fmt.Sprintf("seed %d run %d at last", seed, run))
		j.Close()
		if r, err := Verify(p.dir); err != nil || r.Tail != (Recovery{}) {
			t.Fatalf("seed %d run %d: verify %+v, %v", seed, run, r.Tail, err)
		}
	}
}

// check rebuilds the state from the journal alone and compares.
func (p *powerRun) check(t *testing.T, j *Journal, where string) {
	t.Helper()
	clear(p.state)
	seen := map[string]int{}
	for _, r := range all(t, j) {
		var name string
		if _, dup := p.state[r.Key]; !dup {
			name, _, _ = cutKey(r.Key)
			seen[name]++
		}
		p.state[r.Key] = string(r.Payload)
		if len(r.Payload) < len(r.Key) || string(r.Payload[:len(r.Key)]) != r.Key {
			t.Fatalf("%s: record %d (%s) has another payload", where, r.Seq, r.Key)
		}
	}
	for name, n := range seen {
		if p.sizes[name] != n {
			t.Fatalf("%s: %d of %d records of batch %s", where, n, p.sizes[name], name)
		}
	}
	for name := range p.acked {
		if seen[name] == 0 {
			t.Fatalf("%s: acknowledged batch %s is gone", where, name)
		}
	}
}

func cutKey(key string) (batch string, i, n int) {
	batch, place, found := strings.Cut(key, "/")
	if !found {
		return batch, 0, 0
	}
	if _, err := fmt.Sscanf(place, "%d/%d", &i, &n); err != nil {
		return "", 0, 0
	}
	return batch, i, n
}
