package httpx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
)

func TestEveryDomainErrorHasItsStatus(t *testing.T) {
	holder := quarantine.Holder{Subscriber: "alice", BNG: "bng1", SessionID: "42", Address: netip.MustParsePrefix("192.0.2.1/32")}
	for _, c := range []struct {
		err    error
		status int
		detail string
	}{
		{&quarantine.FieldError{Field: "word", Reason: "is rude"}, 422, "body.word: is rude"},
		{&quarantine.CommandError{Reason: "case is closed"}, 409, "case is closed"},
		{&quarantine.LimitError{Scope: quarantine.LimitScope{Label: "20 lines per hour"}}, 409, "limit reached: 20 lines per hour"},
		{&quarantine.AmbiguousError{Candidates: []quarantine.Holder{holder}}, 409, "more than one subscriber"},
		{&quarantine.AmbiguousError{Candidates: []quarantine.Holder{holder}, Reason: "no later record confirms the holder yet"}, 409,
			"confirms the holder yet; name the subscriber"},
		{&quarantine.IncompleteError{Missing: "waits for b"}, 409, "not certain (waits for b)"},
		{&quarantine.SharedNameError{Subscriber: "guest", Lines: 6, Max: 4}, 409, "guest has 6 lines"},
		{quarantine.ErrNoCase, 404, "no such case"},
		{quarantine.ErrNoVerdict, 404, "no such verdict"},
		{quarantine.ErrNoSession, 404, "no such session"},
		{quarantine.ErrUnknownAddress, 404, "no session is known"},
		{quarantine.ErrConflict, 409, "read it again"},
		{quarantine.ErrNotSender, 503, "is unavailable"},
		{errors.New("dial tcp 10.1.2.3:6379: refused"), 503, "is unavailable"},
		{NewProblem(http.StatusTeapot, "no coffee"), 418, "no coffee"},
	} {
		t.Run(fmt.Sprint(c.status, " ", c.detail), func(t *testing.T) {
			s, _ := newServer(t, Config{}, func(context.Context, string) (string, error) { return "", fmt.Errorf("do: %w", c.err) })
			w := call(s, "POST", "/api/v1/echo", `{"word":"x"}`)
			p := problemIn(t, w)
			if w.Code != c.status || !strings.Contains(p.Detail, c.detail) {
				t.Errorf("%d %q, want %d %q", w.Code, p.Detail, c.status, c.detail)
			}
			if (w.Header().Get("Retry-After") != "") != (c.status == 503) {
				t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
			}
		})
	}
}

func TestAnAmbiguousTargetNamesItsCandidates(t *testing.T) {
	s, _ := newServer(t, Config{}, func(context.Context, string) (string, error) {
		return "", &quarantine.AmbiguousError{Candidates: []quarantine.Holder{{Subscriber: "alice"}, {Subscriber: "bob"}}}
	})
	p := problemIn(t, call(s, "POST", "/api/v1/echo", `{"word":"x"}`))
	if len(p.Candidates) != 2 || p.Candidates[1].Subscriber != "bob" {
		t.Errorf("candidates %+v", p.Candidates)
	}
}

func TestTheTextOfAnInternalErrorReachesTheLogAndNotTheClient(t *testing.T) {
	s, logs := newServer(t, Config{}, func(context.Context, string) (string, error) {
		return "", errors.New("redis at 10.1.2.3 says WRONGPASS hunter2")
	})
	w := call(s, "POST", "/api/v1/echo", `{"word":"x"}`)
	if strings.Contains(w.Body.String(), "hunter2") || strings.Contains(w.Body.String(), "10.1.2.3") {
		t.Errorf("leaked: %s", w.Body)
	}
	failed := logs.FilterMessage("request failed").All()
	if len(failed) != 1 || failed[0].ContextMap()["request_id"] != problemIn(t, w).RequestID {
		t.Errorf("log %+v", failed)
	}
}

func TestAnInvalidBodyIsReportedByField(t *testing.T) {
	for _, c := range []struct {
		name, body, contentType, location string
		status                            int
	}{
		{"missing field", `{}`, "application/json", "body.word", 422},
		{"wrong type", `{"word":1}`, "application/json", "body.word", 422},
		{"null", `{"word":null}`, "application/json", "body.word", 422},
		{"unknown field", `{"word":"x","colour":"red"}`, "application/json", "body.colour", 422},
		{"other case", `{"Word":"x"}`, "application/json", "body", 422},
		{"key twice", `{"word":"x","word":"y"}`, "application/json", "body", 400},
		{"malformed", `{"word":`, "application/json", "body", 400},
		{"trailing", `{"word":"x"} 1`, "application/json", "body", 400},
		{"not UTF-8", "{\"word\":\"\xff\"}", "application/json", "body", 400},
		{"form", `word=x`, "application/x-www-form-urlencoded", "body", 415},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := newServer(t, Config{}, same)
			w := call(s, "POST", "/api/v1/echo", c.body, "Content-Type", c.contentType)
			p := problemIn(t, w)
			if w.Code != c.status {
				t.Errorf("status %d, want %d: %s", w.Code, c.status, w.Body)
			}
			found := false
			for _, f := range p.Errors {
				found = found || strings.HasPrefix(f.Location, c.location)
			}
			if !found {
				t.Errorf("no error names %s: %+v", c.location, p.Errors)
			}
		})
	}
}

func TestAWrongBodyIsNotEchoedBack(t *testing.T) {
	s, _ := newServer(t, Config{}, same)
	if w := call(s, "POST", "/api/v1/echo", `{"word": swordfish}`); strings.Contains(w.Body.String(), "swordfish}") {
		t.Errorf("echoed: %s", w.Body)
	}
}

func TestUnknownQueryParametersAreRefused(t *testing.T) {
	s, _ := newServer(t, Config{}, same)
	w := call(s, "POST", "/api/v1/echo?dryrun=true", `{"word":"x"}`)
	if p := problemIn(t, w); w.Code != 422 || !strings.Contains(p.Detail, "query.dryrun") {
		t.Errorf("%d %s: a misspelt dry_run must not act", w.Code, p.Detail)
	}
}

func TestRetryAfterIsRoundedUp(t *testing.T) {
	if got := NewProblem(429, "x").RetryIn(1200 * time.Millisecond).GetHeaders().Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After %s, want 2", got)
	}
}
