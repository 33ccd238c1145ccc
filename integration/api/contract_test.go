package api

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cordon/integration/httpx"
	"cordon/quarantine"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a file under testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// pretty indents JSON.
func pretty(t *testing.T, body []byte) string {
	t.Helper()
	var v json.RawMessage = body
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

func TestACaseShowsExactlyTheContractsFields(t *testing.T) {
	s := newServer(t, &desk{answer: fullCase()})
	golden(t, "case.json", pretty(t, call(s, "GET", "/api/v1/cases/c-1", "").Body.Bytes()))
}

func TestAnEmptyCaseHasEmptyListsAndNoNullOnes(t *testing.T) {
	s := newServer(t, &desk{answer: quarantine.Case{ID: "c-2", State: quarantine.Waiting, OpenedAt: now}})
	golden(t, "case_empty.json", pretty(t, call(s, "GET", "/api/v1/cases/c-2", "").Body.Bytes()))
}

func TestEveryStateIsInTheSchema(t *testing.T) {
	known := map[quarantine.CaseState]bool{}
	for _, edge := range quarantine.Transitions {
		known[edge.From], known[edge.To] = true, true
	}
	s := newServer(t, &desk{})
	for state := range known {
		if w := call(s, "GET", "/api/v1/cases?state="+string(state), ""); w.Code != 200 {
			t.Errorf("state %s: %d %s", state, w.Code, w.Body)
		}
	}
	if w := call(s, "GET", "/api/v1/cases?state=jailed", ""); w.Code != 422 {
		t.Errorf("a state that is none: %d", w.Code)
	}
}

// calls is every call of the API, with a request that succeeds and the scopes of
// which any is enough.
var calls = []struct {
	method, pattern, path, body string
	status                      int
	scopes                      []httpx.Scope
}{
	{"GET", "/verdicts/{id}", "/verdicts/v-1", "", 200, []httpx.Scope{httpx.ScopeRead}},
	{"POST", "/quarantines", "/quarantines", `{"subscriber":"alice","profile":"block-smtp","reason":"x"}`, 200,
		[]httpx.Scope{httpx.ScopeQuarantine}},
	{"GET", "/cases", "/cases", "", 200, []httpx.Scope{httpx.ScopeRead}},
	{"GET", "/cases/{id}", "/cases/c-1", "", 200, []httpx.Scope{httpx.ScopeRead}},
	{"POST", "/cases/{id}/release", "/cases/c-1/release", `{"reason":"x"}`, 200, []httpx.Scope{httpx.ScopeRelease}},
	{"POST", "/cases/{id}/extend", "/cases/c-1/extend", `{"reason":"x","for":"1h"}`, 200, []httpx.Scope{httpx.ScopeQuarantine}},
	{"POST", "/cases/{id}/approve", "/cases/c-1/approve", `{"reason":"x"}`, 200, []httpx.Scope{httpx.ScopeApprove}},
	{"POST", "/cases/{id}/reject", "/cases/c-1/reject", `{"reason":"x"}`, 200, []httpx.Scope{httpx.ScopeApprove}},
	{"POST", "/cases/{id}/notes", "/cases/c-1/notes", `{"reason":"x"}`, 200,
		[]httpx.Scope{httpx.ScopeQuarantine, httpx.ScopeRelease, httpx.ScopeApprove}},
	{"POST", "/cases/{id}/retry", "/cases/c-1/retry", ``, 200, []httpx.Scope{httpx.ScopeRelease, httpx.ScopeQuarantine}},
	{"POST", "/cases/{id}/give-up", "/cases/c-1/give-up", `{"reason":"x"}`, 200, []httpx.Scope{httpx.ScopeRelease}},
	{"GET", "/sessions", "/sessions?ip=192.0.2.1", "", 200, []httpx.Scope{httpx.ScopeRead}},
	{"GET", "/subscribers/{key}", "/subscribers/alice", "", 200, []httpx.Scope{httpx.ScopeRead}},
	{"GET", "/bngs", "/bngs", "", 200, []httpx.Scope{httpx.ScopeRead}},
	{"GET", "/bngs/discovered", "/bngs/discovered", "", 200, []httpx.Scope{httpx.ScopeRead}},
	{"POST", "/bngs/{name}/maintenance", "/bngs/bng1/maintenance", `{"for":"2h","reason":"x"}`, 200, []httpx.Scope{httpx.ScopeAdmin}},
	{"POST", "/bngs/{name}/maintenance/end", "/bngs/bng1/maintenance/end", `{"reason":"x"}`, 200, []httpx.Scope{httpx.ScopeAdmin}},
	{"GET", "/instances", "/instances", "", 200, []httpx.Scope{httpx.ScopeRead}},
	{"POST", "/instances/{name}/forget", "/instances/b/forget", `{"reason":"x"}`, 200, []httpx.Scope{httpx.ScopeAdmin}},
}

func TestEveryCallTakesItsScopesAndNoOthers(t *testing.T) {
	tokens := []httpx.Token{}
	for _, scope := range httpx.Scopes {
		tok, err := httpx.NewToken(string(scope), secret+string(scope), []httpx.Scope{scope}, "")
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, tok)
	}
	for _, c := range calls {
		for _, scope := range append(slices.Clone(httpx.Scopes), "no token", "wrong token") {
			t.Run(fmt.Sprintf("%s %s %s", c.method, c.pattern, scope), func(t *testing.T) {
				d := &desk{answer: fullCase(), sessions: []quarantine.Session{{Subscriber: "alice"}}}
				want, header := 403, "Bearer "+secret+string(scope)
				switch {
				case slices.Contains(c.scopes, scope):
					want = c.status
				case scope == "no token":
					want, header = 401, ""
				case scope == "wrong token":
					want = 401
				}
				if w := call(newServer(t, d, tokens...), c.method, "/api/v1"+c.path, c.body, "Authorization", header); w.Code != want {
					t.Errorf("%d %s, want %d", w.Code, w.Body, want)
				}
				if want != c.status && len(d.calls) > 0 {
					t.Errorf("the engine was asked all the same: %q", d.calls)
				}
			})
		}
	}
}

