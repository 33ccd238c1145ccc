package engine

import (
	"context"
	"sync/atomic"
	"time"
)

// The journal timeouts of a release, and of entries that only inform: of the first ones that
// find the disk hanging, and of those that come while it still hangs. Releases hold a place at
// their BNG meanwhile: at 250 places, 2 s each for what was sent and what was answered would
// make 60 releases a second.
const (
	writeTimeout   = 2 * time.Second
	hangingTimeout = 20 * time.Millisecond
)

// disk is whether the journal's disk hangs. While it does, one writer at a time waits for
// writeTimeout, and finds out when it is over: a disk that is merely slow is waited for again.
type disk struct{ hangs, tried atomic.Bool }

// wait appends within the disk's present timeout. An error means that it is unknown whether
// the entries are durable, or that the journal refuses them.
func (d *disk) wait(ctx context.Context, write func(context.Context) error) error {
	timeout := writeTimeout
	if d.hangs.Load() {
		if d.tried.CompareAndSwap(false, true) {
			defer d.tried.Store(false)
		} else {
			timeout = hangingTimeout
		}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := write(ctx)
	if err == nil || timeout == writeTimeout {
		d.hangs.Store(err != nil && ctx.Err() != nil)
	}
	return err
}
