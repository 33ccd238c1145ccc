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

// Config is how the demo is to run.
type Config struct {
	Once bool      // end after the story, instead of staying up until ctx ends
	Seed uint64    // who plays which part, and the simulated BNGs' jitter
	Out  io.Writer // the story
	Bold bool      // Out is a terminal that shows headings in bold

	// Listen is where the API shall listen, on loopback; if that is taken, a
	// free port is. Empty: DefaultListen.
	Listen   string
	Embedded bool // do not use a redis-server, even if there is one
	Logger   *zap.Logger
	Version  app.Version

	script []step        // nil: the whole story
	limit  time.Duration // of a run with Once; 0: onceTime
}

// DefaultListen is where the API of a demo listens if nobody else does.
const DefaultListen = "127.0.0.1:8480"

// freePort is where the API listens if its own port is taken.
const freePort = "127.0.0.1:0"

// onceTime bounds a run that ends after the story.
const onceTime = 90 * time.Second

// defaultTimeout is generous: what it waits for takes milliseconds, or a second
// where a moment must be past, but machines that run demos are busy.
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

// Run sets the stage, tells the story and, unless Once, stays up until ctx ends.
// Whatever it started or wrote is gone when it returns. The error is a
// *StepError if something was seen that should not be, or not seen that should;
// ctx's own if it ended before the story did.
func Run(ctx context.Context, c Config) (err error) {
	c.setDefaults()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if c.Once {
		var end context.CancelFunc
		ctx, end = context.WithTimeoutCause(ctx, c.limit, fmt.Errorf("the story took longer than %s", c.limit))
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

// partError says that something of the stage ended by itself.
type partError struct {
	part string
	err  error // nil: it did not say why
}

func (e *partError) Error() string {
	if e.err == nil {
		return e.part + " ended, and nobody had asked it to"
	}
	return fmt.Sprintf("%s ended: %v", e.part, e.err)
}

func (e *partError) Unwrap() error { return e.err }

// ended prefers the reason why ctx ended to what that made others say.
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
