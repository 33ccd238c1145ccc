package engine

import (
	"context"
	"sync/atomic"
	"time"
)

// How long a release, and what is only told to the journal's readers, waits for a disk
// that hangs: the first ones, and those that come while it still does. Releases hold a
// place at their BNG meanwhile: at 250 places, two seconds each for what was sent and
// what was answered would make 60 releases a second.
const (
	writeTimeout   = 2 * time.Second
	hangingTimeout = 20 * time.Millisecond
)

// disk is whether the journal's disk hangs. While it does, one at a time waits for as
// long as the first ones did, and finds out when it is over: a disk that is merely slow
// is waited for again.
type disk struct{ hangs, tried atomic.Bool }

// wait appends within the time that the disk has. An error means that it is not known
// whether the entries are durable, or that the journal refuses them.
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
