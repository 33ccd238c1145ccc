package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stream is written by a command while a test reads it.
type stream struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *stream) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await waits until a stream matches, and returns the first group.
func (s *stream) await(t *testing.T, pattern string) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(s.String()); found != nil {
			return found[len(found)-1]
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s was not seen in\n%s", pattern, s.String())
		}
	}
}

// running is "cordon bngsim" at work.
type running struct {
	out, err stream
	address  string // of its CoA socket
}

// simulate runs "cordon bngsim" with a free port until the test ends.
func simulate(t *testing.T, args ...string) *running {
	t.Helper()
	r := &running{}
	sh := &shell{in: strings.NewReader(""), out: &r.out, err: &r.err, getenv: func(string) string { return "" }, now: time.Now}
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, sh, append([]string{"bngsim", "--secret", "testing123", "--listen", "127.0.0.1:0"}, args...))
	}()
	t.Cleanup(func() {
		interrupt()
		if code := <-ended; code != exitDone {
			t.Errorf("exit code %d: %s", code, r.err.String())
		}
	})
	r.address = r.err.await(t, `requests at (127\.0\.0\.1:\d+)`)
	r.err.await(t, `subscribers are on line`)
	return r
}

// runRadclient sends one request as a BNG engineer would and returns what it
// printed.
func runRadclient(t *testing.T, address, kind, input string) string {
	t.Helper()
	path, err := exec.LookPath("radclient")
	if err != nil {
		t.Fatalf("radclient is needed (Debian package freeradius-utils): %v", err)
	}
	command := exec.CommandContext(t.Context(), path, "-x", "-r", "1", "-t", "1", address, kind, "testing123")
	command.Stdin = strings.NewReader(input)
	output, _ := command.CombinedOutput() // its exit code says the same as its text
	return string(output)
}

const firstUser = "bng1-0001@isp.example"

func TestRadclientRestrictsASimulatedSession(t *testing.T) {
	r := simulate(t, "--subscribers", "1", "--profiles", "GARDEN", "--table", "--debug")
	id := r.out.await(t, `(?m)^(\d+) +`+firstUser)
	who := `User-Name = "` + firstUser + `", Acct-Session-Id = "` + id + `"`
	for _, test := range []struct{ kind, input, want string }{
		{"coa", who + `, ERX-Service-Activate:1 = "GARDEN"`, "Received CoA-ACK"},
		{"coa", who + `, ERX-Service-Activate:1 = "NONE"`, "Error-Cause = Invalid-Attribute-Value"},
		{"coa", `User-Name = "nobody", Acct-Session-Id = "99"`, "Error-Cause = Session-Context-Not-Found"},
	} {
		if got := runRadclient(t, r.address, test.kind, test.input); !strings.Contains(got, test.want) {
			t.Errorf("%s: want %q in\n%s", test.input, test.want, got)
		}
	}
	r.out.await(t, `services=INTERNET\+GARDEN`)
	r.err.await(t, `Received CoA-Request Id \d+ from 127\.0\.0\.1:\d+ to `+regexp.QuoteMeta(r.address)+` length \d+\n\tUser-Name = "`+firstUser+`"\n`)
	r.err.await(t, `Sent CoA-NAK Id \d+ [^\n]+\n\tError-Cause = Invalid-Attribute-Value\n`)
	if got := runRadclient(t, r.address, "disconnect", who); !strings.Contains(got, "Received Disconnect-ACK") {
		t.Errorf("want Disconnect-ACK in\n%s", got)
	}
}

func TestASimulatedBNGMisbehavesAsItsFlagsSay(t *testing.T) {
	who := `User-Name = "` + firstUser + `"`
	for _, test := range []struct {
		name, want string
		args       []string
	}{
		{"refuses", "Error-Cause = Session-Context-Not-Found", []string{"--nak", "503"}},
		{"refuses without a word", "Received CoA-NAK", []string{"--nak", "none"}},
		{"is silent", "No reply from server", []string{"--silent"}},
		{"loses everything", "No reply from server", []string{"--lose", "1"}},
		{"is slow", "No reply from server", []string{"--delay", "5s"}},
		{"wants every request signed", "No reply from server", []string{"--require-message-authenticator"}},
		{"says ACK and does nothing", "Received CoA-ACK", []string{"--ack-ignore"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := simulate(t, append([]string{"--make", "filter-id", "--subscribers", "1", "--table"}, test.args...)...)
			r.out.await(t, "filter=INTERNET")
			if got := runRadclient(t, r.address, "coa", who+`, Filter-Id = "GARDEN"`); !strings.Contains(got, test.want) {
				t.Errorf("want %q in\n%s", test.want, got)
			}
			if strings.Contains(r.out.String(), "GARDEN") {
				t.Errorf("it did what it was asked:\n%s", r.out.String())
			}
		})
	}
}

