package api

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/quarantine"
)

func TestAPersonQuarantinesByAddressSubscriberOrSession(t *testing.T) {
	for _, c := range []struct{ target, resolve string }{
		{`"ip":"192.0.2.17"`, `resolve ip 192.0.2.17 subscriber "" session /`},
		{`"ip":"::ffff:192.0.2.17"`, `resolve ip 192.0.2.17 subscriber "" session /`},
		{`"subscriber":"alice"`, `resolve ip invalid IP subscriber "alice" session /`},
		{`"session":"bng1/a/b"`, `resolve ip invalid IP subscriber "" session bng1/a/b`},
	} {
		d := &desk{answer: fullCase(), resolve: "alice@isp"}
		w := call(newServer(t, d), "POST", "/api/v1/quarantines",
			`{`+c.target+`,"profile":"walled-garden","reason":" phone call ","for":"7d","override":true,"all_sessions":true,"replace":true}`,
			"X-Cordon-Author", "bob")
		if w.Code != 200 || w.Header().Get("Location") != "/api/v1/cases/c-1" {
			t.Errorf("%s: %d %v %s", c.target, w.Code, w.Header(), w.Body)
		}
		want := []string{c.resolve, `quarantine alice@isp walled-garden "phone call" 168h0m0s by bob override true all true replace true dry false`}
		if diff := cmp.Diff(want, d.calls); diff != "" {
			t.Errorf("%s: %s", c.target, diff)
		}
	}
}

const wish = `{"subscriber":"alice","profile":"walled-garden","reason":"x"}`

func TestANewCaseIsCreated(t *testing.T) {
	d := &desk{answer: fullCase()}
	d.answer.Version = 1
	if w := call(newServer(t, d), "POST", "/api/v1/quarantines", wish); w.Code != 201 || w.Header().Get("Location") == "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if last := d.calls[len(d.calls)-1]; !strings.Contains(last, " 24h0m0s ") {
		t.Errorf("without for: %s", last)
	}
}

func TestADryRunCreatesNothing(t *testing.T) {
	d := &desk{answer: fullCase()}
	d.answer.Version = 1
	w := call(newServer(t, d), "POST", "/api/v1/quarantines?dry_run=true&wait=10s", wish)
	if w.Code != 200 || w.Header().Get("Location") != "" || object(t, w)["id"] != "c-1" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if got := strings.Join(d.calls, "; "); !strings.Contains(got, "dry true") || strings.Contains(got, "await") {
		t.Errorf("calls %s", got)
	}
}

func TestWaitingAnswersWithTheAwaitedCase(t *testing.T) {
	d := &desk{answer: fullCase(), settled: fullCase()}
	d.settled.State = quarantine.Restricted
	w := call(newServer(t, d), "POST", "/api/v1/quarantines?wait=10s", wish)
	if object(t, w)["state"] != "restricted" || d.calls[len(d.calls)-1] != "await c-1 deadline true within true" {
		t.Errorf("%s; calls %q", w.Body, d.calls)
	}
}

