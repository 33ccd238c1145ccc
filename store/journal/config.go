package journal

import (
	"errors"
	"fmt"
	"time"
)

// Defaults that Open puts in place of zero values.
const (
	DefaultSegmentBytes = 64 << 20
	DefaultReserveBytes = 64 << 20
)

// Config says where a journal is and who follows it. Only Dir is required.
type Config struct {
	// Dir is created if missing, readable by its owner only. One journal per
	// directory, and nothing else writes there.
	Dir string
	// SegmentBytes is the size at which a new segment begins, in octets; 0 is
	// DefaultSegmentBytes. A segment grows beyond it for a batch that is
	// larger, and to twice the checkpoint at its start.
	SegmentBytes int64
	// ReserveBytes are kept aside for Reserved entries on a full disk, in
	// octets; 0 is DefaultReserveBytes, negative is none.
	ReserveBytes int64
	// SyncDelay is how long the first append of a group waits for others
	// before it is written, at most 100 ms; 0 is no wait. Appends that arrive
	// during a sync share the next one anyway, so this pays only on disks
	// where a sync is slow.
	SyncDelay time.Duration
	// Now stamps the records; nil is time.Now.
	Now func() time.Time
	// Committed gets every group of appended records once they are durable, in
	// order, before Append returns. It gets no checkpoint, and Replay does not call
	// it. Payloads are the caller's own
	// slices. It must not wait for this journal (Append in it would deadlock).
	// nil: nobody follows.
	Committed func([]Record)
	// Checkpoint returns, when a new segment begins, everything that must outlive
	// the segments before it; it is written as the start of the new one, which
	// exists whole or not at all. It is called by the goroutine that calls
	// Committed, so state kept by Committed is exactly what the journal says; a
	// caller that keeps its state elsewhere may lack the records whose Append
	// has not returned. It must not wait for this journal. nil: nothing.
	Checkpoint func() []Entry

	disk disk // nil is the operating system's; tests inject faults
}

const maxSyncDelay = 100 * time.Millisecond

// Validate reports every field that Open would refuse.
func (c Config) Validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("journal directory must not be empty"))
	}
	if c.SegmentBytes < 0 {
		errs = append(errs, fmt.Errorf("segment size %d must not be negative", c.SegmentBytes))
	}
	if c.SyncDelay < 0 || c.SyncDelay > maxSyncDelay {
		errs = append(errs, fmt.Errorf("sync delay %v must be from 0 to %v", c.SyncDelay, maxSyncDelay))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.SegmentBytes == 0 {
		c.SegmentBytes = DefaultSegmentBytes
	}
	if c.ReserveBytes == 0 {
		c.ReserveBytes = DefaultReserveBytes
	}
	c.ReserveBytes = max(0, c.ReserveBytes)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.disk == nil {
		c.disk = osDisk{}
	}
	return c
}
