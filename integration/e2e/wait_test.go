package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// soon is how long something may take that has no timer of its own. It is
// generous: machines that run tests are busy, and everything here is built with
// the race detector.
const soon = 30 * time.Second

// within waits until look says yes, and fails the test with what look last said
// if it does not by the time.
func within(t testing.TB, most time.Duration, what string, look func() (state string, ok bool)) {
	t.Helper()
	began := time.Now()
	for {
		state, ok := look()
		if ok {
			return
		}
		if waited := time.Since(began); waited > most {
			t.Fatalf("not after %s: %s; the last state was:\n%s", waited.Round(time.Millisecond), what, state)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// never watches for some time that look says no.
func never(t testing.TB, during time.Duration, what string, look func() (state string, happened bool)) {
	t.Helper()
	for over := time.Now().Add(during); time.Now().Before(over); time.Sleep(50 * time.Millisecond) {
		if state, happened := look(); happened {
			t.Fatalf("%s:\n%s", what, state)
		}
	}
}

// ports hands out ports below the range that the kernel takes for outgoing
// connections, and below those of storetest's servers, each once a process, so
// that tests that run at the same time never fight for one.
var ports struct {
	mu   sync.Mutex
	used map[int]bool
}

// freePort returns a port that is free for UDP and TCP on loopback.
func freePort(t testing.TB) int {
	t.Helper()
	ports.mu.Lock()
	defer ports.mu.Unlock()
	if ports.used == nil {
		ports.used = map[int]bool{}
	}
	for range 1000 {
		port := 12000 + rand.IntN(18000)
		if !ports.used[port] && isFree(port) {
			ports.used[port] = true
			return port
		}
	}
	t.Fatal("no free port between 12000 and 30000")
	return 0
}

func isFree(port int) bool {
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	_ = l.Close() // only its success counted
	c, err := net.ListenPacket("udp", addr)
	if err != nil {
		return false
	}
	_ = c.Close() // only its success counted
	return true
}
