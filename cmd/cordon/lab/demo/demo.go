package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"go.uber.org/zap"

	"cordon/cmd/cordon/app"
)

// Config is the demo's configuration.
type Config struct {
	Once bool      // stop after the story, instead of running until ctx ends
	Seed uint64    // of the choice of subscribers and the simulated BNGs' jitter
	Out  io.Writer // the story
	Bold bool      // Out is a terminal that shows headings in bold

	// Listen is the API's loopback address; if it is in use, a free port is taken.
	// Empty: DefaultListen.
	Listen   string
	Embedded bool // use the embedded Redis even if there is a redis-server
	Logger   *zap.Logger
	Version  app.Version

	script []step        // nil: the whole story
	limit  time.Duration // of a run with Once; 0: onceTime
}

// DefaultListen is the API's default address.
const DefaultListen = "127.0.0.1:8480"

// freePort is the API's address if its own is in use.
const freePort = "127.0.0.1:0"

// onceTime bounds a run that ends after the story.
const onceTime = 90 * time.Second

// defaultTimeout bounds what takes milliseconds, or a second: it is long because hosts
// that run demos are loaded.
const defaultTimeout = 15 * time.Second

func (c *Config) setDefaults() {
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	if c.limit == 0 {
		c.limit = onceTime
	}
	if c.script == nil {
		c.script = script
	}
}

// Run sets the stage, runs the story and, unless Once, continues until ctx ends. It
// removes whatever it started or wrote. The error is a *StepError if a step observes
// something else than expected; ctx's own if it ended before the story did.
func Run(ctx context.Context, c Config) (err error) {
	c.setDefaults()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if c.Once {
		var end context.CancelFunc
		ctx, end = context.WithTimeoutCause(ctx, c.limit, fmt.Errorf("the story timed out after %s", c.limit))
		defer end()
	}
	s, err := setStage(ctx, c, cancel)
	if errors.Is(err, syscall.EADDRINUSE) {
		c.Listen = freePort
		s, err = setStage(ctx, c, cancel)
	}
	if err != nil {
		return fmt.Errorf("set the stage: %w", ended(ctx, err))
	}
	defer func() { err = errors.Join(err, s.strike()) }()
	if err := newStory(s).run(ctx); err != nil {
		return ended(ctx, err)
	}
	if c.Once {
		return nil
	}
	s.live(ctx)
	var part *partError
	if errors.As(context.Cause(ctx), &part) {
		return part
	}
	return nil
}

// partError says that a part of the stage ended unexpectedly.
type partError struct {
	part string
	err  error // nil: unknown
}

func (e *partError) Error() string {
	if e.err == nil {
		return e.part + " ended unexpectedly"
	}
	return fmt.Sprintf("%s ended: %v", e.part, e.err)
}

func (e *partError) Unwrap() error { return e.err }

// ended prefers the cause of ctx's end to the errors that follow from it.
func ended(ctx context.Context, err error) error {
	var part *partError
	switch {
	case errors.As(context.Cause(ctx), &part):
		return part
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return err
}
