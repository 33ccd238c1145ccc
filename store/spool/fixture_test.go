package spool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"cordon/quarantine"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

var errUnreachable = errors.New("connection refused")

// sessionStore is a session store that can be unreachable. It remembers which
// events it stored, in order.
type sessionStore struct {
	mu          sync.Mutex // guards what follows
	unreachable func() error
	refuse      func(quarantine.SessionEvent) bool
	stored      []quarantine.SessionEvent
	late        bool // takes what it reports as an error
}

func (s *sessionStore) Record(ctx context.Context, events []quarantine.SessionEvent) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := make([]error, len(events))
	var err error
	if s.unreachable != nil {
		err = s.unreachable()
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	for i, ev := range events {
		switch {
		case err != nil:
			errs[i] = err
			if !s.late {
				continue
			}
		case s.refuse != nil && s.refuse(ev):
			errs[i] = fmt.Errorf("%w: another program's value", quarantine.ErrUnstorable)
			continue
		}
		s.stored = append(s.stored, ev)
	}
	return errs
}

func (s *sessionStore) set(change func(*sessionStore)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *sessionStore) disconnect() {
	s.set(func(s *sessionStore) { s.unreachable = func() error { return errUnreachable } })
}
func (s *sessionStore) reconnect() { s.set(func(s *sessionStore) { s.unreachable = nil }) }

func (s *sessionStore) ids() (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ev := range s.stored {
		ids = append(ids, ev.Key.ID)
	}
	return ids
}

// open opens a spool in dir before the store until the test ends or it is
// closed before.
func open(t *testing.T, dir string, next quarantine.SessionRecorder, change ...func(*Config)) *Spool {
	t.Helper()
	cfg := Config{Dir: dir, Max: 16 << 20, Next: next}
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // a second time does nothing
	return s
}

// event is a Start at noon and so many seconds.
func event(id string, second int) quarantine.SessionEvent {
	at := noon.Add(time.Duration(second) * time.Second)
	return quarantine.SessionEvent{
		Kind: quarantine.SessionStarted, Key: quarantine.SessionKey{BNG: "bng1", ID: id}, Subscriber: "alice", At: at, StartedAt: at,
	}
}

// mustRecord fails the test if an event is not stored.
func mustRecord(t *testing.T, s *Spool, events ...quarantine.SessionEvent) {
	t.Helper()
	for i, err := range s.Record(t.Context(), events) {
		if err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
	}
}

func mustDrain(t *testing.T, s *Spool) {
	t.Helper()
	if err := s.RunOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.Stats().Waiting; n != 0 {
		t.Fatalf("%d events still wait", n)
	}
}
