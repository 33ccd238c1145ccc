package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cordon/quarantine"
	"cordon/store/journal"
)

// Names below the journal's directory.
const (
	spoolDir       = "spool"
	unstorableFile = "unstorable.ndjson"
	// damagedInfix and a time in ns follow the name of a spool that could not be read.
	damagedInfix = ".damaged-"
)

// HostConfig says where a host keeps what its session store does not take.
type HostConfig struct {
	Dir     string                     // the journal's directory
	Max     int64                      // most octets of the spool; 0: there is none but what an earlier run left
	Next    quarantine.SessionRecorder // the session store
	Journal *journal.Journal           // lies on the same disk, and comes first
	Alone   func() error               // see [Config]
}

// Host is what one host has of accounting that the session store does not have: the
// spool, spools that could not be read, and dead letters: records that the store can never hold.
//
// A spool that cannot be read is moved aside, and accounting goes on in a new one.
// Attribution waits until a person removes the folder: records that were answered are
// missing.
type Host struct {
	Spool       *Spool       // nil: none, accounting is not answered while the store is unreachable
	DeadLetters *DeadLetters // before the store, behind the spool
	// MovedAside is why a spool was moved aside at this start, and where to; nil: none was.
	MovedAside error

	damaged []string // folders that were moved aside, at this start or an earlier one
}

// Open opens what the host keeps. A spool with Max 0 is opened for as long as
// something of an earlier run waits in it.
func Open(ctx context.Context, cfg HostConfig) (*Host, error) {
	h := &Host{DeadLetters: NewDeadLetters(DeadLettersConfig{File: filepath.Join(cfg.Dir, unstorableFile), Next: cfg.Next})}
	dir := filepath.Join(cfg.Dir, spoolDir)
	var err error
	if h.damaged, err = damagedBeside(dir); err != nil {
		return nil, fmt.Errorf("look for spools that were moved aside: %w", err)
	}
	most := cfg.Max
	if most == 0 {
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			return h, nil
		}
		most = MinMax // an earlier run may have left something in it
	}
	s, err := h.openSpool(ctx, Config{
		Dir: dir, Max: most, Next: h.DeadLetters, Room: func() error { return roomBeside(cfg.Journal, dir) }, Alone: cfg.Alone,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if cfg.Max == 0 && s.Stats().Waiting == 0 {
		return h, s.Close()
	}
	h.Spool = s
	return h, nil
}

// openSpool opens the spool, or moves it aside and begins a new one.
func (h *Host) openSpool(ctx context.Context, cfg Config) (*Spool, error) {
	s, err := New(ctx, cfg)
	if !errors.Is(err, journal.ErrDamaged) && !errors.Is(err, ErrFormat) {
		return s, err
	}
	aside := fmt.Sprintf("%s%s%d", cfg.Dir, damagedInfix, time.Now().UnixNano())
	h.MovedAside = fmt.Errorf("%w; moved to %s", err, aside)
	if err := os.Rename(cfg.Dir, aside); err != nil {
		return nil, errors.Join(h.MovedAside, err)
	}
	h.damaged = append(h.damaged, aside)
	return New(ctx, cfg)
}

// damagedBeside lists what was moved aside from dir.
func damagedBeside(dir string) (damaged []string, err error) {
	beside, err := os.ReadDir(filepath.Dir(dir))
	for _, e := range beside {
		if strings.HasPrefix(e.Name(), filepath.Base(dir)+damagedInfix) {
			damaged = append(damaged, filepath.Join(filepath.Dir(dir), e.Name()))
		}
	}
	return damaged, err
}

// Close ends the spool; what is in it stays. Its Run must have returned.
func (h *Host) Close() error {
	if h.Spool == nil {
		return nil
	}
	return h.Spool.Close()
}

// Recorder is where accounting is recorded.
func (h *Host) Recorder() quarantine.SessionRecorder {
	if h.Spool == nil {
		return h.DeadLetters
	}
	return h.Spool
}

// Waiting is how many answered records the session store does not have yet.
func (h *Host) Waiting() int {
	if h.Spool == nil {
		return 0
	}
	return h.Spool.Stats().Waiting
}

// Damaged returns a folder with answered records that cannot be read, until a person
// removes it; "" if there is none.
func (h *Host) Damaged() string {
	for _, dir := range h.damaged {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			return dir
		}
	}
	return ""
}

// Empty reports whether nothing was kept here when it was opened, and nothing can be.
func (h *Host) Empty() bool { return h.Spool == nil && len(h.damaged) == 0 }

// Oldest returns the earliest event time of an accounting record that arrived at this
// host and that the session store does not have: accounting is complete up to then. ok
// is false if the store has everything. arrived asks the listener the same; nil: there
// is none. With a spool that cannot be read it is complete up to 1970.
func (h *Host) Oldest(arrived func() (time.Time, bool)) (oldest time.Time, ok bool) {
	if arrived != nil {
		oldest, ok = arrived() // first: what it records is in the spool before it is done
	}
	if h.Damaged() != "" {
		return time.UnixMilli(1), true
	}
	if h.Spool == nil {
		return oldest, ok
	}
	if spooled, some := h.Spool.Oldest(); some && (!ok || spooled.Before(oldest)) {
		return spooled, true
	}
	return oldest, ok
}