func TestTheOpenAPIDocumentListsEveryCallAndNoOther(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]struct {
			Security []map[string][]string
		}
	}
	if err := json.Unmarshal(call(newServer(t, &desk{}), "GET", "/api/v1/openapi.json", "").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	listed := map[string][]string{}
	for path, methods := range doc.Paths {
		if !strings.HasPrefix(path, "/api/v1/") || path == "/api/v1/openapi.json" {
			continue
		}
		for method, op := range methods {
			listed[strings.ToUpper(method)+" "+strings.TrimPrefix(path, "/api/v1")] = op.Security[0]["bearer"]
		}
	}
	want := map[string][]string{}
	for _, c := range calls {
		names := []string{}
		for _, scope := range c.scopes {
			names = append(names, string(scope))
		}
		want[c.method+" "+c.pattern] = slices.Sorted(slices.Values(names))
	}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Error(diff)
	}
}

func TestAnOutageIsA503OnEveryCallThatAsks(t *testing.T) {
	for _, c := range calls {
		if c.pattern == "/bngs" || c.pattern == "/bngs/discovered" {
			continue // configuration and what is known, asks nobody
		}
		d := &desk{err: fmt.Errorf("dial tcp 10.9.8.7:6379: connection refused")}
		w := call(newServer(t, d), c.method, "/api/v1"+c.path, c.body)
		if w.Code != 503 || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "10.9.8.7") {
			t.Errorf("%s %s: %d %s", c.method, c.pattern, w.Code, w.Body)
		}
	}
}

func TestADeferredDecisionIsA202(t *testing.T) {
	for _, c := range calls {
		if !strings.HasPrefix(c.pattern, "/cases/{id}/") {
			continue
		}
		d := &desk{err: fmt.Errorf("do: %w", quarantine.ErrDeferred)}
		w := call(newServer(t, d), c.method, "/api/v1"+c.path, c.body)
		var got map[string]string
		err := json.Unmarshal(w.Body.Bytes(), &got)
		want := map[string]string{"id": "c-1", "status": "deferred", "detail": quarantine.ErrDeferred.Error()}
		if w.Code != 202 || err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %d %s", c.pattern, w.Code, w.Body)
		}
	}
	w := call(newServer(t, &desk{err: quarantine.ErrDeferred, resolve: "alice"}), "POST", "/api/v1/quarantines",
		`{"subscriber":"alice","profile":"block-smtp","reason":"x"}`)
	if w.Code != 503 {
		t.Errorf("a restriction by hand whose outcome nobody knows: %d %s", w.Code, w.Body)
	}
}

