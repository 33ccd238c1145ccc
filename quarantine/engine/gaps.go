package engine

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// watchEvery is how often the store is asked for gaps although no verdict needs
// it: what it confirmed last is where the next gap begins.
const watchEvery = time.Second

// gaps asks the store what it may have lost. Whoever has read bindings needs an
// answer that was asked for afterwards; those who wait share one.
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

// now returns an answer to a question that was put after now was called. The
// caller must not change it.
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
			return nil, ctx.Err() // the asker's own end tells the others nothing
		}
		g.known, g.err, g.answered = known, err, question
	}
	if g.err != nil {
		return nil, fmt.Errorf("ask what the session store may have lost: %w", g.err)
	}
	return g.known, nil
}

// watch asks until ctx ends, and tells people of each new gap.
func (e *Engine) watch(ctx context.Context) {
	var told time.Time // end of the last gap that was told
	for {
		known, err := e.gaps.now(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			e.limited.log(zap.WarnLevel, "addresses cannot be attributed: the session store does not say what it may have lost", zap.Error(err))
		case len(known) > 0 && known[len(known)-1].To.After(told):
			last := known[len(known)-1]
			told = last.To
			e.storeWentBack()
			e.Logger.Warn("the session store failed over, or crashed, and may have lost accounting; who held an address since is in doubt until a later record",
				zap.Time("from", last.From), zap.Time("to", last.To))
		}
		if !sleep(ctx, watchEvery) {
			return
		}
	}
}
