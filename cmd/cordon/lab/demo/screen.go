package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// screen is the output of the story. Its methods may be called from any goroutine. They
// ignore a closed terminal: the story continues for its exit code.
type screen struct {
	bold bool

	mu sync.Mutex // held while writing
	w  io.Writer
}

// Indents below a heading, and of packets.
const (
	indent       = "   "
	packetIndent = "     "
)

func (s *screen) print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = io.WriteString(s.w, text)
}

func (s *screen) heading(text string) {
	if s.bold {
		text = "\x1b[1m" + text + "\x1b[0m"
	}
	s.print("\n" + text + "\n")
}

func (s *screen) say(format string, args ...any) {
	s.print(indent + fmt.Sprintf(format, args...) + "\n")
}

// packet shows a packet in radclient's wording.
func (s *screen) packet(text string) {
	var shown strings.Builder
	for line := range strings.Lines(text) {
		shown.WriteString(packetIndent + strings.Replace(line, "\t", "  ", 1))
	}
	s.print(shown.String())
}
