package linecheck

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Config says whom to ask. Exactly one of Exec and HTTP is set.
type Config struct {
	Exec    []string      // program, by absolute path, and its arguments; no shell sees them
	HTTP    string        // URL to POST to
	Timeout time.Duration // for one answer; 0: 5 s, at most 60 s
	AtOnce  int           // questions under way at a time; 0: 4
}

// Bounds.
const (
	defaultTimeout = 5 * time.Second
	longestTimeout = time.Minute
	defaultAtOnce  = 4
	maxAnswer      = 4 << 10 // octets
)

// Validate reports everything that is wrong.
func (c *Config) Validate() error {
	var errs []error
	switch {
	case (len(c.Exec) == 0) == (c.HTTP == ""):
		errs = append(errs, errors.New("needs exactly one of exec and http"))
	case c.HTTP != "":
		errs = append(errs, checkURL(c.HTTP))
	default:
		errs = append(errs, checkProgram(c.Exec[0]))
	}
	if c.Timeout < 0 || c.Timeout > longestTimeout {
		errs = append(errs, fmt.Errorf("timeout is at most %s", longestTimeout))
	}
	if c.AtOnce < 0 {
		errs = append(errs, errors.New("how many are asked at once is not negative"))
	}
	return errors.Join(errs...)
}

// Check asks.
type Check struct {
	config Config
	places chan struct{} // one in it for each question under way
}

// New returns a check as configured.
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

// Ask asks one question, a JSON document, and returns the first word of the
// answer. An error means that there was no answer in time, or none that counts.
func (c *Check) Ask(ctx context.Context, question []byte) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	select {
	case c.places <- struct{}{}:
		defer func() { <-c.places }()
	case <-ctx.Done():
		return "", fmt.Errorf("%d others are being asked: %w", c.config.AtOnce, ctx.Err())
	}
	ask := c.run
	if c.config.HTTP != "" {
		ask = c.post
	}
	answer, err := ask(ctx, question)
	if err != nil {
		return "", err
	}
	words := strings.Fields(string(answer))
	if len(words) == 0 {
		return "", errors.New("answered nothing")
	}
	return words[0], nil
}
