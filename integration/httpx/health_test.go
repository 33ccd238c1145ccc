package httpx

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordon/integration/wire"
)

func check(name string, essential bool, err error) Check {
	return Check{Name: name, Essential: essential, Probe: func(context.Context) error { return err }}
}

func warned(c Check, warnings ...string) Check {
	c.Warnings = func() []string { return warnings }
	return c
}

func TestReadinessAsksWhatIsEssential(t *testing.T) {
	down := errors.New("dial 10.1.2.3: refused\nforged line")
	for _, c := range []struct {
		name    string
		checks  []Check
		status  int
		verbose string
	}{
		{"all well", []Check{check("log", true, nil), check("redis", false, nil)}, 200, "[+]log ok\n[+]redis ok\nreadyz check passed\n"},
		{"essential fails", []Check{check("log", true, down)}, 503, "[-]log failed: dial 10.1.2.3: refused forged line\nreadyz check failed\n"},
		{"other fails", []Check{check("log", true, nil), check("redis", false, down)}, 200,
			"[+]log ok\n[-]redis failed (not essential): dial 10.1.2.3: refused forged line\nreadyz check passed\n"},
		{"well, with a warning", []Check{warned(check("redis", true, nil), "synced every second", "old\n[-]log failed"),
			warned(check("log", true, nil))}, 200,
			"[+]redis ok; warning: synced every second; old [-]log failed\n[+]log ok\nreadyz check passed\n"},
		{"fails, with a warning", []Check{warned(check("redis", false, down), "synced every second")}, 200,
			"[-]redis failed (not essential): dial 10.1.2.3: refused forged line\nreadyz check passed\n"},
		{"nothing to ask", nil, 200, "readyz check passed\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := newServer(t, Config{Checks: c.checks}, same)
			if w := call(s, "GET", "/readyz", ""); w.Code != c.status || strings.Contains(w.Body.String(), "10.1.2.3") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if w := call(s, "GET", "/readyz?verbose", ""); w.Code != c.status || w.Body.String() != c.verbose {
				t.Errorf("%d %q, want %q", w.Code, w.Body, c.verbose)
			}
		})
	}
}

func TestWhyACheckFailedIsForThoseWhoMayRead(t *testing.T) {
	s, _ := newServer(t, Config{
		Checks: []Check{check("redis", false, errors.New("10.1.2.3 refused")), warned(check("log", false, nil), "disk of 10.1.2.3 is slow")},
		Tokens: []Token{token(t, "r", ScopeRead), token(t, "v", ScopeVerdict)},
	}, same)
	for name, want := range map[string]bool{"": false, "v": false, "r": true} {
		w := call(s, "GET", "/readyz?verbose", "", "Authorization", "Bearer "+secret+name)
		if w.Code != 200 || strings.Contains(w.Body.String(), "10.1.2.3 refused") != want ||
			strings.Contains(w.Body.String(), "10.1.2.3 is slow") != want {
			t.Errorf("token %q: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestACheckThatHangsCountsAsFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		checks := []Check{{Name: "slow", Essential: true, Probe: func(context.Context) error { <-release; return nil }}, check("log", true, nil)}
		began := time.Now()
		results := probe(t.Context(), checks)
		if results[0] == nil || results[1] != nil || time.Since(began) != probeTime {
			t.Errorf("results %v after %s", results, time.Since(began))
		}
		close(release)
	})
}

func TestLivenessAsksNothing(t *testing.T) {
	s, _ := newServer(t, Config{Checks: []Check{check("redis", true, errors.New("down"))}, Tokens: []Token{token(t, "a", ScopeRead)}}, same)
	for _, path := range []string{"/livez", "/healthz"} {
		if w := call(s, "GET", path, ""); w.Code != 200 || w.Body.String() != "ok\n" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestVersionAndMetricsAreServed(t *testing.T) {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("cordon_up 1\n")) })
	s, _ := newServer(t, Config{Metrics: metrics, Version: wire.Version{Version: "1.2.3", Go: "go1.26"}}, same)
	if w := call(s, "GET", "/metrics", ""); w.Body.String() != "cordon_up 1\n" {
		t.Errorf("metrics %s", w.Body)
	}
	if w := call(s, "GET", "/version", ""); !strings.Contains(w.Body.String(), `"version":"1.2.3"`) {
		t.Errorf("version %s", w.Body)
	}
	bare, _ := newServer(t, Config{}, same)
	if w := call(bare, "GET", "/metrics", ""); w.Code != 404 {
		t.Errorf("without metrics: %d", w.Code)
	}
}

func TestACheckWithoutNameOrProbeIsAnError(t *testing.T) {
	for _, c := range []Check{{Name: "x"}, {Probe: func(context.Context) error { return nil }}} {
		if err := (Config{Listen: "127.0.0.1:0", Checks: []Check{c}}).Validate(); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
}
