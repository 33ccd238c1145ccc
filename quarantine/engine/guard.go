package engine

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// The back-off of what fails by itself, and not with the store: doubling from the first to the
// second.
const (
	backoffFirst = time.Second
	backoffMax   = 10 * time.Minute
)

// errPanicked is a panic in the work on one subscriber, or one verdict.
var errPanicked = errors.New("internal error")

// guard runs f and returns a panic as an error, so that a defect which one subscriber meets
// stops no other work.
func (e *Engine) guard(what, key string, f func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			e.panics.Add(1)
			e.Logger.Error("internal error", zap.String("work", what), zap.String("key", key),
				zap.Any("panic", cause), zap.ByteString("stack", debug.Stack()))
			err = fmt.Errorf("%w: %v", errPanicked, cause)
		}
	}()
	return f()
}

// Panics is how many panics this process has recovered from.
func (e *Engine) Panics() uint64 { return e.panics.Load() }

// backoffs counts, per subscriber or verdict, consecutive failures that a retry soon does not
// cure.
type backoffs struct {
	mu       sync.Mutex // guards what follows
	failures map[string]int
}

func newBackoffs() *backoffs { return &backoffs{failures: map[string]int{}} }

// next returns how long to wait before the next try, given the error of this one.
func (s *backoffs) next(key string, err error) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !errors.Is(err, errPanicked) && !errors.Is(err, quarantine.ErrUnreadableCase) {
		delete(s.failures, key)
		return storeRetry
	}
	row := s.failures[key]
	s.failures[key] = row + 1
	return min(backoffFirst<<min(row, 20), backoffMax)
}

// reset ends a series of failures.
func (s *backoffs) reset(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.failures, key)
}