func TestFailingToLookAgainDoesNotUndoTheQuarantine(t *testing.T) {
	d := &desk{answer: fullCase(), awaitErr: errors.New("redis away")}
	if w := call(newServer(t, d), "POST", "/api/v1/quarantines?wait=1s", wish); w.Code != 200 || object(t, w)["state"] != "restricting" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestABadQuarantineRequestIsNamedAndNotCarriedOut(t *testing.T) {
	long := strings.Repeat("x", 1025)
	for _, c := range []struct{ name, query, body, location string }{
		{"no target", "", `{"profile":"walled-garden","reason":"x"}`, "body"},
		{"two targets", "", `{"ip":"192.0.2.1","subscriber":"a","profile":"walled-garden","reason":"x"}`, "body"},
		{"no reason", "", `{"subscriber":"a","profile":"walled-garden"}`, "body.reason"},
		{"blank reason", "", `{"subscriber":"a","profile":"walled-garden","reason":" \n"}`, "body.reason"},
		{"long reason", "", `{"subscriber":"a","profile":"walled-garden","reason":"` + long + `"}`, "body.reason"},
		{"forging reason", "", `{"subscriber":"a","profile":"walled-garden","reason":"\u001b[2J"}`, "body.reason"},
		{"turning reason", "", `{"subscriber":"a","profile":"walled-garden","reason":"\u202egnp"}`, "body.reason"},
		{"no profile", "", `{"subscriber":"a","reason":"x"}`, "body.profile"},
		{"unknown profile", "", `{"subscriber":"a","profile":"jail","reason":"x"}`, "body.profile"},
		{"for", "", `{"subscriber":"a","profile":"walled-garden","reason":"x","for":"soon"}`, "body.for"},
		{"for 0", "", `{"subscriber":"a","profile":"walled-garden","reason":"x","for":"0s"}`, "body.for"},
		{"for below 0", "", `{"subscriber":"a","profile":"walled-garden","reason":"x","for":"-1h"}`, "body.for"},
		{"for ever", "", `{"subscriber":"a","profile":"walled-garden","reason":"x","for":"366d"}`, "body.for"},
		{"for as number", "", `{"subscriber":"a","profile":"walled-garden","reason":"x","for":3600}`, "body.for"},
		{"no address", "", `{"ip":"host","profile":"walled-garden","reason":"x"}`, "body.ip"},
		{"loopback", "", `{"ip":"127.0.0.1","profile":"walled-garden","reason":"x"}`, "body.ip"},
		{"mapped loopback", "", `{"ip":"::ffff:127.0.0.1","profile":"walled-garden","reason":"x"}`, "body.ip"},
		{"multicast", "", `{"ip":"ff02::1","profile":"walled-garden","reason":"x"}`, "body.ip"},
		{"session", "", `{"session":"42","profile":"walled-garden","reason":"x"}`, "body.session"},
		{"subscriber", "", `{"subscriber":"a\u0000b","profile":"walled-garden","reason":"x"}`, "body.subscriber"},
		{"unknown field", "", `{"subscriber":"a","profile":"walled-garden","reason":"x","dry_run":true}`, "body.dry_run"},
		{"override", "", `{"subscriber":"a","profile":"walled-garden","reason":"x","override":"yes"}`, "body.override"},
		{"all_sessions", "", `{"subscriber":"a","profile":"walled-garden","reason":"x","all_sessions":1}`, "body.all_sessions"},
		{"wait", "?wait=61s", wish, "query.wait"},
		{"wait word", "?wait=long", wish, "query.wait"},
		{"wait below 0", "?wait=-1s", wish, "query.wait"},
		{"dry_run", "?dry_run=perhaps", wish, "query.dry_run"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &desk{answer: fullCase()}
			w := call(newServer(t, d), "POST", "/api/v1/quarantines"+c.query, c.body)
			if w.Code != 422 || !strings.Contains(w.Body.String(), `"location":"`+c.location+`"`) {
				t.Errorf("%d %s, want %s", w.Code, w.Body, c.location)
			}
			if len(d.calls) > 0 {
				t.Errorf("the engine was asked: %q", d.calls)
			}
		})
	}
}

func TestAnUnknownProfileIsAnsweredWithTheKnownOnes(t *testing.T) {
	w := call(newServer(t, &desk{}), "POST", "/api/v1/quarantines", `{"subscriber":"a","profile":"jail","reason":"x"}`)
	for _, known := range []string{"block-smtp", "walled-garden", "disconnect"} {
		if !strings.Contains(w.Body.String(), known) {
			t.Errorf("%s is not named: %s", known, w.Body)
		}
	}
}

