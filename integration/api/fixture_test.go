package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

// now is the clock of every test.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// desk stands in for the engine and the ports: it answers with what it was
// given and notes each call.
type desk struct {
	calls    []string
	err      error // of every call, if set
	verdict  quarantine.VerdictStatus
	answer   quarantine.Case // of every command
	settled  quarantine.Case // of Await
	awaitErr error
	resolve  string
	dossier  quarantine.Dossier
	page     quarantine.CasePage
	filter   quarantine.CaseFilter
	sessions []quarantine.Session
	bindings []quarantine.Binding
	windows  []quarantine.Maintenance

	instances []quarantine.InstanceStatus
}

func (d *desk) note(format string, args ...any) {
	d.calls = append(d.calls, fmt.Sprintf(format, args...))
}

func (d *desk) act(format string, args ...any) (*quarantine.Case, error) {
	d.note(format, args...)
	return d.answer.Clone(), d.err
}

func (d *desk) Quarantine(_ context.Context, w quarantine.ManualQuarantine, dryRun bool) (*quarantine.Case, error) {
	return d.act("quarantine %s %s %q %s by %s override %t all %t replace %t dry %t", w.Subscriber, w.Profile, w.Reason, w.For, w.By,
		w.Override, w.AllSessions, w.Replace, dryRun)
}

func (d *desk) Extend(_ context.Context, id, by, reason string, lasts time.Duration) (*quarantine.Case, error) {
	return d.act("extend %s by %s %q %s", id, by, reason, lasts)
}

func (d *desk) Note(_ context.Context, id, by, text string) (*quarantine.Case, error) {
	return d.act("note %s by %s %q", id, by, text)
}

func (d *desk) Release(_ context.Context, id, by, reason string, code quarantine.ReleaseCode) (*quarantine.Case, error) {
	return d.act("release %s by %s %q code %q", id, by, reason, code)
}

func (d *desk) Retry(_ context.Context, id, by, reason string) (*quarantine.Case, error) {
	return d.act("retry %s by %s %q", id, by, reason)
}

func (d *desk) GiveUp(_ context.Context, id, by, reason string, session quarantine.SessionKey) (*quarantine.Case, error) {
	return d.act("give up %s by %s %q session %v", id, by, reason, session)
}

func (d *desk) Approve(_ context.Context, id, by, reason string) (*quarantine.Case, error) {
	return d.act("approve %s by %s %q", id, by, reason)
}

func (d *desk) Reject(_ context.Context, id, by, reason string) (*quarantine.Case, error) {
	return d.act("reject %s by %s %q", id, by, reason)
}

func (d *desk) Maintain(_ context.Context, bng, by, reason string, lasts time.Duration) (quarantine.Maintenance, error) {
	d.note("maintain %s by %s %q %s", bng, by, reason, lasts)
	return quarantine.Maintenance{BNG: bng, Until: now.Add(lasts), Reason: reason, By: by, At: now}, d.err
}

func (d *desk) EndMaintenance(_ context.Context, bng, by, reason string) (quarantine.Maintenance, error) {
	d.note("end maintenance %s by %s %q", bng, by, reason)
	return quarantine.Maintenance{BNG: bng, Until: now, Reason: reason, By: by, At: now}, d.err
}

func (d *desk) Maintenances() []quarantine.Maintenance { return d.windows }

func (d *desk) Verdict(_ context.Context, id string) (quarantine.VerdictStatus, error) {
	d.note("verdict %s", id)
	return d.verdict, d.err
}

func (d *desk) Resolve(_ context.Context, t quarantine.Target) (string, error) {
	d.note("resolve ip %v subscriber %q session %v", t.IP, t.Subscriber, t.Session)
	return cmp.Or(d.resolve, t.Subscriber), d.err
}

func (d *desk) Await(ctx context.Context, id string) (*quarantine.Case, error) {
	end, ok := ctx.Deadline()
	d.note("await %s deadline %t within %t", id, ok, time.Until(end) <= MaxWait)
	return d.settled.Clone(), d.awaitErr
}

func (d *desk) Dossier(context.Context, string) (quarantine.Dossier, error) { return d.dossier, d.err }

func (d *desk) Case(_ context.Context, id string) (*quarantine.Case, error) {
	return d.act("case %s", id)
}

func (d *desk) CasesByID(context.Context, []string) (map[string]*quarantine.Case, error) {
	return nil, d.err
}

func (d *desk) Cases(_ context.Context, f quarantine.CaseFilter) (quarantine.CasePage, error) {
	d.filter = f
	return d.page, d.err
}

func (d *desk) Session(context.Context, quarantine.SessionKey) (quarantine.Session, error) {
	return quarantine.Session{}, quarantine.ErrNoSession
}

func (d *desk) SessionsOf(context.Context, string) ([]quarantine.Session, error) {
	return d.sessions, d.err
}

func (d *desk) SessionsOfMAC(_ context.Context, mac string) ([]quarantine.Session, error) {
	d.note("sessions of mac %s", mac)
	return d.sessions, d.err
}

