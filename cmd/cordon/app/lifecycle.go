package app

import (
	"context"
	"fmt"
	"sync"

	"go.uber.org/zap"
)

// lifecycle ends what was begun, the last first.
type lifecycle struct {
	log    *zap.Logger
	once   sync.Once
	failed chan error
	stops  []step
}

type step struct {
	name string
	stop func() error
}

// cleanUp notes what is to be done at the end.
func (l *lifecycle) cleanUp(name string, stop func() error) {
	l.stops = append(l.stops, step{name, stop})
}

func (l *lifecycle) failures() chan error {
	l.once.Do(func() { l.failed = make(chan error, 1) })
	return l.failed
}

// run starts a part in a goroutine of its own, which ends when the part is
// stopped or fails.
func (l *lifecycle) run(name string, part func(context.Context) error) {
	failed := l.failures()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		err := part(ctx)
		if err != nil && ctx.Err() == nil {
			select {
			case failed <- fmt.Errorf("%s: %w", name, err):
			default: // another part failed first
			}
		}
		ended <- err
	}()
	l.cleanUp(name, func() error {
		cancel()
		return <-ended
	})
}

// stop ends everything; calling it again does nothing.
func (l *lifecycle) stop() {
	for len(l.stops) > 0 {
		last := l.stops[len(l.stops)-1]
		l.stops = l.stops[:len(l.stops)-1]
		if err := last.stop(); err != nil {
			l.log.Info("stopped with an error", zap.String("part", last.name), zap.Error(err))
		}
	}
}
