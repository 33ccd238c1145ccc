package stories

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// tale is what happened, for people.
type tale struct {
	began time.Time

	mu    sync.Mutex // guards what follows
	lines []string
}

// note adds a line, with the time since the story began.
func (t *tale) note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	since := time.Since(t.began).Truncate(time.Millisecond)
	t.lines = append(t.lines, fmt.Sprintf("%10s  %s", since, fmt.Sprintf(format, args...)))
}

// String is the whole tale.
func (t *tale) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}
