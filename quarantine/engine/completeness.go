package engine

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// How instances tell each other how far accounting is worked.
const (
	publishEvery  = 500 * time.Millisecond
	publishLasts  = 15 * time.Second       // what a dead instance said; by then the NAS repeats elsewhere
	completeFresh = 250 * time.Millisecond // what was read is taken for so long
)

// others is what the other instances say about their accounting, as it was read
// last. All intakers ask the same; one of them reads.
type others struct {
	port quarantine.Completeness
	self string // our own is not waited for: Unworked tells it at first hand
	now  func() time.Time

	turn chan struct{} // capacity 1; whoever has put something in owns what follows
	said said
}

// said is one answer, an error too: a store that does not answer is not asked
// by each intaker in turn.
type said struct {
	complete time.Time
	any      bool // there are other instances
	err      error
	at       time.Time // when it came; zero: never
}

func newOthers(port quarantine.Completeness, self string, now func() time.Time) *others {
	return &others{port: port, self: self, now: now, turn: make(chan struct{}, 1)}
}

// until reports whether every other instance is complete to the moment.
func (o *others) until(ctx context.Context, moment time.Time) (bool, error) {
	select {
	case o.turn <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	defer func() { <-o.turn }()
	if o.said.at.IsZero() || o.now().Sub(o.said.at) >= completeFresh {
		complete, found, err := o.port.Complete(ctx, o.self)
		o.said = said{complete: complete, any: found, err: err, at: o.now()}
	}
	if o.said.err != nil {
		return false, fmt.Errorf("ask how far other instances are: %w", o.said.err)
	}
	return !o.said.any || !o.said.complete.Before(moment), nil
}

// publish tells the other instances how far this one is, until ctx ends. What
// it said last is left to end by itself: what this instance held then reaches
// another one by the NAS's repetition, and verdicts shall wait for that.
func (e *Engine) publish(ctx context.Context) {
	for {
		if err := e.publishOnce(ctx); err != nil && ctx.Err() == nil {
			e.troubles.tell(zap.WarnLevel, "other instances cannot be told how far accounting is worked", zap.Error(err))
		}
		if !sleep(ctx, publishEvery) {
			return
		}
	}
}

// publishOnce says first what the store may have lost of what it acknowledged to
// this instance: others judge moments by what it says next.
func (e *Engine) publishOnce(ctx context.Context) error {
	complete := e.complete()
	if _, err := e.gaps.now(ctx); err != nil {
		return err
	}
	return e.Store.Publish(ctx, e.Holder, complete, publishLasts)
}

// complete is the moment to which all accounting that has reached this instance
// is stored. The clock is read first: what arrives after that is later news.
func (e *Engine) complete() time.Time {
	now := e.Now()
	if oldest, ok := e.Unworked(); ok && oldest.Before(now) {
		return oldest
	}
	return now
}