func (d *desk) Bindings(_ context.Context, at quarantine.Place, from, to time.Time) ([]quarantine.Binding, error) {
	d.note("bindings %s %s %s", at, from.Sub(now), to.Sub(now))
	return d.bindings, d.err
}

var (
	_ engine                   = (*desk)(nil)
	_ quarantine.CaseReader    = (*desk)(nil)
	_ quarantine.SessionReader = (*desk)(nil)
	_ quarantine.BindingFinder = (*desk)(nil)
)

const secret = "0123456789abcdef0123456789abcdef"

func newServer(t *testing.T, d *desk, tokens ...httpx.Token) *httpx.Server {
	t.Helper()
	a, err := New(d, Config{
		Cases: d, Sessions: d, Bindings: d, MACs: d, Now: func() time.Time { return now },
		Profiles: []string{"block-smtp", "walled-garden", "disconnect"},
		BNGs: []wire.BNG{
			{Name: "bng1", Address: "192.0.2.1", Dialect: "junos", Profiles: []string{"walled-garden"}},
			{Name: "bng2", Address: "192.0.2.2", Dialect: "mikrotik"},
		},
		Discovered: func() []wire.DiscoveredBNG {
			return []wire.DiscoveredBNG{{NASIP: "203.0.113.9", NASIdentifier: "edge-9", Sender: "192.0.2.20", Relay: true, KnownBy: "name",
				Vague: []string{}, Records: 100, Sessions: 50, FirstSeen: now.Add(-time.Hour), LastSeen: now}}
		},
		Clocks: func() map[string]wire.AccountingClock {
			return map[string]wire.AccountingClock{"bng2": {Skew: -18000, Steady: true, From: "192.0.2.2",
				SeenAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Corrected: 40, Uncertain: 14}}
		},
		Health: func() map[string]wire.BNGHealth {
			return map[string]wire.BNGHealth{"bng1": {State: "unresponsive", Path: "bng1", Unanswered: 6, Rate: 10, RestrictionRate: 10,
				Stopped: []wire.StoppedProfile{}}}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := httpx.New(httpx.Config{Listen: "127.0.0.1:0", Tokens: tokens})
	if err != nil {
		t.Fatal(err)
	}
	a.Mount(s)
	return s
}

// call sends one request through the whole handler. Headers come in pairs.
func call(s *httpx.Server, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// object reads a JSON object.
func object(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return v
}

func pointer[T any](v T) *T { return &v }

// fullCase is a case with something in every field.
func fullCase() quarantine.Case {
	session := quarantine.Session{
		SessionKey: quarantine.SessionKey{BNG: "bng1", ID: "42"}, Subscriber: "alice@isp",
		Addresses: []quarantine.Address{
			{Prefix: netip.MustParsePrefix("192.0.2.17/32"), Kind: quarantine.FramedIP},
			{Prefix: netip.MustParsePrefix("2001:db8:1::/56"), Kind: quarantine.DelegatedIPv6Prefix},
		},
	}
	return quarantine.Case{
		ID: "c-1", Subscriber: "alice@isp", State: quarantine.Restricting, Profile: "walled-garden", Mode: quarantine.ModeEnforce,
		Rule: "bots", Reason: "botnet reported by s1", Source: "s1",
		OpenedAt: now.Add(-time.Hour).In(time.FixedZone("CET", 3600)), ExpiresAt: now.Add(71 * time.Hour), Generation: 3, Version: 7,
		Hold: &quarantine.Hold{Kind: quarantine.HoldLimit, Detail: "20 lines per hour"},
		OtherDemands: []quarantine.Demand{
			{Profile: "disconnect", Rule: "kick", Reason: "ddos reported by s2", Source: "s2", Until: now.Add(time.Hour),
				Hold: &quarantine.Hold{Kind: quarantine.HoldLimit, Detail: "60 lines per day"}},
			{Profile: "block-smtp", Reason: "ticket 4711", Source: "bob", Until: now.Add(700 * time.Hour)},
		},
		Release: &quarantine.PersonRelease{Case: "c-1", At: now, By: "bob", Reason: "cleaned", Code: quarantine.ReleaseCleaned},
		Sessions: []quarantine.SessionEnforcement{
			{Session: session, Wanted: "walled-garden", Enforcement: quarantine.Refused, ErrorCause: 503, Reason: "no such session", Attempts: 2,
				UpdatedAt: now},
			{Session: quarantine.Session{SessionKey: quarantine.SessionKey{BNG: "bng2", ID: "43"}}, Enforcement: quarantine.Pending,
				DeferredBy: quarantine.CheckMaintenance},
		},
		Verdicts: []quarantine.CaseVerdict{{ID: "v-1", Source: "s1", Category: "botnet", Confidence: pointer(0.9), ObservedAt: now}},
		Notes:    []quarantine.Note{{At: now, By: "bob", Text: "called"}},
		History:  []quarantine.HistoryEntry{{At: now, State: quarantine.Restricting, Text: "rule bots"}},
	}
}
