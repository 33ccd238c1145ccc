package intake

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

// now is the clock of every test.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// ledger is an acceptor that remembers, or fails.
type ledger struct {
	got  []quarantine.Verdict
	seen map[string]bool
	full map[string]bool // sources whose share of the queue is full
	err  error
}

func (l *ledger) Accept(_ context.Context, verdicts []quarantine.Verdict) ([]quarantine.Acceptance, error) {
	if l.err != nil {
		return nil, l.err
	}
	answers := make([]quarantine.Acceptance, 0, len(verdicts))
	for _, v := range verdicts {
		v.Identify() // as the engine does
		if l.full[v.Source] {
			answers = append(answers, quarantine.Acceptance{ID: v.ID, Throttled: "full", RetryAfter: time.Minute})
			continue
		}
		answers = append(answers, quarantine.Acceptance{ID: v.ID, Duplicate: l.seen[v.ID]})
		if l.seen == nil {
			l.seen = map[string]bool{}
		}
		l.seen[v.ID] = true
		l.got = append(l.got, v)
	}
	return answers, nil
}

const secret = "0123456789abcdef0123456789abcdef"

func token(t *testing.T, name, source string, scopes ...httpx.Scope) httpx.Token {
	t.Helper()
	tok, err := httpx.NewToken(name, secret+name, scopes, source)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// newServer serves an intake before l.
func newServer(t *testing.T, l *ledger, c Config, tokens ...httpx.Token) *httpx.Server {
	t.Helper()
	if c.Default.MaxAge == 0 {
		c.Default.MaxAge = 168 * time.Hour
	}
	if c.Now == nil {
		c.Now = func() time.Time { return now }
	}
	in, err := New(l, c)
	if err != nil {
		t.Fatal(err)
	}
	s, err := httpx.New(httpx.Config{Listen: "127.0.0.1:0", Tokens: tokens})
	if err != nil {
		t.Fatal(err)
	}
	in.Mount(s)
	return s
}

// post hands in a body. Headers come in pairs.
func post(s *httpx.Server, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "http://localhost/api/v1/verdicts", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func resultsIn(t *testing.T, w *httptest.ResponseRecorder) []wire.Receipt {
	t.Helper()
	if w.Code != 202 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	var a wire.Receipts
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		t.Fatal(err)
	}
	return a.Results
}

// with returns a good verdict with one field set to raw JSON, or removed if raw
// is empty.
func with(field, raw string) string {
	v := map[string]json.RawMessage{
		"source": json.RawMessage(`"s1"`), "observed_at": json.RawMessage(`"2026-03-01T11:59:00Z"`),
		"ip": json.RawMessage(`"192.0.2.1"`), "category": json.RawMessage(`"botnet"`),
	}
	if raw == "" {
		delete(v, field)
	} else if field != "" {
		v[field] = json.RawMessage(raw)
	}
	parts := make([]string, 0, len(v))
	for name, value := range v {
		parts = append(parts, `"`+name+`":`+string(value))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

var good = with("", "")

// What becomes of verdicts, for tables.
const (
	accepted  = wire.VerdictAccepted
	duplicate = wire.VerdictDuplicate
	rejected  = wire.VerdictRejected
	throttled = wire.VerdictThrottled
)
