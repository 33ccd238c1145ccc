package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// output is what a demo prints; it may be read while the demo runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// directory is the demo's own, which its output names.
func directory(text string) string {
	found := regexp.MustCompile(`config +(\S+)/cordon.yaml`).FindStringSubmatch(text)
	if found == nil {
		return "(none is named)"
	}
	return found[1]
}

// gone checks that nothing of a demo is left.
func gone(t *testing.T, text string) {
	t.Helper()
	dir := directory(text)
	if !filepath.IsAbs(dir) {
		t.Errorf("no configuration is named in\n%s", text)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left behind: %v", dir, err)
	}
	if conn, err := net.Dial("unix", filepath.Join(dir, "redis.sock")); err == nil {
		_ = conn.Close()
		t.Error("a redis-server is left behind")
	}
}

func TestTheWholeStoryIsSeenToHappen(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("this test needs a real redis-server 7.0 or newer on PATH; on Debian and Ubuntu: apt-get install redis-server")
	}
	t.Parallel()
	var running sync.WaitGroup
	defer running.Wait()
	// Both at the same time, and not as parallel subtests: they are nearly all
	// waiting, and would keep others waiting for their slots.
	running.Go(func() { seeWholeStory(t, Config{Seed: 1}, "a child process that keeps nothing") })
	running.Go(func() { seeWholeStory(t, Config{Seed: 2, Embedded: true}, "embedded, as asked for") })
}

// seeWholeStory runs the demo as "cordon demo --once" does; about is what it
// shall say of its Redis.
func seeWholeStory(t *testing.T, c Config, about string) {
	var out output
	c.Once, c.Out, c.Listen = true, &out, freePort
	err := Run(t.Context(), c)
	text := out.String()
	if err != nil {
		t.Errorf("seed %d: %v\n%s", c.Seed, err, text)
		return
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if last := lines[len(lines)-1]; last != "demo: quarantined 11, released 11, stuck 0" {
		t.Errorf("seed %d: the last line is %q", c.Seed, last)
	}
	if !strings.Contains(text, about) {
		t.Errorf("seed %d: want %q in\n%s", c.Seed, about, text)
	}
	for i, step := range script {
		if !strings.Contains(text, fmt.Sprintf("\n%d  ", i+1)) {
			t.Errorf("seed %d: step %d (%s) was not told", c.Seed, i+1, step.title)
		}
	}
	plain(t, text)
	gone(t, text)
}

// plain checks that a text suits a terminal of 100 columns without colours.
func plain(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if utf8.RuneCountInString(line) > 101 || strings.ContainsRune(line, '\x1b') {
			t.Errorf("a line does not fit a plain terminal of 100 columns: %q", line)
		}
	}
}

func TestADemoStaysUpUntilItIsInterruptedAndCleansUp(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out output
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, Config{Out: &out, Listen: freePort, script: script[:1]})
	}()
	commands := regexp.MustCompile(`cordon quarantine list --addr (127\.0\.0\.1:\d+)\n`)
	var address string
	for address == "" {
		select {
		case err := <-ended:
			t.Fatalf("it ended by itself: %v\n%s", err, out.String())
		case <-time.After(poll):
		}
		if found := commands.FindStringSubmatch(out.String()); found != nil {
			address = found[1]
		}
	}
	response, err := http.Get("http://" + address + "/livez")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("/livez: %s", response.Status)
	}
	interrupt()
	if err := <-ended; err != nil {
		t.Errorf("interrupted after the story: %v", err)
	}
	plain(t, out.String())
	gone(t, out.String())
}

func TestAnInterruptedStoryCleansUp(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out output
	wait := step{"a wait for Ctrl-C", func(_ *story, ctx context.Context) error {
		interrupt()
		return pause(ctx, time.Hour)
	}}
	err := Run(ctx, Config{Once: true, Out: &out, Listen: freePort, script: []step{wait}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("want that it was cancelled, got %v", err)
	}
	gone(t, out.String())
}

func TestATakenPortIsLeftToWhoHasIt(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var out output
	err = Run(t.Context(), Config{Once: true, Out: &out, Listen: taken.Addr().String(), Embedded: true, script: []step{}})
	if err != nil {
		t.Fatal(err)
	}
	if text := out.String(); strings.Contains(text, "http://"+taken.Addr().String()) || !strings.Contains(text, "http://127.0.0.1:") {
		t.Errorf("want another port of loopback in\n%s", text)
	}
}

func TestTheStoryEndsWhenTheRedisServerDoes(t *testing.T) {
	t.Parallel()
	var out output
	kill := step{"a killed redis-server", func(s *story, ctx context.Context) error {
		conn, err := net.Dial("unix", filepath.Join(directory(out.String()), "redis.sock"))
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("SHUTDOWN NOSAVE\r\n")); err != nil {
			return err
		}
		return pause(ctx, time.Hour)
	}}
	err := Run(t.Context(), Config{Once: true, Out: &out, Listen: freePort, script: []step{kill}})
	if err == nil || !strings.Contains(err.Error(), "redis-server ended") {
		t.Errorf("want that redis-server ended, got %v", err)
	}
	gone(t, out.String())
}

func TestAStoryThatTakesTooLongFailsAtTheStepItWasIn(t *testing.T) {
	t.Parallel()
	var out output
	wait := step{"a wait", func(_ *story, ctx context.Context) error { return pause(ctx, time.Hour) }}
	err := Run(t.Context(), Config{Once: true, Out: &out, Listen: freePort, Embedded: true, script: []step{wait}, limit: 20 * time.Second})
	if err == nil || !strings.Contains(err.Error(), "the story timed out after 20s: step 1 (a wait)") {
		t.Errorf("got %v", err)
	}
	gone(t, out.String())
}
