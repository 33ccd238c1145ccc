package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// A Journal is an open journal. All methods may be called from any goroutine.
//
// One goroutine, started by Open and ended by Close, does all appending.
type Journal struct {
	cfg      Config
	id       journalID
	lock     *os.File
	recovery Recovery

	wake chan struct{} // holds one token when run has something to do
	done chan struct{} // closed when run has ended

	maintenance sync.Mutex // held by the one Expire or Erase that is running

	// Only run touches these (and Open, before run starts).
	tail    tail
	reserve *reserve
	buf     []byte // group being written, kept for its capacity

	mu       sync.Mutex // guards what follows
	queue    []*request
	queued   int           // octets in queue
	room     chan struct{} // closed and replaced when queue is drained
	closing  bool
	stopped  error     // ErrStopped with the first failure; never reset
	full     error     // ErrFull with the failure; reset when the reserve is whole again
	segments []segment // oldest first, the last one open; durable content only
}

// Open opens or creates the journal in cfg.Dir, checks all of it, and drops
// what a crash left of an unacknowledged append (see Recovery). Damage anywhere
// else is a *DamageError and nothing is changed: a person has to decide. A
// directory in use is ErrLocked. A full disk is no error here (see Writable).
//
// With Carry, Replay the journal before the first Append.
func Open(cfg Config) (*Journal, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	cfg = cfg.withDefaults()
	if err := makeDir(cfg.disk, cfg.Dir); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	lock, err := acquire(cfg.Dir, cfg.Now())
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &Journal{
		cfg: cfg, lock: lock,
		wake: make(chan struct{}, 1), done: make(chan struct{}), room: make(chan struct{}),
	}
	if err := j.load(); err != nil {
		return nil, fmt.Errorf("open journal: %w", errors.Join(err, j.closeFiles()))
	}
	go j.run()
	return j, nil
}

func makeDir(d disk, dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return d.SyncDir(filepath.Dir(dir))
}

// ID identifies this journal, the same after every restart: 32 hexadecimal
// digits, random.
func (j *Journal) ID() string { return j.id.String() }

// Recovery is what Open found behind the last complete batch and dropped.
func (j *Journal) Recovery() Recovery { return j.recovery }

// Bounds returns the sequence numbers of the oldest record and of the next one; they are equal if there is no record.
func (j *Journal) Bounds() (oldest, next uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.segments[0].first, j.segments[len(j.segments)-1].next
}

// Size returns how many octets the segments hold, durable ones only; the
// reserve is not among them.
func (j *Journal) Size() (octets int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.segments {
		octets += j.segments[i].end
	}
	return octets
}

// Writable returns nil if an ordinary Append is likely to succeed, else the
// error it would get: ErrStopped (for good), ErrFull or ErrClosed. ErrFull ends
// when there is space for the whole reserve again; Writable, ordinary appends
// and Expire have the journal check, so a later call says so.
func (j *Journal) Writable() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.refusal(); err != nil {
		return err
	}
	if j.full != nil {
		j.nudge()
	}
	return j.full
}

// refusal is why nothing at all is appended. The caller holds mu.
func (j *Journal) refusal() error {
	if j.closing {
		return ErrClosed
	}
	return j.stopped
}

// Close writes what is queued, ends the journal and unlocks the directory.
// Closing again does nothing.
func (j *Journal) Close() error {
	j.mu.Lock()
	again := j.closing
	j.closing = true
	j.mu.Unlock()
	j.nudge()
	<-j.done
	if again {
		return nil
	}
	// A running Expire or Erase still works under the lock.
	j.maintenance.Lock()
	defer j.maintenance.Unlock()
	return j.closeFiles()
}

func (j *Journal) closeFiles() error {
	var err error
	if j.tail.file != nil {
		err = j.tail.file.Close()
	}
	if j.reserve != nil {
		_ = j.reserve.f.Close() // holds nothing
	}
	_ = j.lock.Close() // ends the lock whatever it returns
	if err != nil {
		return fmt.Errorf("close journal: %w", err)
	}
	return nil
}
