package intake

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/integration/httpx"
	"cordon/quarantine"
)

func TestAGoodVerdictIsAcceptedWhole(t *testing.T) {
	l := &ledger{}
	w := post(newServer(t, l, Config{}), `{"source":"s1","source_id":"a-1","observed_at":"2026-03-01T12:59:00+01:00",
		"ip":"192.0.2.1","port":4711,"protocol":"tcp","category":"botnet","confidence":0.75,"severity":"high","evidence":{"sid": 2000,"list":[1, 2]}}`)
	results := resultsIn(t, w)
	if len(results) != 1 || results[0].Status != accepted || results[0].ID == "" || results[0].Error != "" {
		t.Fatalf("%+v", results)
	}
	confidence := 0.75
	want := quarantine.Verdict{
		ID: results[0].ID, Source: "s1", SourceID: "a-1", ObservedAt: now.Add(-time.Minute),
		IP: netip.MustParseAddr("192.0.2.1"), Port: 4711, Protocol: "tcp", Category: "botnet", Confidence: &confidence,
		Severity: "high", Evidence: json.RawMessage(`{"sid":2000,"list":[1,2]}`),
	}
	if diff := cmp.Diff(want, l.got[0], cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestTheAnswerHasExactlyTheContractsFields(t *testing.T) {
	w := post(newServer(t, &ledger{}, Config{}), "["+good+","+good+","+with("ip", `"127.0.0.1"`)+"]")
	var answer struct{ Results []map[string]any }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 202 {
		t.Fatal(w.Code, err)
	}
	for i, want := range []map[string]any{
		{"id": answer.Results[0]["id"], "status": "accepted"},
		{"id": answer.Results[0]["id"], "status": "duplicate"},
		{"id": "", "status": "rejected", "error": "ip: is a loopback address"},
	} {
		if diff := cmp.Diff(want, answer.Results[i]); diff != "" {
			t.Error(i, diff)
		}
	}
}

// badFields is every way in which a field can be wrong, and what names it.
var badFields = []struct{ field, raw, location string }{
	{"source", "", "source"}, {"source", `""`, "source"}, {"source", "1", "source"}, {"source", "null", "source"},
	{"source", `"` + strings.Repeat("s", 129) + `"`, "source"}, {"source", `"a\u0007b"`, "source"}, {"source", `"a\nb"`, "source"},
	{"source_id", "[]", "source_id"}, {"source_id", `"` + strings.Repeat("s", 129) + `"`, "source_id"},
	{"category", "", "category"}, {"category", "{}", "category"},
	{"observed_at", "", "observed_at"}, {"observed_at", `"2026-03-01T11:59:00"`, "observed_at"},
	{"observed_at", `"2026-03-01 11:59:00Z"`, "observed_at"}, {"observed_at", `"yesterday"`, "observed_at"},
	{"observed_at", "1772366340", "observed_at"}, {"observed_at", "null", "observed_at"},
	{"observed_at", `"2026-03-01T12:00:06Z"`, "observed_at"}, {"observed_at", `"2026-02-22T11:59:59Z"`, "observed_at"},
	{"ip", "", "ip"}, {"ip", `"0.0.0.0"`, "ip"}, {"ip", `"::"`, "ip"}, {"ip", `"127.0.0.1"`, "ip"}, {"ip", `"::1"`, "ip"},
	{"ip", `"::ffff:127.0.0.1"`, "ip"}, {"ip", `"224.0.0.1"`, "ip"}, {"ip", `"ff02::1"`, "ip"}, {"ip", `"169.254.1.1"`, "ip"},
	{"ip", `"fe80::1"`, "ip"}, {"ip", `"fe80::1%eth0"`, "ip"}, {"ip", `"2001:db8::1%eth0"`, "ip"}, {"ip", `"255.255.255.255"`, "ip"},
	{"ip", `"192.0.2.1/32"`, "ip"}, {"ip", `"192.0.2.256"`, "ip"}, {"ip", `"192.0.2.01"`, "ip"}, {"ip", `"host.example"`, "ip"},
	{"ip", "3221225985", "ip"}, {"ip", `""`, "ip"}, {"ip", "null", "ip"},
	{"subscriber", `"alice"`, "ip"}, {"subscriber", `""`, "subscriber"}, {"subscriber", "7", "subscriber"},
	{"port", "0", "port"}, {"port", "65536", "port"}, {"port", "-1", "port"}, {"port", "1.5", "port"}, {"port", `"80"`, "port"},
	{"port", "8e1", "port"},
	{"protocol", "6", "protocol"},
	{"confidence", "1.01", "confidence"}, {"confidence", "-0.1", "confidence"}, {"confidence", `"0.9"`, "confidence"},
	{"confidence", "1e999", "confidence"},
	{"severity", "true", "severity"}, {"severity", "[]", "severity"},
	{"evidence", `"` + strings.Repeat("e", 8191) + `"`, "evidence"},
	{"observedAt", `"2026-03-01T11:59:00Z"`, "observedAt"}, {"Source", `"x"`, "Source"}, {"id", `"v-1"`, "id"},
	{"received_at", `"x"`, "received_at"},
}

func TestABadFieldIsNamed(t *testing.T) {
	for _, c := range badFields {
		t.Run(fmt.Sprintf("%s %.30s", c.field, c.raw), func(t *testing.T) {
			l := &ledger{}
			s := newServer(t, l, Config{})
			body := with(c.field, c.raw)
			w := post(s, body)
			var p httpx.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 422 || len(p.Errors) != 1 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if p.Errors[0].Location != "body."+c.location || p.Errors[0].Message == "" {
				t.Errorf("named %+v, want body.%s", p.Errors[0], c.location)
			}
			results := resultsIn(t, post(s, "["+body+","+good+"]"))
			if results[0].Status != rejected || !strings.HasPrefix(results[0].Error, c.location+": ") || results[0].ID != "" {
				t.Errorf("in an array: %+v", results[0])
			}
			if results[1].Status != accepted || len(l.got) != 1 {
				t.Errorf("its neighbour: %+v, %d accepted", results[1], len(l.got))
			}
		})
	}
}

func TestWhatIsAtTheEdgeOfValidIsAccepted(t *testing.T) {
	for _, c := range []struct{ field, raw string }{
		{"observed_at", `"2026-03-01T12:00:05Z"`}, {"observed_at", `"2026-02-22T12:00:00Z"`},
		{"observed_at", `"2026-03-01T11:59:00.123456-02:00"`},
		{"confidence", "0"}, {"confidence", "1"}, {"port", "1"}, {"port", "65535"}, {"severity", "7"}, {"severity", "-1.5"},
		{"severity", `"low"`},
		{"evidence", "null"}, {"evidence", `"x"`}, {"evidence", "[[[[1]]]]"}, {"evidence", `"` + strings.Repeat("e", 8190) + `"`},
		{"ip", `"2001:db8::1"`}, {"category", `"something new"`}, {"source", `"Prüfstelle 7"`},
	} {
		if c.field == "observed_at" && strings.Contains(c.raw, "-02:00") {
			c.raw = `"2026-03-01T09:59:00.123456-02:00"`
		}
		w := post(newServer(t, &ledger{}, Config{}), with(c.field, c.raw))
		if w.Code != 202 {
			t.Errorf("%s %.40s: %d %s", c.field, c.raw, w.Code, w.Body)
		}
	}
}

func TestAnIPv4MappedAddressIsTheIPv4Address(t *testing.T) {
	l := &ledger{}
	s := newServer(t, l, Config{})
	first := resultsIn(t, post(s, with("ip", `"::ffff:192.0.2.1"`)))
	if l.got[0].IP != netip.MustParseAddr("192.0.2.1") {
		t.Errorf("address %s", l.got[0].IP)
	}
	if again := resultsIn(t, post(s, good)); again[0].Status != duplicate || again[0].ID != first[0].ID {
		t.Errorf("the same in IPv4: %+v", again)
	}
}

func TestASubscriberMayStandForAnAddress(t *testing.T) {
	l := &ledger{}
	body := strings.Replace(good, `"ip":"192.0.2.1"`, `"subscriber":"alice@isp"`, 1)
	if resultsIn(t, post(newServer(t, l, Config{}), body)); l.got[0].Subscriber != "alice@isp" || l.got[0].IP.IsValid() {
		t.Errorf("%+v", l.got[0])
	}
}

func TestBodiesAreReadByTheirShape(t *testing.T) {
	for _, c := range []struct {
		name, contentType, body string
		status                  int
		want                    []string
	}{
		{"one", "application/json", good, 202, []string{accepted}},
		{"one over several lines", "application/json", strings.ReplaceAll(good, ",", ",\n"), 202, []string{accepted}},
		{"one without a type", "", good, 202, []string{accepted}},
		{"array", "application/json", "[" + good + "]", 202, []string{accepted}},
		{"empty array", "application/json", "[]", 202, []string{}},
		{"array of other things", "application/json", `[1,null,"x",[],` + good + `]`, 202,
			[]string{rejected, rejected, rejected, rejected, accepted}},
		{"all rejected", "application/json", `[{},{}]`, 202, []string{rejected, rejected}},
		{"lines by type", "application/x-ndjson; charset=utf-8", good + "\n", 202, []string{accepted}},
		{"bad line by type", "application/x-ndjson", "{}\n", 202, []string{rejected}},
		{"lines by shape", "application/json", good + "\r\n\n" + good + "\n", 202, []string{accepted, duplicate}},
		{"one bad line", "application/x-ndjson", good + "\n{\"source\":\n" + good, 202, []string{accepted, rejected, duplicate}},
		{"key twice in one", "application/json", `[{"source":"a","source":"b"},` + good + `]`, 202, []string{rejected, accepted}},
		{"empty", "application/json", "", 400, nil},
		{"white space", "application/json", " \n", 400, nil},
		{"malformed", "application/json", "{", 400, nil},
		{"malformed array", "application/json", "[" + good, 400, nil},
		{"no line readable", "application/x-ndjson", "hello\nworld", 400, nil},
		{"text", "application/json", "hello", 400, nil},
		{"two on a line", "application/json", good + good, 400, nil},
		{"a bare number", "application/json", "1", 422, nil},
		{"null", "application/json", "null", 422, nil},
		{"single with key twice", "application/json", `{"source":"a","source":"b"}`, 422, nil},
		{"single too deep", "application/json", with("evidence", strings.Repeat("[", 16)+strings.Repeat("]", 16)), 422, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := post(newServer(t, &ledger{}, Config{}), c.body, "Content-Type", c.contentType)
			if w.Code != c.status {
				t.Fatalf("%d %s, want %d", w.Code, w.Body, c.status)
			}
			if c.status != 202 {
				return
			}
			got := []string{}
			for _, r := range resultsIn(t, w) {
				got = append(got, r.Status)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestMoreThanAThousandOrAMebibyteIsTooLarge(t *testing.T) {
	small := `{"a":1}`
	for _, c := range []struct {
		name, body, contentType string
		status                  int
	}{
		{"1000", "[" + strings.Repeat(small+",", 999) + small + "]", "application/json", 202},
		{"1001", "[" + strings.Repeat(small+",", 1000) + small + "]", "application/json", 413},
		{"1000 lines", strings.Repeat(small+"\n", 1000), "application/x-ndjson", 202},
		{"1001 lines", strings.Repeat(small+"\n", 1001), "application/x-ndjson", 413},
		{"1 MiB", good + strings.Repeat(" ", MaxBody-len(good)), "application/json", 202},
		{"1 MiB + 1", good + strings.Repeat(" ", MaxBody-len(good)+1), "application/json", 413},
	} {
		if w := post(newServer(t, &ledger{}, Config{}), c.body, "Content-Type", c.contentType); w.Code != c.status {
			t.Errorf("%s: %d %.200s, want %d", c.name, w.Code, w.Body, c.status)
		}
	}
}

func TestALogThatCannotBeWrittenIsA503(t *testing.T) {
	l := &ledger{err: errors.New("write /var/lib/cordon/0001.log: no space left on device")}
	w := post(newServer(t, l, Config{}), good)
	if w.Code != 503 || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "/var/lib") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestEachSourceHasItsOwnAge(t *testing.T) {
	c := Config{Sources: map[string]Source{"s1": {MaxAge: time.Hour}}}
	old := with("observed_at", `"2026-03-01T10:59:59Z"`)
	if w := post(newServer(t, &ledger{}, c), old); w.Code != 422 || !strings.Contains(w.Body.String(), "1h") {
		t.Errorf("listed source: %d %s", w.Code, w.Body)
	}
	if w := post(newServer(t, &ledger{}, c), strings.Replace(old, "s1", "s2", 1)); w.Code != 202 {
		t.Errorf("unlisted source: %d %s", w.Code, w.Body)
	}
}

func numbered(n int) string { return with("source_id", fmt.Sprintf(`"%d"`, n)) }

func TestASourceOverItsQuotaIsThrottledUntilItRefills(t *testing.T) {
	clock := now
	l := &ledger{}
	s := newServer(t, l, Config{
		Sources: map[string]Source{"s1": {MaxAge: time.Hour, Quota: Quota{2, time.Minute}}},
		Now:     func() time.Time { return clock },
	})
	results := resultsIn(t, post(s, "["+numbered(1)+","+numbered(2)+","+numbered(3)+","+strings.Replace(numbered(4), "s1", "s2", 1)+"]"))
	for i, want := range []string{accepted, accepted, throttled, accepted} {
		if results[i].Status != want {
			t.Errorf("%d: %+v, want %s", i, results[i], want)
		}
	}
	if !strings.Contains(results[2].Error, `"s1" is over its quota of 2/m`) {
		t.Errorf("error %q", results[2].Error)
	}
	if results[2].RetryAfter != "30s" || results[2].ID != "" {
		t.Errorf("throttled: %+v", results[2])
	}
	w := post(s, numbered(5))
	if w.Code != 429 || w.Header().Get("Retry-After") != "30" {
		t.Errorf("%d, Retry-After %q: %s", w.Code, w.Header().Get("Retry-After"), w.Body)
	}
	clock = clock.Add(30 * time.Second)
	if w := post(s, numbered(6)); w.Code != 202 {
		t.Errorf("after the time told: %d %s", w.Code, w.Body)
	}
	if len(l.got) != 4 {
		t.Errorf("%d accepted", len(l.got))
	}
}

func from(source string) string { return strings.Replace(good, `"s1"`, strconv.Quote(source), 1) }

func TestEachUnlistedSourceHasItsQuotaAndAllOfThemFourTimesThat(t *testing.T) {
	s := newServer(t, &ledger{}, Config{Default: Source{MaxAge: time.Hour, Quota: Quota{1, time.Hour}}})
	for n := range 4 {
		name := fmt.Sprint("sensor", n)
		if w := post(s, from(name)); w.Code != 202 {
			t.Fatalf("%s: %d %s", name, w.Code, w.Body)
		}
		if w := post(s, strings.Replace(from(name), "botnet", "spam", 1)); w.Code != 429 ||
			!strings.Contains(w.Body.String(), "over its quota of 1/h") {
			t.Errorf("%s again: %d %s", name, w.Code, w.Body)
		}
	}
	if w := post(s, from("made-up")); w.Code != 429 || !strings.Contains(w.Body.String(), "which they share") {
		t.Errorf("a fifth name: %d %s", w.Code, w.Body)
	}
}

func TestNamesCannotBeMadeUpWithoutEnd(t *testing.T) {
	clock := now
	s := newServer(t, &ledger{}, Config{Sources: map[string]Source{"s1": {MaxAge: time.Hour}}, Now: func() time.Time { return clock }})
	for n := range MaxUnlisted {
		if w := post(s, from(fmt.Sprint("made-up-", n))); w.Code != 202 {
			t.Fatalf("name %d: %d %s", n, w.Code, w.Body)
		}
	}
	w := post(s, from("one-more"))
	if w.Code != 429 || w.Header().Get("Retry-After") != "3600" || !strings.Contains(w.Body.String(), "list source") {
		t.Errorf("one name more: %d, Retry-After %q: %s", w.Code, w.Header().Get("Retry-After"), w.Body)
	}
	for _, known := range []string{"s1", "made-up-0"} {
		if w := post(s, strings.Replace(from(known), "botnet", "spam", 1)); w.Code != 202 {
			t.Errorf("%s: %d %s", known, w.Code, w.Body)
		}
	}
	clock = clock.Add(time.Hour)
	again := strings.Replace(from("one-more"), "2026-03-01T11:59:00Z", "2026-03-01T12:59:00Z", 1)
	if w := post(s, again); w.Code != 202 {
		t.Errorf("an hour later: %d %s", w.Code, w.Body)
	}
}

func TestWithoutAQuotaASourceHas100000AnHourAtOnce(t *testing.T) {
	for _, listed := range []bool{true, false} {
		c := Config{Default: Source{MaxAge: time.Hour}}
		if listed {
			c.Sources = map[string]Source{"s1": {MaxAge: time.Hour}}
		}
		c.setDefaults()
		g := newGates(c)
		taken := 0
		for range 100_002 {
			if _, full := g.reserve("s1", now); full == nil {
				taken++
			}
		}
		if taken != 100_000 {
			t.Errorf("listed=%v: %d at once", listed, taken)
		}
		if _, full := g.reserve("s1", now.Add(time.Second)); full != nil {
			t.Errorf("listed=%v: none comes back within a second: %v", listed, full)
		}
	}
}

func TestAFullShareIsThrottledAndCostsNoQuota(t *testing.T) {
	l := &ledger{full: map[string]bool{"s1": true}}
	s := newServer(t, l, Config{Sources: map[string]Source{"s1": {MaxAge: time.Hour, Quota: Quota{1, time.Hour}}}})
	results := resultsIn(t, post(s, "["+good+","+from("s2")+"]"))
	if r := results[0]; r.Status != throttled || r.RetryAfter != "1m" || r.Error == "" || results[1].Status != accepted {
		t.Errorf("%+v", results)
	}
	if w := post(s, good); w.Code != 429 || w.Header().Get("Retry-After") != "60" {
		t.Errorf("a single one: %d, Retry-After %q: %s", w.Code, w.Header().Get("Retry-After"), w.Body)
	}
	l.full = nil
	if w := post(s, good); w.Code != 202 {
		t.Errorf("once there is room: %d %s", w.Code, w.Body)
	}
}

func TestWhatIsNotTakenCostsNoQuota(t *testing.T) {
	l := &ledger{err: errors.New("disk full")}
	s := newServer(t, l, Config{Sources: map[string]Source{"s1": {MaxAge: time.Hour, Quota: Quota{1, time.Hour}}}})
	if w := post(s, good); w.Code != 503 {
		t.Fatalf("%d", w.Code)
	}
	if w := post(s, with("ip", `"::1"`)); w.Code != 422 {
		t.Fatalf("%d", w.Code)
	}
	l.err = nil
	if w := post(s, good); w.Code != 202 {
		t.Errorf("sent again after the fault: %d %s", w.Code, w.Body)
	}
}

func TestATokenSpeaksForItsOwnSourceOnly(t *testing.T) {
	bound, free := token(t, "bound", "s1", httpx.ScopeVerdict), token(t, "free", "", httpx.ScopeVerdict)
	l := &ledger{}
	s := newServer(t, l, Config{}, bound, free)
	other := strings.Replace(good, "s1", "s2", 1)
	for _, c := range []struct {
		token, body string
		status      int
	}{
		{"bound", good, 202}, {"bound", other, 403}, {"free", other, 202}, {"bound", with("source", ""), 422}, {"nobody", good, 401},
	} {
		if w := post(s, c.body, "Authorization", "Bearer "+secret+c.token); w.Code != c.status {
			t.Errorf("%s: %d %s, want %d", c.token, w.Code, w.Body, c.status)
		}
	}
	results := resultsIn(t, post(s, "["+other+","+numbered(1)+"]", "Authorization", "Bearer "+secret+"bound"))
	if results[0].Status != rejected || !strings.HasPrefix(results[0].Error, "source: ") || results[1].Status != accepted {
		t.Errorf("%+v", results)
	}
}

func TestEveryScopeButVerdictIsRefused(t *testing.T) {
	tokens := []httpx.Token{}
	for _, scope := range httpx.Scopes {
		tokens = append(tokens, token(t, string(scope), "", scope))
	}
	s := newServer(t, &ledger{}, Config{}, tokens...)
	for _, scope := range httpx.Scopes {
		want := 403
		if scope == httpx.ScopeVerdict {
			want = 202
		}
		if w := post(s, good, "Authorization", "Bearer "+secret+string(scope)); w.Code != want {
			t.Errorf("%s: %d, want %d", scope, w.Code, want)
		}
	}
}

func TestTheBodysMemoryIsNotKept(t *testing.T) {
	l := &ledger{}
	s := newServer(t, l, Config{})
	for i := range 3 {
		post(s, with("evidence", fmt.Sprintf(`{"n":%d}`, i)))
	}
	for i, v := range l.got {
		if want := fmt.Sprintf(`{"n":%d}`, i); string(v.Evidence) != want {
			t.Errorf("evidence %d became %s", i, v.Evidence)
		}
	}
}

func TestAConfigThatCannotWorkIsAnError(t *testing.T) {
	for name, c := range map[string]Config{
		"no age":       {},
		"bad quota":    {Default: Source{time.Hour, Quota{Count: 1}}},
		"source's age": {Default: Source{MaxAge: time.Hour}, Sources: map[string]Source{"s": {}}},
	} {
		if _, err := New(&ledger{}, c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAQuotaIsWrittenAsInTheConfiguration(t *testing.T) {
	for q, want := range map[Quota]string{{}: "none", {1000, time.Hour}: "1000/h", {5, 24 * time.Hour}: "5/d",
		{3, 2 * time.Minute}: "3 per 2m"} {
		if q.String() != want {
			t.Errorf("%q, want %q", q.String(), want)
		}
	}
	for text, want := range map[string]Quota{"1000/h": {1000, time.Hour}, "1/s": {1, time.Second}, "5/d": {5, 24 * time.Hour}} {
		var q Quota
		if err := q.UnmarshalText([]byte(text)); err != nil || q != want || q.String() != text {
			t.Errorf("%s was read as %v, %v", text, q, err)
		}
	}
	for _, text := range []string{"", "1000", "1000/", "/h", "0/h", "-1/h", "1.5/h", "1000/w", "1000/hour", "1 /h", "99999999999999999999/h"} {
		var q Quota
		if err := q.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read as %v", text, q)
		}
	}
}

func TestTheOpenAPIDocumentDescribesWhatIsRead(t *testing.T) {
	s := newServer(t, &ledger{}, Config{})
	r := httptest.NewRequest("GET", "http://localhost/api/v1/openapi.json", nil)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	var doc struct {
		Paths      map[string]map[string]any
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || doc.Paths["/api/v1/verdicts"]["post"] == nil {
		t.Fatalf("%v %s", err, w.Body)
	}
	described := slices.Sorted(maps.Keys(doc.Components.Schemas["Verdict"].Properties))
	if diff := cmp.Diff(slices.Sorted(maps.Keys(fields)), described); diff != "" {
		t.Error(diff)
	}
}

func FuzzDecodeBodyYieldsVerdictsOrErrors(f *testing.F) {
	for _, seed := range []string{
		good, "[" + good + "," + good + "]", good + "\n" + good, "{}", "[]", "[1,null]", `{"ip":"::ffff:1.2.3.4"}`,
		`{"evidence":` + strings.Repeat("[", 20), "\xff", `{"source":"a","source":"b"}`, `{"severity":1e400}`, `{"source":"\ud800"}`,
	} {
		f.Add("application/json", []byte(seed))
		f.Add("application/x-ndjson", []byte(seed))
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		items, single, err := decodeBody(contentType, body)
		if err != nil {
			return
		}
		if single && len(items) != 1 {
			t.Errorf("%q: %d items of a single verdict", body, len(items))
		}
		for _, item := range items {
			v := item.Verdict
			if item.Err != nil || v.Validate(now, time.Hour) != nil {
				continue
			}
			v.Identify()
			if v.IP.Is4In6() || len(v.ID) != 26 || (v.Evidence != nil && !json.Valid(v.Evidence)) {
				t.Errorf("%q: a valid verdict %+v", body, v)
			}
		}
	})
}
