package linecheck

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// program writes a shell script and returns its path.
func program(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "check")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func look(t *testing.T, c Config) (string, error) {
	t.Helper()
	check, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return check.Ask(t.Context(), []byte(`{"bng":"bng1"}`))
}

func TestTheFirstWordOfAnAnswerCounts(t *testing.T) {
	t.Setenv("CORDON_SECRET", "hidden")
	asked := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = r.Header.Get("Content-Type") + " " + string(body)
		_, _ = fmt.Fprint(w, "normal\n")
	}))
	defer server.Close()
	defer client.CloseIdleConnections()
	for name, c := range map[string]struct {
		config Config
		word   string
		fault  string
	}{
		"a program":                        {Config{Exec: []string{program(t, "echo restricted since noon")}}, "restricted", ""},
		"it gets the query":                {Config{Exec: []string{program(t, `grep -q '"bng":"bng1"' && echo normal`)}}, "normal", ""},
		"and its arguments, without shell": {Config{Exec: []string{program(t, `[ "$1" = '$(id)' ] && echo normal`), "$(id)"}}, "normal", ""},
		"and nothing of our environment":   {Config{Exec: []string{program(t, `echo "${CORDON_SECRET:-none}"`)}}, "none", ""},
		"a web service":                    {Config{HTTP: server.URL}, "normal", ""},
		"a program that fails":             {Config{Exec: []string{program(t, "echo restricted; exit 3")}}, "", "exit status 3"},
		"a program that says nothing":      {Config{Exec: []string{program(t, "true")}}, "", "empty answer"},
		"a program that never ends": {Config{Exec: []string{program(t, "sleep 60 & sleep 60")}, Timeout: 200 * time.Millisecond}, "",
			"no answer within"},
		"a program that never stops": {Config{Exec: []string{program(t, "head -c 100000 /dev/zero")}}, "", "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			word, err := look(t, c.config)
			if word != c.word || (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%.40q, %v; want %q, %s", word, err, c.word, c.fault)
			}
		})
	}
	if want := `application/json {"bng":"bng1"}`; asked != want {
		t.Errorf("the web service was asked %q, want %q", asked, want)
	}
}

func TestAWebServiceThatDoesNotAnswerFindsNothingOut(t *testing.T) {
	for name, handle := range map[string]http.HandlerFunc{
		"an error":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"a flood":    func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2*maxAnswer)) },
		"silence":    func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handle)
			defer server.Close()
			defer client.CloseIdleConnections()
			if word, err := look(t, Config{HTTP: server.URL, Timeout: 300 * time.Millisecond}); err == nil {
				t.Errorf("answered %q", word)
			}
		})
	}
}

func TestOnlySoManyAreAskedAtOnce(t *testing.T) {
	let := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-let
	}))
	defer server.Close()
	defer client.CloseIdleConnections()
	check, err := New(Config{HTTP: server.URL, AtOnce: 1, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _, _ = check.Ask(context.Background(), nil) }()
	for len(check.places) == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := check.Ask(ctx, nil); err == nil || !strings.Contains(err.Error(), "are running") {
		t.Errorf("a second query: %v", err)
	}
	close(let)
	<-done
}

func TestWhatCannotBeAskedIsRefused(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []Config{
		{}, {Exec: []string{"/bin/true"}, HTTP: "http://x/"}, {Exec: []string{"true"}}, {Exec: []string{"/nowhere/check"}},
		{Exec: []string{plain}}, {HTTP: "ftp://x/"}, {HTTP: "http://"}, {HTTP: "http://x/", Timeout: time.Hour}, {HTTP: "http://x/", AtOnce: -1},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}
