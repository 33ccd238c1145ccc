package journal

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// A smallDisk has only so much space; the bookkeeping is by the size of files.
type smallDisk struct {
	lazyDisk
	mu    sync.Mutex
	space int64
	size  map[string]int64
}

type smallFile struct {
	lazyFile
	disk *smallDisk
	path string // of the file when it was opened
}

func (d *smallDisk) Open(path string) (file, error) {
	f, err := d.lazyDisk.Open(path)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.size == nil {
		d.size = map[string]int64{}
	}
	if info, err := os.Stat(path); err == nil && d.size[path] == 0 {
		d.size[path] = info.Size()
	}
	return &smallFile{f.(lazyFile), d, path}, nil
}

// grow makes room for a file of size octets, or returns how large it can get.
func (f *smallFile) grow(size int64) int64 {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	size = max(size, f.disk.size[f.path])
	size = min(size, f.disk.size[f.path]+f.disk.space)
	f.disk.space -= size - f.disk.size[f.path]
	f.disk.size[f.path] = size
	return size
}

func (f *smallFile) WriteAt(b []byte, off int64) (int, error) {
	fits := f.grow(off+int64(len(b))) - off
	if fits < int64(len(b)) {
		n, _ := f.lazyFile.WriteAt(b[:max(0, fits)], off)
		return n, syscall.ENOSPC
	}
	return f.lazyFile.WriteAt(b, off)
}

func (f *smallFile) Allocate(size int64) error {
	if f.grow(size) < size {
		return syscall.ENOSPC
	}
	return f.lazyFile.Truncate(size)
}

func (f *smallFile) Truncate(size int64) error {
	f.disk.mu.Lock()
	f.disk.space += f.disk.size[f.path] - size
	f.disk.size[f.path] = size
	f.disk.mu.Unlock()
	return f.lazyFile.Truncate(size)
}

func (d *smallDisk) give(octets int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.space += octets
}

func (d *smallDisk) fill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.space = 0
}

// fillUp appends until the journal has no space, and returns how often it had.
func fillUp(t *testing.T, j *Journal) int {
	t.Helper()
	for n := 0; ; n++ {
		_, err := j.Append(t.Context(), Entry{Kind: 1, Key: "ordinary", Payload: make([]byte, 100<<10)})
		if errors.Is(err, ErrFull) && errors.Is(err, syscall.ENOSPC) {
			return n
		}
		if err != nil || n > 1000 {
			t.Fatalf("append %d: %v", n, err)
		}
	}
}

var small = Entry{Kind: 3, Key: "release", Payload: []byte("give it back"), Reserved: true}