func TestASimulatedBNGHasTheQuirksOfItsFlags(t *testing.T) {
	who := `User-Name = "` + firstUser + `"`
	for _, test := range []struct {
		name, request, want string
		args                []string
	}{
		{"one quirk", `, Filter-Id = "GARDEN"`, "No reply from server", []string{"--make", "filter-id", "--quirk", "silent-coa"}},
		{"two quirks", `, Filter-Id = "GARDEN"`, "Received CoA-NAK",
			[]string{"--make", "filter-id", "--profiles", "PLAN", "--quirk", "nak-no-cause", "--quirk", "padding"}},
		{"a slow one", `, Filter-Id = "GARDEN"`, "Received CoA-ACK", []string{"--make", "huawei-ne", "--quirk", "slow", "--slow-by", "100ms"}},
		{"another make", `, Cisco-AVPair = "subscriber:command=account-status-query"`, `Cisco-Account-Info = "N1INTERNET"`,
			[]string{"--make", "cisco-isg"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := simulate(t, append([]string{"--subscribers", "1"}, test.args...)...)
			if got := runRadclient(t, r.address, "coa", who+test.request); !strings.Contains(got, test.want) {
				t.Errorf("want %q in\n%s", test.want, got)
			}
		})
	}
}

func TestTheQuirksAreListedAndWrongOnesRefused(t *testing.T) {
	ask := func(args ...string) (int, string) {
		var out, errs stream
		sh := &shell{in: strings.NewReader(""), out: &out, err: &errs, getenv: func(string) string { return "" }, now: time.Now}
		code := run(t.Context(), sh, append([]string{"bngsim"}, args...))
		return code, out.String() + errs.String()
	}
	if code, text := ask("--quirks"); code != exitDone || !strings.Contains(text, "busy-drop ") ||
		!strings.Contains(text, "seen at: accel-ppp") {
		t.Errorf("%d\n%s", code, text)
	}
	for want, args := range map[string][]string{
		`unknown quirk "moody"`: {"--quirk", "moody"},
		"exclude each other":    {"--quirk", "dup-5s,dup-300s"},
		"slow by":               {"--slow-by", "-1s"},
	} {
		if code, text := ask(append(args, "--secret", "testing123")...); code == exitDone || !strings.Contains(text, want) {
			t.Errorf("%q: %d\n%s", args, code, text)
		}
	}
}

func TestSIGUSR1PrintsTheSessions(t *testing.T) {
	r := simulate(t, "--subscribers", "2")
	if r.out.String() != "" {
		t.Fatalf("printed unasked: %s", r.out.String())
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	r.out.await(t, `SESSION +USER +ADDRESSES +SINCE +STATE\n(?:.*isp\.example.*\n){2}`)
}

func TestASecretMayStandInAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("testing123\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := simulate(t, "--secret", "", "--secret-file", file, "--subscribers", "1")
	if got := runRadclient(t, r.address, "coa", `User-Name = "`+firstUser+`", ERX-Service-Activate:1 = "GARDEN"`); !strings.Contains(got,
		"Received CoA-ACK") {
		t.Error(got)
	}
}

func TestWrongFlagsOfBngsimAreFaultsOfTheCommandLine(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"", "secret must be set"},
		{"--secret s --secret-file f", "not both"},
		{"--secret-file /nowhere/secret", "/nowhere/secret"},
		{"--secret s --make abacus", `unknown platform "abacus"`},
		{"--secret s --nas-ip x", `--nas-ip: invalid address "x"`},
		{"--secret s --listen 3799", `invalid address:port "3799"`},
		{"--secret s --acct-server x", `invalid address:port "x"`},
		{"--secret s --v4 x", `--v4: invalid prefix "x"`},
		{"--secret s --v6 x", `--v6: invalid prefix "x"`},
		{"--secret s --v4 198.18.0.0/30 --subscribers 9", "too small for 9 subscribers"},
		{"--secret s --nak x", `--nak: invalid Error-Cause "x"`},
		{"--secret s --lose 2", "between 0 and 1"},
		{"--secret s --interim -1s", "interim must not be negative"},
		{"--secret s more", "unknown command"},
		{"--secret s --abacus", "unknown flag"},
	} {
		var out, errs bytes.Buffer
		sh := &shell{in: strings.NewReader(""), out: &out, err: &errs, getenv: func(string) string { return "" }, now: time.Now}
		code := run(t.Context(), sh, append([]string{"bngsim"}, strings.Fields(test.args)...))
		if code != exitUsage || !strings.Contains(errs.String(), test.want) || out.Len() > 0 {
			t.Errorf("%q: exit code %d, want %q in %s", test.args, code, test.want, errs.String())
		}
	}
}
