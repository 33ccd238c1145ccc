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

// How soon something is tried again that failed by itself, and not with the store:
// doubling from the first to the second.
const (
	backoffFirst = time.Second
	backoffMax   = 10 * time.Minute
)

// errPanicked is a defect of this program that one subscriber, or one verdict, met.
var errPanicked = errors.New("internal error")

// guard runs f and makes an error of a panic, so that a defect which one subscriber
// meets stops nobody else's work.
func (e *Engine) guard(what, key string, f func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			e.panics.Add(1)
			e.Logger.Error("internal error", zap.String("work", what), zap.String("key", key), zap.Any("panic", cause), zap.ByteString("stack", debug.Stack()))
			err = fmt.Errorf("%w: %v", errPanicked, cause)
		}
	}()
	return f()
}

// Panics is how many internal errors this process has met and survived.
func (e *Engine) Panics() uint64 { return e.panics.Load() }

// backoffs counts, per subscriber or verdict, failures in a row that trying again soon
// does not mend.
type backoffs struct {
	mu       sync.Mutex // guards what follows
	failures map[string]int
}

func newBackoffs() *backoffs { return &backoffs{failures: map[string]int{}} }

// next returns how long to wait before the next try, given how this one ended.
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

// reset ends a row of failures.
func (s *backoffs) reset(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.failures, key)
}