func TestOnAFullDiskReservedEntriesStillGoIn(t *testing.T) {
	const reserved = 4 << 20
	disk := &smallDisk{space: 6 << 20}
	dir := t.TempDir()
	l := newLedger()
	j := open(t, l.follow(Config{Dir: dir, disk: disk, ReserveBytes: reserved, SegmentBytes: 256 << 10}))
	ordinary := fillUp(t, j)
	if ordinary == 0 {
		t.Fatal("nothing went in")
	}
	if err := j.Writable(); !errors.Is(err, ErrFull) {
		t.Fatalf("Writable: %v", err)
	}
	releases := 0
	for ; ; releases++ {
		_, err := j.Append(t.Context(), small, small)
		if errors.Is(err, ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if releases%1000 == 0 {
			if _, err := j.Append(t.Context(), small, entry(1)); !errors.Is(err, ErrFull) {
				t.Fatalf("a batch that is only half reserved: %v", err)
			}
		}
	}
	if want := reserved / (2 * recordSize(len(small.Key), len(small.Payload))); releases < want {
		t.Errorf("%d releases went in, the reserve has room for %d", releases, want)
	}
	checkFull(t, j, ordinary, 2*releases)

	disk.give(reserved + 8<<20)
	if err := j.Writable(); err != nil && !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	if _, err := j.Append(t.Context(), entry(1)); err != nil {
		t.Fatalf("with space again: %v", err)
	}
	if err := j.Writable(); err != nil {
		t.Fatalf("with space again: %v", err)
	}
	if r, err := Verify(dir); err != nil || r.Tail != (Recovery{}) {
		t.Fatalf("%+v, %v", r, err)
	}
}

// checkFull compares what is in the journal, checkpoints aside, with what was
// acknowledged.
func checkFull(t *testing.T, j *Journal, ordinary, releases int) {
	t.Helper()
	for _, r := range all(t, j) {
		switch {
		case r.Checkpoint:
		case r.Key == "ordinary":
			ordinary--
		case r.Key == small.Key:
			releases--
		}
	}
	if ordinary != 0 || releases != 0 {
		t.Errorf("%d ordinary and %d reserved records differ from those acknowledged", ordinary, releases)
	}
}

func TestAJournalOpensOnAFullDiskForReservedEntries(t *testing.T) {
	disk := &smallDisk{space: 5 << 20}
	cfg := Config{Dir: t.TempDir(), disk: disk, ReserveBytes: 3 << 20}
	j := open(t, cfg)
	ordinary := fillUp(t, j)
	disk.fill() // somebody else's files fill what is left
	if _, err := j.Append(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	disk.fill() // and what the journal got from its reserve
	j.Close()
	j = open(t, cfg)
	if err := j.Writable(); !errors.Is(err, ErrFull) {
		t.Fatalf("Writable: %v", err)
	}
	disk.mu.Lock()
	left := disk.size[filepath.Join(cfg.Dir, reserveName)]
	disk.mu.Unlock()
	if left < 1<<20 {
		t.Fatalf("%d octets of the reserve are left", left)
	}
	if _, err := j.Append(t.Context(), entry(1)); !errors.Is(err, ErrFull) {
		t.Fatalf("an ordinary entry: %v", err)
	}
	if _, err := j.Append(t.Context(), small); err != nil {
		t.Fatalf("a reserved entry: %v", err)
	}
	checkFull(t, j, ordinary, 2)
}

func TestAGroupThatFindsNoSpaceKeepsItsReservedBatches(t *testing.T) {
	j, disk, reached, release := held(t, Config{ReserveBytes: 1 << 20})
	if _, err := j.AppendAsync(t.Context(), entry(0)); err != nil {
		t.Fatal(err)
	}
	<-reached
	before := disk.before
	once := true
	disk.mu.Lock()
	disk.before = func(o op) error {
		if o.what == "write" && once {
			once = false
			return syscall.ENOSPC
		}
		return before(o)
	}
	disk.mu.Unlock()
	lost, err := j.AppendAsync(t.Context(), entry(1), small)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := j.AppendAsync(t.Context(), small)
	if err != nil {
		t.Fatal(err)
	}
	close(release)
	if _, err := lost(t.Context()); !errors.Is(err, ErrFull) {
		t.Errorf("the ordinary batch: %v", err)
	}
	if seq, err := kept(t.Context()); err != nil || seq != 2 {
		t.Errorf("the reserved batch: record %d, %v", seq, err)
	}
	if got := all(t, j); len(got) != 2 || !got[1].Reserved {
		t.Errorf("%+v", got)
	}
}

func TestSpaceFreedByExpiryIsFoundWithoutAnAppend(t *testing.T) {
	disk := &smallDisk{space: 3 << 20}
	j := open(t, Config{Dir: t.TempDir(), disk: disk, ReserveBytes: 1 << 20, SegmentBytes: 200 << 10})
	fillUp(t, j)
	if _, err := j.Append(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	_, next := j.Bounds()
	gone, err := j.Expire(next)
	if err != nil || gone == 0 {
		t.Fatalf("%d segments gone, %v", gone, err)
	}
	disk.give(int64(gone) * 200 << 10)
	for j.Writable() != nil { // each check wakes the writer, which tries again
		if err := j.Rotate(t.Context()); err != nil && !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
	}
}
