package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/integration/wire"
	"cordon/quarantine"
)

func TestABNGInMaintenanceSaysUntilWhenWhyAndByWhom(t *testing.T) {
	d := &desk{windows: []quarantine.Maintenance{
		{BNG: "bng2", Until: now.Add(time.Hour).In(time.FixedZone("CET", 3600)), Reason: "new software", By: "alice", At: now},
		{BNG: "bng1", Until: now, Reason: "over by now", By: "alice", At: now.Add(-time.Hour)},
		{BNG: "bng9", Until: now.Add(time.Hour), Reason: "of another instance's configuration", By: "alice", At: now},
	}}
	var page struct {
		Results []struct {
			Name        string
			Maintenance *wire.Maintenance
		}
	}
	w := call(newServer(t, d), "GET", "/api/v1/bngs", "")
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || len(page.Results) != 2 || page.Results[0].Maintenance != nil {
		t.Fatalf("%v %s", err, w.Body)
	}
	want := `"maintenance":{"until":"2026-03-01T13:00:00Z","reason":"new software","by":"alice","at":"2026-03-01T12:00:00Z"}}],"next":null}`
	if got := strings.TrimSpace(w.Body.String()); !strings.HasSuffix(got, want) {
		t.Errorf("got %s, want the end %s", got, want)
	}
}

func TestMaintenanceIsBegunAndEndedAsAsked(t *testing.T) {
	d := &desk{}
	s := newServer(t, d)
	w := call(s, "POST", "/api/v1/bngs/bng1/maintenance", `{"for":"1d12h","reason":" new software "}`, "X-Cordon-Author", "alice")
	begins := `{"name":"bng1","address":"192.0.2.1",`
	ends := `"maintenance":{"until":"2026-03-03T00:00:00Z","reason":"new software","by":"alice","at":"2026-03-01T12:00:00Z"}}`
	if got := strings.TrimSpace(w.Body.String()); w.Code != 200 || !strings.HasPrefix(got, begins) || !strings.HasSuffix(got, ends) {
		t.Errorf("%d %s", w.Code, got)
	}
	w = call(s, "POST", "/api/v1/bngs/bng1/maintenance/end", `{"reason":"done sooner"}`, "X-Cordon-Author", "bob")
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"maintenance":null`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if want := []string{`maintain bng1 by alice "new software" 36h0m0s`, `end maintenance bng1 by bob "done sooner"`}; !slices.Equal(d.calls,
		want) {
		t.Errorf("the engine was asked %q", d.calls)
	}
}

func TestACommandAboutMaintenanceThatIsWrongIsNotGiven(t *testing.T) {
	for _, c := range []struct {
		path, body string
		status     int
		tells      string
	}{
		{"bng9/maintenance", `{"for":"2h","reason":"x"}`, 404, `unknown BNG \"bng9\"`},
		{"bng9/maintenance/end", `{"reason":"x"}`, 404, `unknown BNG \"bng9\"`},
		{"bng%2F1/maintenance", `{"for":"2h","reason":"x"}`, 404, "unknown BNG"},
		{"bng1/maintenance", `{"for":"2h"}`, 422, "body.reason"},
		{"bng1/maintenance", `{"for":"2h","reason":"  "}`, 422, "body.reason"},
		{"bng1/maintenance", `{"for":"2h","reason":"a\u0007b"}`, 422, "body.reason"},
		{"bng1/maintenance", `{"reason":"x"}`, 422, "body.for"},
		{"bng1/maintenance", `{"for":"soon","reason":"x"}`, 422, "body.for"},
		{"bng1/maintenance", `{"for":7200,"reason":"x"}`, 422, "body.for"},
		{"bng1/maintenance", `{"for":"2h","reason":"x","until":"2026"}`, 422, "until"},
		{"bng1/maintenance/end", `{}`, 422, "body.reason"},
	} {
		d := &desk{}
		w := call(newServer(t, d), "POST", "/api/v1/bngs/"+c.path, c.body)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.tells) || len(d.calls) > 0 {
			t.Errorf("%s %s: %d %s, the engine was asked %q", c.path, c.body, w.Code, w.Body, d.calls)
		}
	}
}

func TestARefusalOfMaintenanceIsReturned(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		tells  string
	}{
		{&quarantine.FieldError{Field: "for", Reason: "must be above 0 and at most 168h"}, 422, "body.for: must be above 0 and at most 168h"},
		{&quarantine.CommandError{Reason: "bng1 is not in maintenance"}, 409, "bng1 is not in maintenance"},
		{fmt.Errorf("do: %w", quarantine.ErrDeferred), 202, quarantine.ErrDeferred.Error()},
	} {
		for _, path := range []string{"/maintenance", "/maintenance/end"} {
			body := `{"for":"2h","reason":"x"}`
			if path == "/maintenance/end" {
				body = `{"reason":"x"}`
			}
			w := call(newServer(t, &desk{err: c.err}), "POST", "/api/v1/bngs/bng1"+path, body)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.tells) {
				t.Errorf("%v: %d %s", c.err, w.Code, w.Body)
			}
			var deferred wire.Deferred
			if c.status == 202 && (json.Unmarshal(w.Body.Bytes(), &deferred) != nil || deferred.ID != "bng1" || deferred.Status != "deferred") {
				t.Errorf("put off: %s", w.Body)
			}
		}
	}
}
