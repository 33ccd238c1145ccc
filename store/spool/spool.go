package spool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cordon/quarantine"
	"cordon/store/journal"
)

// Spool is a session recorder in front of the session store. Its methods may be
// called from any goroutine; [Spool.Run] drains it.
type Spool struct {
	cfg     Config
	journal *journal.Journal
	wake    chan struct{} // capacity 1: Run has something to drain

	mu        sync.Mutex    // guards what follows
	spooling  bool          // new events go into the spool
	appending int           // calls that are appending some
	octets    int64         // that those calls are about to write
	idle      *sync.Cond    // appending has become 0; with mu
	resumed   chan struct{} // not nil: new events wait until it is closed
	backlog   backlog
	stats     Stats
	drainErr  error // of the last RunOnce
}

var _ quarantine.SessionRecorder = (*Spool)(nil)

// Stats are counts since New, but for the first two.
type Stats struct {
	Waiting int   // events in the spool
	Octets  int64 // on disk

	Spooled uint64 // events accepted
	Drained uint64 // events stored from the spool
	Full    uint64 // events refused, and so not answered: the spool holds Config.Max
	NoRoom  uint64 // events refused: Config.Room, or the disk is full
	Failed  uint64 // events refused: the disk fails
	Alone   uint64 // events refused: Config.Alone
}

var (
	// ErrFull says that the store is unreachable and the spool holds Config.Max.
	ErrFull = errors.New("the accounting spool is full")
	// ErrNoRoom says that the store is unreachable and the disk has no space to spare.
	ErrNoRoom = errors.New("the disk has no room for the accounting spool")
	// ErrAlone says that this instance has been cut off from the store for too long
	// to answer accounting that others would have to wait for.
	ErrAlone = errors.New("the accounting spool is closed")
)

// New opens the spool and finds out what an earlier run left in it.
func New(ctx context.Context, cfg Config) (*Spool, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("accounting spool: %w", err)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	s := &Spool{cfg: cfg, wake: make(chan struct{}, 1)}
	s.idle = sync.NewCond(&s.mu)
	var err error
	s.journal, err = journal.Open(journal.Config{Dir: cfg.Dir, SegmentBytes: cfg.segmentBytes(), ReserveBytes: -1, Committed: s.committed})
	if err != nil {
		return nil, fmt.Errorf("accounting spool: %w", err)
	}
	if err := s.recount(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("accounting spool: %w", err), s.Close())
	}
	return s, nil
}

// recount counts what is in the journal.
func (s *Spool) recount(ctx context.Context) error {
	err := s.journal.Replay(ctx, 0, func(r journal.Record) error {
		at, events, err := parseKey(r)
		if err == nil {
			s.backlog.add(r.Seq, at, events)
		}
		return err
	})
	if s.spooling = !s.backlog.empty(); s.spooling {
		s.nudge()
	}
	return err
}

// Close ends the spool; what is in it stays. Run must have returned.
func (s *Spool) Close() error { return s.journal.Close() }

// Oldest returns the earliest event time of what the session store does not
// have yet; ok is false if it has everything.
func (s *Spool) Oldest() (oldest time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.backlog.oldest()
}

// Stats returns the figures.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.stats
	now.Waiting, now.Octets = s.backlog.events, s.journal.Size()
	return now
}