func TestAnAmbiguousAddressIsA409WithCandidates(t *testing.T) {
	d := &desk{err: &quarantine.AmbiguousError{Candidates: []quarantine.Holder{
		{Subscriber: "alice", BNG: "bng1", SessionID: "1", Address: netip.MustParsePrefix("192.0.2.17/32"), From: now}, {Subscriber: "bob"},
	}}}
	w := call(newServer(t, d), "POST", "/api/v1/quarantines", `{"ip":"192.0.2.17","profile":"walled-garden","reason":"x"}`)
	candidates, _ := object(t, w)["candidates"].([]any)
	if w.Code != 409 || len(candidates) != 2 || candidates[0].(map[string]any)["address"] != "192.0.2.17" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAnAddressOfWhichAccountingIsMissingIsA409WithWhatIsMissing(t *testing.T) {
	for _, query := range []string{"", "?dry_run=true"} {
		d := &desk{err: &quarantine.IncompleteError{Missing: "waits for accounting of that moment",
			Candidates: []quarantine.Holder{{Subscriber: "alice"}}}}
		w := call(newServer(t, d), "POST", "/api/v1/quarantines"+query, `{"ip":"192.0.2.17","profile":"walled-garden","reason":"x"}`)
		answer := object(t, w)
		candidates, _ := answer["candidates"].([]any)
		detail, _ := answer["detail"].(string)
		if w.Code != 409 || answer["missing"] != "waits for accounting of that moment" || len(candidates) != 1 ||
			!strings.Contains(detail, "not certain") || !strings.Contains(detail, `"subscriber"`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if len(d.calls) != 1 {
			t.Errorf("the engine was asked for more: %q", d.calls)
		}
	}
}

func TestASharedNameIsA409WithTheNumberOfItsLines(t *testing.T) {
	d := &desk{err: &quarantine.SharedNameError{Subscriber: "guest", Lines: 6, Max: 4}}
	w := call(newServer(t, d), "POST", "/api/v1/quarantines", `{"subscriber":"guest","profile":"walled-garden","reason":"x"}`)
	if answer := object(t, w); w.Code != 409 || answer["lines"] != 6. || answer["missing"] != nil {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestWhatTheCaseDoesNotAllowIsA409(t *testing.T) {
	d := &desk{err: &quarantine.CommandError{Reason: "case c-1 is closed"}}
	if w := call(newServer(t, d), "POST", "/api/v1/cases/c-1/release", `{"reason":"x"}`); w.Code != 409 ||
		!strings.Contains(w.Body.String(), "closed") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestDecisionsReachTheEngineWithTheirAuthor(t *testing.T) {
	for _, c := range []struct{ verb, body, want string }{
		{"release", `{"reason":"cleaned up","code":"cleaned"}`, `release c-1 by bob "cleaned up" code "cleaned"`},
		{"release", `{"reason":"x"}`, `release c-1 by bob "x" code ""`},
		{"extend", `{"reason":"x","for":"1d12h"}`, `extend c-1 by bob "x" 36h0m0s`},
		{"approve", `{"reason":"x"}`, `approve c-1 by bob "x"`},
		{"reject", `{"reason":"x"}`, `reject c-1 by bob "x"`},
		{"notes", `{"reason":"line 1\nline 2"}`, `note c-1 by bob "line 1\nline 2"`},
	} {
		d := &desk{answer: fullCase()}
		w := call(newServer(t, d), "POST", "/api/v1/cases/c-1/"+c.verb, c.body, "X-Cordon-Author", "bob")
		if w.Code != 200 || object(t, w)["id"] != "c-1" || len(d.calls) != 1 || d.calls[0] != c.want {
			t.Errorf("%s: %d %s, calls %q", c.verb, w.Code, w.Body, d.calls)
		}
	}
}

func TestADecisionWithoutReasonIsRefused(t *testing.T) {
	for _, verb := range []string{"release", "extend", "approve", "reject", "notes"} {
		for _, reason := range []string{"", `"reason":"",`, `"reason":" \t",`, `"reason":null,`, `"reason":1,`, `"reason":"\u0007",`} {
			body := `{` + reason + `"for":"1h"}`
			if verb != "extend" {
				body = `{` + strings.TrimSuffix(reason, ",") + `}`
			}
			d := &desk{answer: fullCase()}
			w := call(newServer(t, d), "POST", "/api/v1/cases/c-1/"+verb, body)
			if w.Code != 422 || !strings.Contains(w.Body.String(), "body.reason") || len(d.calls) > 0 {
				t.Errorf("%s %s: %d %s, calls %q", verb, body, w.Code, w.Body, d.calls)
			}
		}
	}
}

func TestBadDetailsOfADecisionAreNamed(t *testing.T) {
	for _, c := range []struct{ verb, body, location string }{
		{"release", `{"reason":"x","code":"whatever"}`, "body.code"},
		{"extend", `{"reason":"x"}`, "body.for"},
		{"extend", `{"reason":"x","for":""}`, "body.for"},
		{"extend", `{"reason":"x","for":"-1h"}`, "body.for"},
		{"approve", `{"reason":"x","code":"cleaned"}`, "body.code"},
	} {
		w := call(newServer(t, &desk{}), "POST", "/api/v1/cases/c-1/"+c.verb, c.body)
		if w.Code != 422 || !strings.Contains(w.Body.String(), `"`+c.location+`"`) {
			t.Errorf("%s %s: %d %s", c.verb, c.body, w.Code, w.Body)
		}
	}
}

func TestABodyAbove64KiBIsTooLarge(t *testing.T) {
	body := `{"reason":"` + strings.Repeat("x", 64<<10) + `"}`
	if w := call(newServer(t, &desk{}), "POST", "/api/v1/cases/c-1/release", body); w.Code != 413 {
		t.Errorf("%d", w.Code)
	}
}

func TestCasesAreFilteredAndPaged(t *testing.T) {
	d := &desk{page: quarantine.CasePage{Cases: []quarantine.Case{fullCase()}, Next: "a+b/c="}}
	s := newServer(t, d)
	w := call(s, "GET", "/api/v1/cases?state=held&profile=p&bng=b&subscriber=alice%40isp&source=s&rule=r&limit=7&cursor=xyz", "")
	want := quarantine.CaseFilter{State: "held", Profile: "p", BNG: "b", Subscriber: "alice@isp", Source: "s", Rule: "r", Limit: 7,
		Cursor: "xyz"}
	if diff := cmp.Diff(want, d.filter); diff != "" {
		t.Error(diff)
	}
	next, err := url.Parse(object(t, w)["next"].(string))
	if err != nil || next.Path != "/api/v1/cases" {
		t.Fatal(next, err)
	}
	call(s, "GET", next.String(), "")
	want.Cursor = "a+b/c="
	if diff := cmp.Diff(want, d.filter); diff != "" {
		t.Errorf("following next: %s", diff)
	}
}

func TestAnEmptyListIsNotNull(t *testing.T) {
	d := &desk{}
	s := newServer(t, d)
	if got := strings.TrimSpace(call(s, "GET", "/api/v1/cases", "").Body.String()); got != `{"results":[],"next":null}` {
		t.Errorf("cases: %s", got)
	}
	if d.filter.Limit != 50 {
		t.Errorf("limit %d without one", d.filter.Limit)
	}
	for _, query := range []string{"ip=192.0.2.1", "subscriber=alice"} {
		if got := strings.TrimSpace(call(s, "GET", "/api/v1/sessions?"+query, "").Body.String()); got != `{"results":[],"neighbours":[]}` {
			t.Errorf("sessions: %s", got)
		}
	}
}

func TestABadQueryIsNamed(t *testing.T) {
	for path, location := range map[string]string{
		"/cases?limit=0": "query.limit", "/cases?limit=1001": "query.limit", "/cases?limit=x": "query.limit",
		"/cases?state=gone": "query.state", "/cases?colour=red": "query.colour",
		"/sessions": "query", "/sessions?ip=192.0.2.1&subscriber=a": "query", "/sessions?ip=x": "query.ip", "/sessions?ip=::1": "query.ip",
		"/sessions?ip=192.0.2.1&at=2026-03-01T12:00:00": "query.at", "/sessions?ip=192.0.2.1&at=now": "query.at",
		"/sessions?ip=192.0.2.1&port=0": "query.port", "/sessions?ip=192.0.2.1&port=65536": "query.port",
		"/sessions?subscriber=%00": "query.subscriber", "/subscribers/%0a": "path.key",
	} {
		d := &desk{}
		if w := call(newServer(t, d), "GET", "/api/v1"+path, ""); w.Code != 422 ||
			!strings.Contains(w.Body.String(), `"location":"`+location+`"`) {
			t.Errorf("%s: %d %s, want %s", path, w.Code, w.Body, location)
		}
	}
	d := &desk{err: &quarantine.FieldError{Field: "cursor", Reason: "was not handed out"}}
	if w := call(newServer(t, d), "GET", "/api/v1/cases?cursor=forged", ""); w.Code != 422 ||
		!strings.Contains(w.Body.String(), "query.cursor") {
		t.Errorf("a forged cursor: %d %s", w.Code, w.Body)
	}
}

func TestAVerdictShowsItsState(t *testing.T) {
	d := &desk{verdict: quarantine.VerdictStatus{
		Verdict: quarantine.Verdict{ID: "v-1", Source: "s1", SourceID: "a", IP: netip.MustParseAddr("192.0.2.17"), Category: "botnet",
			ObservedAt: now, ReceivedAt: now},
		State: quarantine.VerdictAmbiguous, Reason: "two held it", Candidates: []quarantine.Holder{{Subscriber: "alice", From: now}}, Final: true,
	}}
	golden(t, "verdict.json", pretty(t, call(newServer(t, d), "GET", "/api/v1/verdicts/v-1", "").Body.Bytes()))
	d.verdict.Candidates, d.verdict.State, d.verdict.Attributed, d.verdict.Case = nil, quarantine.VerdictActed, "alice", "c-1"
	got := object(t, call(newServer(t, d), "GET", "/api/v1/verdicts/v-1", ""))
	if got["subscriber"] != "alice" || got["case"] != "c-1" || got["state"] != "acted" || len(got["candidates"].([]any)) != 0 {
		t.Errorf("%v", got)
	}
}

func binding(subscriber string, from, to time.Duration) quarantine.Binding {
	b := quarantine.Binding{
		Address: quarantine.Address{Prefix: netip.MustParsePrefix("192.0.2.17/32"), Kind: quarantine.FramedIP},
		Session: quarantine.SessionKey{BNG: "bng1", ID: subscriber}, Subscriber: subscriber,
		From: now.Add(from), StartSeen: true, RenewedAt: now.Add(from),
	}
	if to != 0 {
		b.To = now.Add(to)
		b.RenewedAt = b.To
	}
	return b
}

func TestAnAddressIsHeldFromItsStartAndNoLongerAtItsEnd(t *testing.T) {
	d := &desk{bindings: []quarantine.Binding{
		binding("first", -5*time.Hour, -4*time.Hour), binding("early", -3*time.Hour, -2*time.Hour),
		binding("late", -time.Hour, 0), binding("stray", -30*time.Hour, -29*time.Hour),
	}}
	for _, c := range []struct {
		at               time.Duration
		held, neighbours string
	}{
		{-6 * time.Hour, "", "before:stray after:first"},
		{-3*time.Hour - 1, "", "before:first after:early"},
		{-3 * time.Hour, "early", "before:first after:late"},
		{-2*time.Hour - 1, "early", "before:first after:late"},
		{-2 * time.Hour, "", "before:early after:late"},
		{-time.Hour, "late", "before:early"},
		{0, "late", "before:early"},
	} {
		at := url.QueryEscape(now.Add(c.at).Format(time.RFC3339Nano))
		got := object(t, call(newServer(t, d), "GET", "/api/v1/sessions?ip=192.0.2.17&at="+at, ""))
		held, neighbours := []string{}, []string{}
		for _, h := range got["results"].([]any) {
			held = append(held, h.(map[string]any)["subscriber"].(string))
		}
		for _, n := range got["neighbours"].([]any) {
			neighbours = append(neighbours, n.(map[string]any)["side"].(string)+":"+n.(map[string]any)["subscriber"].(string))
		}
		if strings.Join(held, " ") != c.held || strings.Join(neighbours, " ") != c.neighbours {
			t.Errorf("at %s: held by %v, beside %v; want %q, %q", c.at, held, neighbours, c.held, c.neighbours)
		}
	}
}

func TestEveryoneWhoHeldTheAddressIsShown(t *testing.T) {
	d := &desk{bindings: []quarantine.Binding{binding("alice", -time.Hour, 0), binding("bob", -2*time.Hour, time.Hour)}}
	golden(t, "sessions.json", pretty(t, call(newServer(t, d), "GET", "/api/v1/sessions?ip=::ffff:192.0.2.17&port=4711", "").Body.Bytes()))
	if want := "bindings 192.0.2.17 -168h0m0s 168h0m0s"; d.calls[0] != want {
		t.Errorf("asked %q, want %q", d.calls[0], want)
	}
}

func TestASubscribersSessionsAreShownWithAndWithoutAddresses(t *testing.T) {
	d := &desk{sessions: []quarantine.Session{
		{SessionKey: quarantine.SessionKey{BNG: "bng1", ID: "1"}, Subscriber: "alice", StartedAt: now.Add(-time.Hour),
			Addresses: fullCase().Sessions[0].Session.Addresses},
		{SessionKey: quarantine.SessionKey{BNG: "bng2", ID: "2"}, Subscriber: "alice", StartedAt: now.Add(-time.Minute)},
	}}
	s := newServer(t, d)
	for at, want := range map[string]int{"": 3, "&at=2026-03-01T11:30:00Z": 2, "&at=2026-03-01T10:00:00Z": 0} {
		if got := object(t, call(s, "GET", "/api/v1/sessions?subscriber=alice"+at, ""))["results"].([]any); len(got) != want {
			t.Errorf("%q: %d results, want %d: %v", at, len(got), want, got)
		}
	}
}

func TestASubscriberIsShownWithCaseAndSessions(t *testing.T) {
	open := fullCase()
	d := &desk{
		sessions: []quarantine.Session{open.Sessions[0].Session}, dossier: quarantine.Dossier{Case: &open},
		page: quarantine.CasePage{Cases: []quarantine.Case{open}},
	}
	got := object(t, call(newServer(t, d), "GET", "/api/v1/subscribers/alice%2Fx%40isp", ""))
	if got["subscriber"] != "alice/x@isp" || got["case"].(map[string]any)["id"] != "c-1" || len(got["sessions"].([]any)) != 1 ||
		len(got["cases"].([]any)) != 1 {
		t.Errorf("%v", got)
	}
	if d.filter.Subscriber != "alice/x@isp" {
		t.Errorf("asked for cases of %q", d.filter.Subscriber)
	}
	if w := call(newServer(t, &desk{}), "GET", "/api/v1/subscribers/nobody", ""); w.Code != 404 {
		t.Errorf("nobody: %d", w.Code)
	}
}

func TestTheDiscoveredAreShownAsTheContractSays(t *testing.T) {
	golden(t, "discovered.json", pretty(t, call(newServer(t, &desk{}), "GET", "/api/v1/bngs/discovered", "").Body.Bytes()))
}
