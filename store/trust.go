package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// TrustConfig says what is asked of a Redis before anything new is restricted.
type TrustConfig struct {
	Store *Store
	// Enforces is set in mode enforce: what Redis acknowledges must then survive. Without
	// it nothing is asked, and Redis is trusted.
	Enforces bool
	// AcceptWeak makes a warning of what speaks against trusting Redis
	// (redis.accept_weak).
	AcceptWeak bool
	// Checked gets the result of each check that [Trust.Run] makes. Nil: nobody.
	Checked func(TrustCheck)
}

// TrustCheck is the result of one check.
type TrustCheck struct {
	Err    error    // Redis could not be asked; nothing else has changed
	Weak   string   // why nothing new may be restricted; "": it may
	Raised []string // warnings that the check before did not have
}

// Trust says whether Redis may be trusted with enforcement: it has been checked, and
// keeps what it acknowledges ([Store.Check]). A Redis that forgets would leave
// subscribers restricted of whom nobody knows. Its methods may be called from any
// goroutine.
type Trust struct {
	cfg TrustConfig

	mu       sync.Mutex // guards what follows
	findings []string   // what speaks against it
	warnings []string   // what else a person should know of it
	checked  bool
}

// How often Redis' settings are checked, how soon again after it did not answer, and
// how long one check may take.
const (
	checkEvery   = time.Minute
	recheckEvery = time.Second
	checkTimeout = 2 * time.Second
)

// NewTrust returns a Trust. Until its first check Redis is not trusted.
func NewTrust(cfg TrustConfig) *Trust { return &Trust{cfg: cfg} }

// Run checks Redis every minute, and every second until it answers, until ctx ends.
func (t *Trust) Run(ctx context.Context) error {
	for t.cfg.Enforces {
		check := t.RunOnce(ctx)
		if t.cfg.Checked != nil {
			t.cfg.Checked(check)
		}
		wait := checkEvery
		if check.Err != nil {
			wait = recheckEvery
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
	<-ctx.Done()
	return nil
}

// RunOnce checks Redis once, in two seconds at most.
func (t *Trust) RunOnce(ctx context.Context) (check TrustCheck) {
	if !t.cfg.Enforces {
		return check
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	findings, err := t.cfg.Store.Check(ctx)
	if err != nil {
		return TrustCheck{Err: err}
	}
	check.Raised = t.note(findings)
	check.Weak, _ = t.Weak()
	return check
}

// note keeps what a check found, and returns the warnings that are new.
func (t *Trust) note(findings []Finding) (raised []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.warnings
	t.findings, t.warnings, t.checked = nil, nil, true
	for _, f := range findings {
		switch {
		case !f.Warning && !t.cfg.AcceptWeak:
			t.findings = append(t.findings, f.Text)
		default:
			t.warnings = append(t.warnings, f.Text)
			if !slices.Contains(before, f.Text) {
				raised = append(raised, f.Text)
			}
		}
	}
	return raised
}

// Weak says why nothing new may be restricted, as of the last check.
func (t *Trust) Weak() (reason string, weak bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case !t.cfg.Enforces, t.cfg.AcceptWeak:
		return "", false
	case !t.checked:
		return "Redis has not been checked yet", true
	case len(t.findings) > 0:
		return fmt.Sprintf("mode enforce needs a Redis that keeps what it acknowledges: %s; correct it, or set redis.accept_weak: true",
			strings.Join(t.findings, "; ")), true
	}
	return "", false
}

// Warnings lists what a person should know of Redis' settings although it is no
// reason not to restrict.
func (t *Trust) Warnings() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.warnings)
}
