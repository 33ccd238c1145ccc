package engine

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// watchEvery is how often the store is asked for gaps even if no verdict needs it: the next
// gap begins at its last answer.
const watchEvery = time.Second

// gaps asks the store what it may have lost. A reader of bindings needs an answer to a
// question put afterwards; those that wait share one.
type gaps struct {
	port  quarantine.Continuity
	begun atomic.Uint64 // questions so far

	turn     chan struct{} // capacity 1; whoever has put something in owns what follows
	answered uint64        // the last question that has its answer
	known    []quarantine.Gap
	err      error
}

func newGaps(port quarantine.Continuity) *gaps {
	return &gaps{port: port, turn: make(chan struct{}, 1)}
}

// now returns the answer to a question put after now was called. The caller must not change
// it.
func (g *gaps) now(ctx context.Context) ([]quarantine.Gap, error) {
	before := g.begun.Load()
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-g.turn }()
	if g.answered <= before {
		question := g.begun.Add(1)
		known, err := g.port.Gaps(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err() // the caller's own cancellation says nothing to the others
		}
		g.known, g.err, g.answered = known, err, question
	}
	if g.err != nil {
		return nil, fmt.Errorf("ask what the session store may have lost: %w", g.err)
	}
	return g.known, nil
}

// watch asks until ctx ends, and logs each new gap.
func (e *Engine) watch(ctx context.Context) {
	var logged time.Time // end of the last gap that was logged
	for {
		known, err := e.gaps.now(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			e.limited.log(zap.WarnLevel, "addresses cannot be attributed: the store does not say what it may have lost", zap.Error(err))
		case len(known) > 0 && known[len(known)-1].To.After(logged):
			last := known[len(known)-1]
			logged = last.To
			e.storeWentBack()
			e.Logger.Warn("the session store failed over, or crashed, and may have lost accounting; holders since are in doubt until a later record",
				zap.Time("from", last.From), zap.Time("to", last.To))
		}
		if !sleep(ctx, watchEvery) {
			return
		}
	}
}