func TestTheOpenAPIDocumentKnowsWhichDecisionsCanBeDeferred(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct {
					Schema struct {
						Ref string `json:"$ref"`
					}
				}
			}
		}
	}
	if err := json.Unmarshal(call(newServer(t, &desk{}), "GET", "/api/v1/openapi.json", "").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	for verb, deferrable := range map[string]bool{"release": true, "extend": true, "reject": true, "notes": true, "approve": false} {
		responses := doc.Paths["/api/v1/cases/{id}/"+verb]["post"].Responses
		ref := func(status, content string) string {
			i := strings.LastIndexByte(responses[status].Content[content].Schema.Ref, '/')
			return responses[status].Content[content].Schema.Ref[i+1:]
		}
		if ref("200", "application/json") != "Case" || (ref("202", "application/json") == "Deferred") != deferrable ||
			ref("default", "application/problem+json") != "Problem" {
			t.Errorf("%s: %+v", verb, responses)
		}
	}
}

func TestWhatDoesNotExistIsA404(t *testing.T) {
	for _, err := range []error{quarantine.ErrNoCase, quarantine.ErrNoVerdict, quarantine.ErrNoSession, quarantine.ErrUnknownAddress} {
		for _, c := range calls {
			if strings.HasPrefix(c.pattern, "/bngs") && c.method == "GET" {
				continue
			}
			if w := call(newServer(t, &desk{err: err}), c.method, "/api/v1"+c.path, c.body); w.Code != 404 {
				t.Errorf("%s %s, %v: %d", c.method, c.pattern, err, w.Code)
			}
		}
	}
}

func TestAnIDThatCannotBeOneIsNotLookedUp(t *testing.T) {
	for _, id := range []string{"a%2Fb", "a%0Ab", "..", "a%20b", strings.Repeat("x", 65), "%1b%5b31m", "é"} {
		for _, path := range []string{"/verdicts/", "/cases/"} {
			d := &desk{}
			if w := call(newServer(t, d), "GET", "/api/v1"+path+id, ""); w.Code < 300 || w.Code >= 500 || len(d.calls) > 0 {
				t.Errorf("%s%s: %d, asked %q", path, id, w.Code, d.calls)
			}
		}
	}
}

func TestAConfigWithoutPortsIsAnError(t *testing.T) {
	d := &desk{}
	for name, c := range map[string]Config{
		"no ports": {},
		"default":  {Cases: d, Sessions: d, Bindings: d, MACs: d, DefaultFor: MaxFor + 1},
		"history":  {Cases: d, Sessions: d, Bindings: d, MACs: d, History: -1},
	} {
		if _, err := New(d, c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestBNGsAreListedWithoutNulls(t *testing.T) {
	w := call(newServer(t, &desk{}), "GET", "/api/v1/bngs", "")
	want := `{"results":[{"name":"bng1","address":"192.0.2.1","dialect":"junos","profiles":["walled-garden"],"health":{"state":"unresponsive","path":"bng1","since":null,"unanswered":6,` +
		`"last_answer":null,"clock_skew_seconds":null,"clock_skew_discards":0,"in_flight":0,"waiting_releases":0,"waiting_restrictions":0,` +
		`"rate":10,"restriction_rate":10,"stopped_profiles":[],"last_fault":null},"accounting_clock":null,"accounting":null,"maintenance":null},` +
		`{"name":"bng2","address":"192.0.2.2","dialect":"mikrotik","profiles":[],"health":null,"accounting_clock":{"skew_seconds":-18000,"steady":true,"from":"192.0.2.2",` +
		`"relay":false,"seen_at":"2026-03-01T12:00:00Z","records_corrected":40,"records_uncertain":14},"accounting":null,"maintenance":null}],"next":null}`
	if got := strings.TrimSpace(w.Body.String()); got != want {
		t.Errorf("%s", got)
	}
}

func TestTheListOfCallsHasNoDoubles(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range calls {
		seen[c.method+c.pattern] = true
	}
	if len(seen) != len(calls) {
		t.Errorf("%v", slices.Collect(maps.Keys(seen)))
	}
}
