package stories

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// transcript is what happened, for people. Lines are written out only when they are
// read, for most stories are never read.
type transcript struct {
	began time.Time

	mu    sync.Mutex // guards what follows
	lines []line
}

// line is one thing that happened.
type line struct {
	at   time.Time
	text func() string
}

// note adds a line; arguments must not change later.
func (t *transcript) note(format string, args ...any) {
	t.add(func() string { return fmt.Sprintf(format, args...) })
}

// add adds a line that is written out later.
func (t *transcript) add(text func() string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, line{time.Now(), text})
}

// length is how many lines there are.
func (t *transcript) length() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.lines)
}

// String is the whole transcript, with the time since the story began.
func (t *transcript) String() string { return t.about(nil) }

// about is the transcript as far as it names one of several; nil is all of it.
func (t *transcript) about(names []string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var text strings.Builder
	for _, l := range t.lines {
		what := l.text()
		if names == nil || slices.ContainsFunc(names, func(name string) bool { return strings.Contains(what, name) }) {
			fmt.Fprintf(&text, "%10s  %s\n", l.at.Sub(t.began).Truncate(time.Millisecond), what)
		}
	}
	return text.String()
}
