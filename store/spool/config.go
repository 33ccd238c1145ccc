package spool

import (
	"errors"
	"fmt"
	"time"

	"cordon/quarantine"
)

// MinMax is the least that Config.Max can be, in octets.
const MinMax = 1 << 20

// Config says where a spool is kept and what it is in front of.
type Config struct {
	Dir  string                     // a directory of its own; created if missing
	Max  int64                      // most octets on disk, at least MinMax; more is refused
	Next quarantine.SessionRecorder // the session store, behind DeadLetters: what it refuses is retried for ever

	// Room says why nothing may be spooled although Max is not reached, such as
	// a disk whose space others need; nil error: it may. Nil: always. It is
	// asked before every append.
	Room func() error
	// Alone says why nothing may be answered that the session store does not have;
	// nil error: it may. Other instances wait for what is spooled here, and not for ever.
	// Nil: always. It is asked before every append.
	Alone func() error
	// Timeout is how long the store may take for a batch before it is spooled; 0 is
	// 2 s. It must be shorter than the time after which a BNG retransmits.
	Timeout time.Duration
}

const defaultTimeout = 2 * time.Second

// Validate reports every fault.
func (c *Config) Validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("directory must not be empty"))
	}
	if c.Max < MinMax {
		errs = append(errs, fmt.Errorf("max: %d octets, must be at least %d", c.Max, MinMax))
	}
	if c.Next == nil {
		errs = append(errs, errors.New("next must be a session store"))
	}
	if c.Timeout < 0 {
		errs = append(errs, errors.New("timeout must not be negative"))
	}
	return errors.Join(errs...)
}

// segmentBytes is small beside max, so that space comes back early.
func (c *Config) segmentBytes() int64 { return min(max(c.Max/16, 1<<18), 8<<20) }