// Check returns why the disk accepts nothing more, or why the last attempt to drain the
// spool failed; nil if neither is so.
func (s *Spool) Check() error {
	if err := s.journal.Writable(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drainErr
}

// Record implements quarantine.SessionRecorder. An event is stored once the
// session store has it or the spool has synced it.
func (s *Spool) Record(ctx context.Context, events []quarantine.SessionEvent) []error {
	if len(events) == 0 {
		return nil
	}
	into, err := s.begin(ctx, false)
	switch {
	case err != nil:
		return all(err, len(events))
	case into:
		defer s.end()
		return all(s.spool(ctx, events), len(events))
	}
	return s.direct(ctx, events)
}

// direct stores events, and spools what the store does not accept.
func (s *Spool) direct(ctx context.Context, events []quarantine.SessionEvent) []error {
	trying, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	errs := s.cfg.Next.Record(trying, events)
	left, of := unstored(events, errs)
	if len(left) == 0 {
		return errs
	}
	if len(errs) != len(events) {
		errs = make([]error, len(events))
	}
	_, err := s.begin(ctx, true)
	if err == nil {
		defer s.end()
		err = s.spool(ctx, left)
	}
	for _, i := range of {
		errs[i] = err
	}
	return errs
}

// unstored returns the events that the store did not accept, with those that follow in
// the same session, which must not be stored before, and their indexes. A result of
// another length says nothing about any event.
func unstored(events []quarantine.SessionEvent, errs []error) (left []quarantine.SessionEvent, of []int) {
	sessions := map[quarantine.SessionKey]bool{}
	for i, ev := range events {
		switch {
		case len(errs) != len(events), errs[i] != nil:
			sessions[ev.Key] = true
		case !sessions[ev.Key]:
			continue
		}
		left, of = append(left, ev), append(of, i)
	}
	return left, of
}

func all(err error, n int) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// begin reports whether events go into the spool; begin then needs an end.
// force makes them go there from now on.
func (s *Spool) begin(ctx context.Context, force bool) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.resumed != nil {
		resumed := s.resumed
		s.mu.Unlock()
		select {
		case <-resumed:
			s.mu.Lock()
		case <-ctx.Done():
			s.mu.Lock()
			return false, ctx.Err()
		}
	}
	s.spooling = s.spooling || force
	if s.spooling {
		s.appending++
	}
	return s.spooling, nil
}

func (s *Spool) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.appending--; s.appending == 0 {
		s.idle.Broadcast()
	}
	s.nudge()
}

// spool syncs events into the journal, or counts why not.
func (s *Spool) spool(ctx context.Context, events []quarantine.SessionEvent) error {
	entries, err := encode(events)
	if err == nil {
		err = s.append(ctx, entries)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := uint64(len(events))
	switch {
	case err == nil:
		s.stats.Spooled += n
	case errors.Is(err, ErrAlone):
		s.stats.Alone += n
	case errors.Is(err, ErrFull):
		s.stats.Full += n
	case errors.Is(err, ErrNoRoom), errors.Is(err, journal.ErrFull):
		s.stats.NoRoom += n
	default:
		s.stats.Failed += n
	}
	return err
}

func (s *Spool) append(ctx context.Context, entries []journal.Entry) error {
	if s.cfg.Alone != nil {
		if err := s.cfg.Alone(); err != nil {
			return fmt.Errorf("%w: %w", ErrAlone, err)
		}
	}
	if s.cfg.Room != nil {
		if err := s.cfg.Room(); err != nil {
			return fmt.Errorf("%w: %w", ErrNoRoom, err)
		}
	}
	octets := size(entries)
	if !s.claim(octets) {
		return fmt.Errorf("%w: it may hold %d octets", ErrFull, s.cfg.Max)
	}
	defer s.claim(-octets)
	if _, err := s.journal.Append(ctx, entries...); err != nil {
		return fmt.Errorf("spool accounting: %w", err)
	}
	return nil
}

// claim reserves octets of what is left of Config.Max, or releases them.
func (s *Spool) claim(octets int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if octets > 0 && s.journal.Size()+s.octets+octets > s.cfg.Max {
		return false
	}
	s.octets += octets
	return true
}

// committed is journal.Config.Committed: it is called before Append returns.
func (s *Spool) committed(records []journal.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		if at, events, err := parseKey(r); err == nil { // it is our own
			s.backlog.add(r.Seq, at, events)
		}
	}
	s.spooling = true // an append whose caller has stopped waiting is in it too
	s.nudge()
}

func (s *Spool) nudge() {
	select {
	case s.wake <- struct{}{}:
	default: // Run knows already
	}
}
