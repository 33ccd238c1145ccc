package main

import (
	"context"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cordon": main})
}

// stubKey is where a script's environment keeps its stub.
type stubKey struct{}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			s := newStub()
			server := httptest.NewServer(s)
			env.Defer(server.Close)
			env.Values[stubKey{}] = s
			env.Setenv("CORDON_ADDR", server.URL)
			env.Setenv("USER", "alice")
			return nil
		},
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"sent": sent, "code": code},
		RequireExplicitExec: true, RequireUniqueNames: true,
	})
}

// sent is the script command "sent REGEXP": some request so far matches.
func sent(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: sent REGEXP")
	}
	pattern := regexp.MustCompile(args[0])
	s := ts.Value(stubKey{}).(*stub)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.sent {
		if pattern.MatchString(line) {
			if neg {
				ts.Fatalf("sent: %s", line)
			}
			return
		}
	}
	if !neg {
		ts.Fatalf("no request matches; sent: %q", s.sent)
	}
}

// code is the script command "code N cordon ARG…": cordon ends with exit code
// N. It runs inside the test, which is quicker than "exec cordon".
func code(ts *testscript.TestScript, _ bool, args []string) {
	sh := &shell{in: strings.NewReader(""), out: ts.Stdout(), err: ts.Stderr(), getenv: ts.Getenv, now: time.Now}
	if got := strconv.Itoa(run(context.Background(), sh, args[2:])); got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}
