package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// How often an instance reports what it heard of sources, and for how long a read of all reports
// is used. Far less than the half hour after which a source counts as silent; a translator's log
// is waited for so much longer.
const (
	reportEvery  = 5 * time.Second
	sourcesFresh = 500 * time.Millisecond
)

// SourcesConfig configures Sources.
type SourcesConfig struct {
	Book quarantine.AccountingSourceBook
	Plan quarantine.SourcePlan
	// Activity returns what this instance has heard since the last call. Nil: it receives no
	// accounting.
	Activity func() []quarantine.SourceActivity
	Logger   *zap.Logger
	Now      func() time.Time
}

// Sources reports what this instance hears of the sources of accounting, and knows what all
// instances hear. Its methods may be called from any goroutine.
type Sources struct {
	cfg SourcesConfig

	turn  chan struct{} // capacity 1; whoever has put something in owns what follows
	read  quarantine.AccountingSources
	err   error
	at    time.Time // when it was read; zero: never
	mu    sync.Mutex
	known quarantine.AccountingSources // the last good read; guarded by mu
}

// NewSources returns Sources that read when they are asked and report while Run runs.
func NewSources(c SourcesConfig) (*Sources, error) {
	if c.Book == nil {
		return nil, errors.New("accounting sources: Book is required")
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Plan.Rule == (quarantine.SilenceRule{}) {
		c.Plan.Rule = quarantine.DefaultSilenceRule
	}
	return &Sources{cfg: c, turn: make(chan struct{}, 1)}, nil
}

// Overdue implements the hook of [Config]. All intakers ask the same; one of them
// reads.
func (s *Sources) Overdue(ctx context.Context) (Overdue, error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.turn }()
	if s.at.IsZero() || s.cfg.Now().Sub(s.at) >= sourcesFresh {
		s.reload(ctx)
	}
	if s.err != nil {
		return nil, fmt.Errorf("read how far the sources of accounting have reported: %w", s.err)
	}
	known := s.read
	return func(held []quarantine.Binding, until time.Time) string {
		return s.cfg.Plan.Overdue(&known, held, until, s.cfg.Now())
	}, nil
}

// reload reads the book; the caller has the turn.
func (s *Sources) reload(ctx context.Context) {
	asked := s.cfg.Now()
	read, err := s.cfg.Book.AccountingSources(ctx)
	if ctx.Err() != nil {
		s.err, s.at = ctx.Err(), time.Time{} // the caller's own cancellation says nothing to the others
		return
	}
	s.read, s.err, s.at = read, err, asked
	if err == nil {
		s.mu.Lock()
		s.known = read
		s.mu.Unlock()
	}
}

// Known returns what was read last. The caller must not change it.
func (s *Sources) Known() quarantine.AccountingSources {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known
}

// Silent lists the sources that are silent, by what was read last.
func (s *Sources) Silent() []quarantine.SilentSource {
	known := s.Known()
	return s.cfg.Plan.Silent(&known, s.cfg.Now())
}

// StoppedBefore reports whether a source had stopped by a moment.
func (s *Sources) StoppedBefore(moment time.Time) bool {
	return slices.ContainsFunc(s.Silent(), func(silent quarantine.SilentSource) bool { return silent.Last.Before(moment) })
}

// BNGsOf lists the BNGs whose addresses wait for a source that stopped.
func (s *Sources) BNGsOf(stopped quarantine.SilentSource) []string {
	known := s.Known()
	return s.cfg.Plan.Waiting(&known, stopped)
}

// Run reports and reads every few seconds, and logs which sources become silent and which are
// back, until ctx ends.
func (s *Sources) Run(ctx context.Context) error {
	var pending unreported
	silent := map[string]quarantine.SilentSource{}
	limited := newLimitedLogger(s.cfg.Logger, s.cfg.Now)
	for {
		err := s.report(ctx, &pending)
		if err == nil {
			_, err = s.Overdue(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the end was asked for
		case err != nil:
			limited.log(zap.WarnLevel, "reports about the sources of accounting could not be exchanged", zap.Error(err))
		default:
			limited.logResolved()
			s.logChanges(silent)
		}
		if !sleep(ctx, reportEvery/2+rand.N(reportEvery)) { //nolint:gosec // not a secret
			return nil
		}
	}
}

// unreported is what was heard and is not in the book yet, by source.
type unreported map[string]quarantine.SourceActivity

// report writes what was heard since the last report that was written.
func (s *Sources) report(ctx context.Context, pending *unreported) error {
	if s.cfg.Activity == nil {
		return nil
	}
	if *pending == nil {
		*pending = unreported{}
	}
	for _, h := range s.cfg.Activity() {
		sum := (*pending)[h.Source]
		sum.Add(h)
		(*pending)[h.Source] = sum
	}
	r := quarantine.SourceReport{At: s.cfg.Now(), Listening: true, Rule: s.cfg.Plan.Rule}
	for _, h := range *pending {
		r.Activity = append(r.Activity, h)
	}
	if err := s.cfg.Book.ReportSources(ctx, r); err != nil {
		return err
	}
	*pending = nil
	return nil
}

// logChanges logs which sources became silent and which are back, given those that were silent
// before.
func (s *Sources) logChanges(before map[string]quarantine.SilentSource) {
	now := map[string]bool{}
	for _, stopped := range s.Silent() {
		now[stopped.Name] = true
		if _, known := before[stopped.Name]; !known {
			s.cfg.Logger.Warn("a source of accounting is silent; addresses of its BNGs are not attributed for later moments",
				zap.String("source", stopped.Name), zap.Bool("relay", stopped.Relay), zap.Time("last_record", stopped.Last))
		}
		before[stopped.Name] = stopped
	}
	for name, stopped := range before {
		if !now[name] {
			s.cfg.Logger.Info("a source of accounting is back", zap.String("source", name), zap.Time("silent_since", stopped.Last))
			delete(before, name)
		}
	}
}
