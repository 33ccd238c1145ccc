package journal

import (
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// errShort makes hookFile return a short count and no error.
var errShort = errors.New("short")

// segmentOp is an operation on a segment, or a failure to match one.
func segmentOp(what string) func(op) bool {
	return func(o op) bool {
		for _, w := range strings.Fields(what) {
			if o.what == w && (w == "syncdir" || strings.HasSuffix(o.name, segmentSuffix)) {
				return true
			}
		}
		return false
	}
}

func TestAFailedWriteOrSyncStopsTheJournalForGood(t *testing.T) {
	for name, c := range map[string]struct {
		bad    string
		err    error
		cause  error
		rotate bool
	}{
		"sync":                          {"sync", syscall.EIO, syscall.EIO, false},
		"sync that finds no space":      {"sync", syscall.ENOSPC, syscall.ENOSPC, false},
		"write":                         {"write", syscall.EIO, syscall.EIO, false},
		"short write without an error":  {"write", errShort, io.ErrShortWrite, false},
		"full disk, then not to be cut": {"write truncate", syscall.ENOSPC, syscall.ENOSPC, false},
		"write of a new segment":        {"write", syscall.EIO, syscall.EIO, true},
		"sync of a new segment":         {"sync", syscall.EIO, syscall.EIO, true},
		"directory that finds no space": {"syncdir", syscall.ENOSPC, syscall.ENOSPC, true},
		"sync of the directory":         {"syncdir", syscall.EIO, syscall.EIO, true},
	} {
		t.Run(name, func(t *testing.T) {
			var broken atomic.Bool
			var failures atomic.Int32
			bad := segmentOp(c.bad)
			disk := &hookDisk{before: func(o op) error {
				if !broken.Load() || !bad(o) {
					return nil
				}
				failures.Add(1)
				return c.err
			}}
			committed := 0
			j := open(t, Config{Dir: t.TempDir(), disk: disk, Committed: func(rs []Record) { committed += len(rs) }})
			if _, err := j.Append(t.Context(), entry(1)); err != nil {
				t.Fatal(err)
			}
			broken.Store(true)
			attempt := func() error {
				if c.rotate {
					return j.Rotate(t.Context())
				}
				_, err := j.Append(t.Context(), entry(2))
				return err
			}
			if err := attempt(); !errors.Is(err, ErrStopped) || !errors.Is(err, c.cause) {
				t.Fatalf("the failing call: %v", err)
			}
			broken.Store(false) // the device works again, and must not be trusted
			wantStopped(t, j, disk, &failures, c.cause)
			if got := all(t, j); len(got) != 1 || committed != 1 {
				t.Errorf("%d records replayed and %d committed, one was acknowledged", len(got), committed)
			}
		})
	}
}

// wantStopped checks that a stopped journal refuses everything with the cause, and uses
// its disk no more.
func wantStopped(t *testing.T, j *Journal, disk *hookDisk, failures *atomic.Int32, cause error) {
	t.Helper()
	before := failures.Load()
	ops := len(disk.ops)
	release := entry(3)
	release.Reserved = true
	for _, e := range []Entry{entry(3), release} {
		if _, err := j.Append(t.Context(), e); !errors.Is(err, ErrStopped) || !errors.Is(err, cause) {
			t.Errorf("a later append: %v", err)
		}
	}
	if _, err := j.Erase(t.Context(), func(Record) bool { return true }); !errors.Is(err, cause) {
		t.Errorf("Erase: %v", err)
	}
	if err := j.Writable(); !errors.Is(err, cause) {
		t.Errorf("Writable: %v", err)
	}
	if len(disk.ops) != ops || failures.Load() != before {
		t.Errorf("the disk was used again: %v", disk.ops[ops:])
	}
}

func TestNothingIsAnsweredBeforeItsSync(t *testing.T) {
	reached, release := make(chan struct{}), make(chan struct{})
	var hold atomic.Bool
	disk := &hookDisk{before: func(o op) error {
		if o.what == "sync" && hold.Load() {
			reached <- struct{}{}
			<-release
		}
		return nil
	}}
	j := open(t, Config{Dir: t.TempDir(), disk: disk})
	hold.Store(true)
	answered := make(chan error, 1)
	wait, err := j.AppendAsync(t.Context(), entry(1))
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, err := wait(t.Context()); answered <- err }()
	select {
	case <-reached:
	case err := <-answered:
		t.Fatalf("answered without a sync: %v", err)
	}
	hold.Store(false)
	if n := len(all(t, j)); n != 0 {
		t.Errorf("%d records replayed before their sync", n)
	}
	select {
	case err := <-answered:
		t.Errorf("answered before the sync: %v", err)
	default:
	}
	last := disk.ops[len(disk.ops)-2:]
	if last[0].what != "write" || last[1].what != "sync" {
		t.Errorf("operations were %v", last)
	}
	close(release)
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	if n := len(all(t, j)); n != 1 {
		t.Errorf("%d records replayed after their sync", n)
	}
}

// A process that was killed between write and sync leaves records that only
// the kernel has; what Replay shows must not vanish with the power.
func TestOpenSyncsWhatItIsAboutToReplay(t *testing.T) {
	dir := t.TempDir()
	if _, err := open(t, Config{Dir: dir}).Append(t.Context(), entry(1)); err != nil {
		t.Fatal(err)
	}
	copied := t.TempDir()
	load(t, dir).store(t, copied)
	disk := &hookDisk{}
	open(t, Config{Dir: copied, disk: disk})
	if n := disk.count("sync"); n != 1 {
		t.Errorf("%d syncs of a segment, want 1", n)
	}
}
