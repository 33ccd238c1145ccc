package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cordon/integration/wire"
	"cordon/quarantine"
)

func TestRetryAndGiveUpCarryWhatThePersonSaid(t *testing.T) {
	for _, c := range []struct {
		path, body string
		status     int
		want       string // the call
	}{
		{"/cases/c-1/retry", ``, 200, `retry c-1 by alice ""`},
		{"/cases/c-1/retry", `{"reason":"card swapped"}`, 200, `retry c-1 by alice "card swapped"`},
		{"/cases/c-1/retry?wait=2m", ``, 422, ""},
		{"/cases/c-1/give-up", `{"reason":"dead"}`, 200, `give up c-1 by alice "dead" session /`},
		{"/cases/c-1/give-up", `{"reason":"dead","session":"bng1/a/b"}`, 200, `give up c-1 by alice "dead" session bng1/a/b`},
		{"/cases/c-1/give-up", `{"reason":"dead","session":"bng1"}`, 422, ""},
		{"/cases/c-1/give-up", `{"reason":"  "}`, 422, ""},
		{"/cases/c-1/give-up", `{}`, 422, ""},
	} {
		d := &desk{answer: quarantine.Case{ID: "c-1", State: quarantine.Closed, OpenedAt: now}}
		w := call(newServer(t, d), "POST", "/api/v1"+c.path, c.body, "X-Cordon-Author", "alice")
		if w.Code != c.status || c.want != "" && !slices.Contains(d.calls, c.want) || c.want == "" && len(d.calls) > 0 {
			t.Errorf("%s %s: %d, calls %q", c.path, c.body, w.Code, d.calls)
		}
	}
}

func TestARetryWaitsForTheOutcomeIfAsked(t *testing.T) {
	d := &desk{answer: quarantine.Case{ID: "c-1", State: quarantine.Releasing, OpenedAt: now},
		settled: quarantine.Case{ID: "c-1", State: quarantine.Closed, OpenedAt: now}}
	if w := call(newServer(t, d), "POST", "/api/v1/cases/c-1/retry?wait=10s", ""); w.Code != 200 ||
		!strings.Contains(w.Body.String(), `"closed"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// Behind a balancer every second decision reaches an instance that cannot do
// anything about it while Redis is away.
func TestADecisionOfWhichTheJournalKnowsNothingSaysWhereToGiveItAsWell(t *testing.T) {
	d := &desk{err: fmt.Errorf("do: %w", &quarantine.DeferredError{Instances: []quarantine.Instance{
		{ID: "id-b", Name: "cordon-b", HTTP: "192.0.2.2:8480"}, {ID: "id-c", HTTP: "$(reboot):1"},
	}})}
	for _, c := range []struct{ path, body, command string }{
		{"release", `{"reason":"it's clean","code":"cleaned"}`,
			`cordon quarantine release c-1 --addr http://192.0.2.2:8480 --code 'cleaned' --reason 'it'\''s clean'`},
		{"reject", `{"reason":"x"}`, `cordon quarantine reject c-1 --addr http://192.0.2.2:8480 --reason 'x'`},
		{"extend", `{"reason":"x","for":"2h"}`, `cordon quarantine extend c-1 --addr http://192.0.2.2:8480 --for '2h' --reason 'x'`},
		{"retry", ``, `cordon quarantine retry c-1 --addr http://192.0.2.2:8480`},
		{"give-up", `{"reason":"x","session":"bng1/s 1"}`,
			`cordon quarantine give-up c-1 --addr http://192.0.2.2:8480 --session 'bng1/s 1' --reason 'x'`},
	} {
		w := call(newServer(t, d), "POST", "/api/v1/cases/c-1/"+c.path, c.body)
		var got wire.Deferred
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 202 || !got.UnknownHere || len(got.Instances) != 2 {
			t.Fatalf("%s: %d %s", c.path, w.Code, w.Body)
		}
		if b := got.Instances[0]; b.Name != "cordon-b" || b.Address != "192.0.2.2:8480" || b.Command != c.command {
			t.Errorf("%s names %+v, want %s", c.path, b, c.command)
		}
		if other := got.Instances[1]; other.Name != "id-c" || other.Address != "" || strings.Contains(other.Command, "reboot") {
			t.Errorf("%s names %+v", c.path, other)
		}
		if !strings.Contains(got.Detail, "nothing is sent from here") {
			t.Errorf("%s says %q", c.path, got.Detail)
		}
	}
}
