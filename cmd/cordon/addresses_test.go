package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cordon/integration/wire"
)

// node is one instance behind a stub: what it answers to decisions.
func node(t *testing.T, status int, answer any) (addr string, asked func() []string) {
	t.Helper()
	var calls []string
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		calls = append(calls, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
		reply(w, status, answer)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, func() []string { return calls }
}

// runAt carries out a command line with that CORDON_ADDR.
func runAt(addr string, args ...string) (code int, out, words string) {
	var stdout, stderr bytes.Buffer
	env := map[string]string{"CORDON_ADDR": addr, "CORDON_TOKEN": "good-token", "USER": "alice"}
	sh := &shell{in: strings.NewReader(""), out: &stdout, err: &stderr, getenv: func(name string) string { return env[name] }, now: time.Now}
	code = run(context.Background(), sh, args)
	return code, stdout.String(), stderr.String()
}

// gone is an address where nobody listens.
func gone(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	return server.URL
}

var releaseX = []string{"quarantine", "release", "c-1", "--reason", "x"}

func TestAReleaseGoesOnToTheInstanceThatCanActOnIt(t *testing.T) {
	unknown := wire.Deferred{ID: "c-1", Status: "deferred", Detail: "nothing is sent from here", UnknownHere: true}
	known := wire.Deferred{ID: "c-1", Status: "deferred", Detail: "it will be applied"}
	done, _ := stubCase("c-1")
	a, _ := node(t, 202, unknown)
	b, askedB := node(t, 202, known)
	c, askedC := node(t, 200, done)
	unavailable, _ := node(t, 503, wire.Problem{Status: 503, Detail: "Redis or the journal is unavailable"})
	for name, addr := range map[string]string{
		"the first knows nothing":   a + "," + b + "," + c,
		"one is not there":          gone(t) + ", " + a + "," + b,
		"one cannot write its disk": unavailable + "," + b,
	} {
		if code, _, words := runAt(addr, releaseX...); code != exitDone || strings.Contains(words, "nothing is sent") {
			t.Errorf("%s: code %d, %s", name, code, words)
		}
	}
	if want := "POST /api/v1/cases/c-1/release Bearer good-token"; len(askedB()) != 3 || askedB()[0] != want || len(askedC()) != 0 {
		t.Errorf("b was asked %q, c %q", askedB(), askedC())
	}
	if code, out, _ := runAt(a+","+c, releaseX...); code != exitDone || !strings.Contains(out, "c-1") {
		t.Errorf("with one that has Redis: code %d, %s", code, out)
	}
}

func TestAReleaseThatNoAddressCanActOnIsPartlyDoneAndNamesTheRest(t *testing.T) {
	answer := &wire.Deferred{ID: "c-1", Status: "deferred", Detail: "nothing is sent from here", UnknownHere: true}
	a, _ := node(t, 202, answer)
	b, askedB := node(t, 202, answer)
	answer.Instances = []wire.OtherInstance{
		{Name: "second", Address: strings.TrimPrefix(b, "http://"), Command: "ask the second"},
		{Name: "third", Address: "192.0.2.3:8480", Command: "ask the third"},
	}
	code, _, words := runAt(a+","+b, releaseX...)
	if code != exitPartly || !strings.Contains(words, "send it to third (192.0.2.3:8480): ask the third") ||
		strings.Contains(words, "ask the second") || len(askedB()) != 1 {
		t.Errorf("code %d, %s; b was asked %q", code, words, askedB())
	}
}

// A refusal is an answer: nobody else is asked for a kinder one.
func TestARefusalIsNotTakenToAnotherInstance(t *testing.T) {
	a, _ := node(t, 409, wire.Problem{Status: 409, Detail: "case c-1 is closed"})
	b, asked := node(t, 202, wire.Deferred{ID: "c-1", Status: "deferred"})
	if code, _, words := runAt(a+","+b, releaseX...); code != exitFailed || len(asked()) != 0 {
		t.Errorf("code %d, %s; b was asked %q", code, words, asked())
	}
}

// What may have been done is not done twice; what only reads is read elsewhere.
func TestOnlyWhatReadsOrWasNotSentIsAskedElsewhere(t *testing.T) {
	unavailable, _ := node(t, 503, wire.Problem{Status: 503, Detail: "Redis or the journal is unavailable"})
	c, _ := stubCase("c-1")
	b, asked := node(t, 200, c)
	if code, _, words := runAt(unavailable+","+b, "quarantine", "show", "c-1"); code != exitDone || len(asked()) != 1 {
		t.Errorf("show: code %d, %s", code, words)
	}
	add := []string{"quarantine", "add", "--subscriber", "alice", "--profile", "walled-garden", "--reason", "x"}
	if code, _, _ := runAt(unavailable+","+b, add...); code != exitUnreachable || len(asked()) != 1 {
		t.Errorf("add after a 503: code %d, b was asked %q", code, asked())
	}
	if code, _, words := runAt(gone(t)+","+b, add...); code != exitDone || len(asked()) != 2 {
		t.Errorf("add where nobody listens: code %d, %s, b was asked %q", code, words, asked())
	}
}

func TestEveryAddressIsChecked(t *testing.T) {
	if code, _, words := runAt("127.0.0.1:1,ftp://x", "quarantine", "show", "c-1"); code != exitUsage || !strings.Contains(words, "ftp://x") {
		t.Errorf("code %d, %s", code, words)
	}
}
