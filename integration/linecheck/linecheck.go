package linecheck

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Config is the check to run. Exactly one of Exec and HTTP is set.
type Config struct {
	Exec    []string      // program, by absolute path, and its arguments; not run by a shell
	HTTP    string        // URL to POST to
	Timeout time.Duration // for one answer; 0: 5 s, at most 60 s
	AtOnce  int           // concurrent checks; 0: 4
}

// Bounds.
const (
	defaultTimeout = 5 * time.Second
	longestTimeout = time.Minute
	defaultAtOnce  = 4
	maxAnswer      = 4 << 10 // bytes
)

// Validate reports every fault, joined.
func (c *Config) Validate() error {
	var errs []error
	switch {
	case (len(c.Exec) == 0) == (c.HTTP == ""):
		errs = append(errs, errors.New("must have exactly one of exec and http"))
	case c.HTTP != "":
		errs = append(errs, checkURL(c.HTTP))
	default:
		errs = append(errs, checkProgram(c.Exec[0]))
	}
	if c.Timeout < 0 || c.Timeout > longestTimeout {
		errs = append(errs, fmt.Errorf("timeout must be at most %s", longestTimeout))
	}
	if c.AtOnce < 0 {
		errs = append(errs, errors.New("at_once must not be negative"))
	}
	return errors.Join(errs...)
}

// Check runs the configured check.
type Check struct {
	config Config
	places chan struct{} // one in it for each running check
}

// New returns the configured check.
func New(c Config) (*Check, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.AtOnce == 0 {
		c.AtOnce = defaultAtOnce
	}
	return &Check{config: c, places: make(chan struct{}, c.AtOnce)}, nil
}

// Ask sends one query, a JSON document, and returns the first word of the answer. An
// error means that there was no valid answer in time.
func (c *Check) Ask(ctx context.Context, query []byte) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	select {
	case c.places <- struct{}{}:
		defer func() { <-c.places }()
	case <-ctx.Done():
		return "", fmt.Errorf("%d other checks are running: %w", c.config.AtOnce, ctx.Err())
	}
	ask := c.run
	if c.config.HTTP != "" {
		ask = c.post
	}
	answer, err := ask(ctx, query)
	if err != nil {
		return "", err
	}
	words := strings.Fields(string(answer))
	if len(words) == 0 {
		return "", errors.New("empty answer")
	}
	return words[0], nil
}
