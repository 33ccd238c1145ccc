package radacct

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// desk keeps the sessions that it is given.
type desk struct {
	sessions []Session
	answer   func(Session) error
}

func (d *desk) Load(_ context.Context, sessions []Session) []error {
	errs := make([]error, len(sessions))
	for i, s := range sessions {
		d.sessions = append(d.sessions, s)
		if d.answer != nil {
			errs[i] = d.answer(s)
		}
	}
	return errs
}

func post(t *testing.T, d *desk, contentType, zone, body string, tokens ...httpx.Token) *httptest.ResponseRecorder {
	t.Helper()
	im := New(d, 168*time.Hour)
	im.now = func() time.Time { return now }
	s, err := httpx.New(httpx.Config{Listen: "127.0.0.1:0", Tokens: tokens})
	if err != nil {
		t.Fatal(err)
	}
	im.Mount(s)
	r := httptest.NewRequest("POST", "http://localhost/api/v1/sessions/import?tz="+url.QueryEscape(zone), strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func imported(t *testing.T, w *httptest.ResponseRecorder) wire.ImportReceipt {
	t.Helper()
	var a wire.ImportReceipt
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return a
}

const example = `radacctid,AcctSessionId,username,nasipaddress,framedipaddress,framedipv6prefix,delegatedipv6prefix,framedipv6address,acctstarttime,acctupdatetime,acctstoptime,nasportid,callingstationid,class
1,0000A1,alice@isp,192.0.2.1,198.51.100.7,2001:db8:1::/64,2001:db8:2:3::/56,2001:db8:4::1,2026-11-22 08:00:00,2026-11-22 11:45:00,NULL,ge-0/0/1:7,02:00:00:00:00:01,ai:1
2,0000A2,"b,ob",2001:db8::1,198.51.100.8/32,,,,2026-11-22T08:00:00Z,0000-00-00 00:00:00,2026-11-22 10:00:00+01,,,0xAB
`

func TestRowsOfRadacctBecomeSessions(t *testing.T) {
	d := &desk{}
	got := imported(t, post(t, d, "text/csv; charset=utf-8", "Europe/Berlin", example))
	if diff := cmp.Diff(wire.ImportReceipt{Accepted: 2, Rejected: []wire.LineFault{}, Ignored: []string{"radacctid"}}, got); diff != "" {
		t.Error(diff)
	}
	at := func(text string) time.Time {
		moment, _ := time.Parse(time.RFC3339, text)
		return moment
	}
	want := []Session{
		{ID: "0000A1", User: "alice@isp", NAS: netip.MustParseAddr("192.0.2.1"), Start: at("2026-11-22T07:00:00Z"),
			Seen: at("2026-11-22T10:45:00Z"),
			Addresses: []quarantine.Address{
				{Prefix: netip.MustParsePrefix("2001:db8:2::/56"), Kind: quarantine.DelegatedIPv6Prefix},
				{Prefix: netip.MustParsePrefix("198.51.100.7/32"), Kind: quarantine.FramedIP},
				{Prefix: netip.MustParsePrefix("2001:db8:4::1/128"), Kind: quarantine.FramedIPv6Address},
				{Prefix: netip.MustParsePrefix("2001:db8:1::/64"), Kind: quarantine.FramedIPv6Prefix},
			},
			Attributes: []quarantine.Attribute{{Name: "Calling-Station-Id", Value: "02:00:00:00:00:01"}, {Name: "Class", Value: "0x61693a31"},
				{Name: "NAS-Port-Id", Value: "ge-0/0/1:7"}}},
		{ID: "0000A2", User: "b,ob", NAS: netip.MustParseAddr("2001:db8::1"), Start: at("2026-11-22T08:00:00Z"),
			Seen: at("2026-11-22T09:00:00Z"), Stop: at("2026-11-22T09:00:00Z"),
			Addresses:  []quarantine.Address{{Prefix: netip.MustParsePrefix("198.51.100.8/32"), Kind: quarantine.FramedIP}},
			Attributes: []quarantine.Attribute{{Name: "Class", Value: "0xAB"}}},
	}
	if diff := cmp.Diff(want, d.sessions, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
		t.Errorf("sessions (-want +got):\n%s", diff)
	}
}

func TestTheSameRowsAsJSONAreTheSameSessions(t *testing.T) {
	asCSV, asJSON := &desk{}, &desk{}
	imported(t, post(t, asCSV, "text/csv", "", "Acct-Session-Id,User-Name,NAS-IP-Address,acctstarttime\n7,alice,192.0.2.1,2026-11-22T08:00:00Z\n"))
	imported(t, post(t, asJSON, "application/x-ndjson", "",
		"\n"+`{"acct_session_id":7,"username":"alice","nasipaddress":"192.0.2.1","acctstarttime":"2026-11-22T08:00:00Z","acctstoptime":null}`))
	if diff := cmp.Diff(asCSV.sessions, asJSON.sessions, cmpopts.EquateComparable(netip.Addr{})); diff != "" || len(asCSV.sessions) != 1 {
		t.Error(diff)
	}
}

func TestInvalidRowsAreReportedByLineAndTheOthersImported(t *testing.T) {
	header := "acctsessionid,username,nasipaddress,framedipaddress,framedipv6prefix,acctstarttime,acctstoptime,class\n"
	good := "good,alice,192.0.2.1,198.51.100.7,,2026-11-22T08:00:00Z,,\n"
	bad := []struct{ row, error string }{
		{",alice,192.0.2.1,,,2026-11-22T08:00:00Z,,", "acctsessionid: must be set"},
		{"1,alice,,,,2026-11-22T08:00:00Z,,", "nasipaddress or nasidentifier: must be set"},
		{"1,alice,0.0.0.0,,,2026-11-22T08:00:00Z,,", "nasipaddress or nasidentifier: must be set"},
		{"1,alice,bng1,,,2026-11-22T08:00:00Z,,", `nasipaddress: invalid address "bng1"`},
		{"1,alice,192.0.2.1,,,,,", "acctstarttime: must be set"},
		{"1,alice,192.0.2.1,,,yesterday,,", `invalid time "yesterday"`},
		{"1,alice,192.0.2.1,,,2026-11-22 08:00:00,,", "has no offset"},
		{"1,alice,192.0.2.1,,,2026-11-22T13:00:00Z,,", "in the future"},
		{"1,alice,192.0.2.1,,,1970-01-01T00:00:01Z,,", "before the year 2000"},
		{"1,alice,192.0.2.1,,,2026-11-22T08:00:00Z,2026-11-22T07:00:00Z,", "acctstoptime: must not be before acctstarttime"},
		{"1,alice,192.0.2.1,198.51.100.0/24,,2026-11-22T08:00:00Z,,", "framedipaddress: invalid address"},
		{"1,alice,192.0.2.1,2001:db8::1,,2026-11-22T08:00:00Z,,", "must be an IPv4 address"},
		{"1,alice,192.0.2.1,127.0.0.1,,2026-11-22T08:00:00Z,,", "is a loopback address"},
		{"1,alice,192.0.2.1,,2000::/3,2026-11-22T08:00:00Z,,", "is shorter than /32"},
		{"1,alice,192.0.2.1,,198.51.100.0/24,2026-11-22T08:00:00Z,,", "must be IPv6"},
		{"1,alice,192.0.2.1,,,2026-11-22T08:00:00Z,,0xzz", "hexadecimal"},
		{"\xff,alice,192.0.2.1,,,2026-11-22T08:00:00Z,,", "UTF-8"},
		{"1," + strings.Repeat("x", 600) + ",192.0.2.1,,,2026-11-22T08:00:00Z,,", "at most 508 bytes"},
		{"1,alice", "must have 8 fields, as the header has, not 2"},
		{`1,"a"lice,192.0.2.1,,,2026-11-22T08:00:00Z,,`, `extraneous or missing "`},
		{"nobody,,192.0.2.1,,,2026-11-22T08:00:00Z,,", "subscriber: is not named"},
	}
	body := header + good
	for _, b := range bad {
		body += b.row + "\n"
	}
	d := &desk{answer: func(s Session) error {
		if s.User == "" {
			return &quarantine.FieldError{Field: "subscriber", Reason: "is not named"}
		}
		return nil
	}}
	got := imported(t, post(t, d, "text/csv", "", body+good))
	if got.Accepted != 2 || len(got.Rejected) != len(bad) {
		t.Fatalf("accepted %d, rejected %+v", got.Accepted, got.Rejected)
	}
	for i, b := range bad {
		if f := got.Rejected[i]; f.Line != i+3 || !strings.Contains(f.Error, b.error) {
			t.Errorf("line %d: %s; want line %d: %s", f.Line, f.Error, i+3, b.error)
		}
	}
}

func TestInvalidJSONIsReportedByLine(t *testing.T) {
	row := `{"acctsessionid":"1","username":"alice","nasipaddress":"192.0.2.1","acctstarttime":"2026-11-22T08:00:00Z"}`
	body := strings.Join([]string{row, `[]`, `null`, `{`, `{"acctsessionid":{}}`, `{"acctsessionid":"1","acct-session-id":"2"}`,
		"{\"username\":\"\xff\"}", "", row}, "\n")
	got := imported(t, post(t, &desk{}, "application/x-ndjson", "", body))
	var lines []int
	for _, f := range got.Rejected {
		lines = append(lines, f.Line)
	}
	if got.Accepted != 2 || !slices.Equal(lines, []int{2, 3, 4, 5, 6, 7}) {
		t.Errorf("%+v", got)
	}
}

func TestSessionsThatEndedBeforeHistoryAreSkipped(t *testing.T) {
	d := &desk{}
	row := func(id, stop string) string {
		return fmt.Sprintf("%s,alice,192.0.2.1,2026-01-01T00:00:00Z,%s\n", id, stop)
	}
	got := imported(t, post(t, d, "text/csv", "", "acctsessionid,username,nasipaddress,acctstarttime,acctstoptime\n"+
		row("old", "2026-11-15T11:59:59Z")+row("young", "2026-11-15T12:00:01Z")+row("live", "")))
	if got.Accepted != 2 || got.Skipped != 1 || d.sessions[0].ID != "young" || d.sessions[1].ID != "live" {
		t.Errorf("%+v %+v", got, d.sessions)
	}
}

func TestABodyThatIsNoneIsRefusedAsAWhole(t *testing.T) {
	for _, test := range []struct {
		contentType, zone, body string
		want                    int
	}{
		{"text/csv", "", "", 400},
		{"text/csv", "", "1,alice,192.0.2.1\n2,bob,192.0.2.1\n", 400},
		{"text/csv", "", "acctsessionid,AcctSessionId\n", 400},
		{"text/html", "", "<p>", 400},
		{"", "", "{}", 400},
		{"text/csv", "Mars/Olympus", "acctsessionid\n", 422},
		{"text/csv", "Local", "acctsessionid\n", 422},
		{"text/csv", "../../etc/passwd", "acctsessionid\n", 422},
		{"application/x-ndjson", "", strings.Repeat("{}\n", MaxLines+1), 413},
		{"text/csv", "", "acctsessionid\n" + strings.Repeat("x\n", MaxLines+1), 413},
	} {
		if w := post(t, &desk{}, test.contentType, test.zone, test.body); w.Code != test.want {
			t.Errorf("%s %s %.20q: %d %s, want %d", test.contentType, test.zone, test.body, w.Code, w.Body, test.want)
		}
	}
}

func TestAStoreThatDoesNotAnswerIsA503(t *testing.T) {
	d := &desk{answer: func(Session) error { return errors.New("dial tcp: connection refused") }}
	if w := post(t, d, "text/csv", "Europe/Berlin", example); w.Code != 503 || strings.Contains(w.Body.String(), "dial tcp") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestOnlyTheScopeAdminMayImport(t *testing.T) {
	for _, scope := range httpx.Scopes {
		token, err := httpx.NewToken("x", "0123456789abcdef0123456789abcdef", []httpx.Scope{scope}, "")
		if err != nil {
			t.Fatal(err)
		}
		d := &desk{}
		im := New(d, time.Hour)
		s, err := httpx.New(httpx.Config{Listen: "127.0.0.1:0", Tokens: []httpx.Token{token}})
		if err != nil {
			t.Fatal(err)
		}
		im.Mount(s)
		r := httptest.NewRequest("POST", "http://localhost/api/v1/sessions/import", strings.NewReader("acctsessionid\n"))
		r.Header.Set("Content-Type", "text/csv")
		r.Header.Set("Authorization", "Bearer 0123456789abcdef0123456789abcdef")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if want := map[bool]int{true: 200, false: 403}[scope == httpx.ScopeAdmin]; w.Code != want {
			t.Errorf("%s: %d, want %d", scope, w.Code, want)
		}
	}
}

func TestLocalTimesNameOneMomentOrNone(t *testing.T) {
	berlin, err := parseZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	howe, err := parseZone("Australia/Lord_Howe") // changes by half an hour
	if err != nil {
		t.Fatal(err)
	}
	offset, err := parseZone("+05:30")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		text string
		zone *time.Location
		want string // RFC 3339, or part of the error
	}{
		{"2026-07-01 12:00:00", berlin, "2026-07-01T10:00:00Z"},
		{"2026-01-01 12:00:00.5", berlin, "2026-01-01T11:00:00Z"},
		{"2026-10-25 01:59:59", berlin, "2026-10-24T23:59:59Z"},
		{"2026-10-25 02:30:00", berlin, "is ambiguous"},
		{"2026-10-25 03:00:00", berlin, "2026-10-25T02:00:00Z"},
		{"2026-03-29 02:30:00", berlin, "does not exist"},
		{"2026-04-05 01:45:00", howe, "is ambiguous"},
		{"2026-01-01 12:00:00", offset, "2026-01-01T06:30:00Z"},
		{"2026-01-01 12:00:00+00", berlin, "2026-01-01T12:00:00Z"},
		{"2026-01-01 12:00:00.123456+01", nil, "2026-01-01T11:00:00Z"},
		{"2026-01-01 12:00:00", nil, "has no offset"},
	} {
		at, err := parseMoment(test.text, test.zone)
		got := at.Truncate(time.Second).Format(time.RFC3339)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, test.want) {
			t.Errorf("%q in %v: %s, want %s", test.text, test.zone, got, test.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(true, "", example)
	f.Add(true, "Europe/Berlin", "acctsessionid,nasipaddress,acctstarttime\n\"1\n\",192.0.2.1,2026-10-25 02:30:00\n")
	f.Add(false, "+01:00", `{"acctsessionid":1,"nasidentifier":"x","acctstarttime":"2026-11-22T08:00:00Z","framedipaddress":"198.51.100.7"}`)
	f.Fuzz(func(t *testing.T, asCSV bool, zoneName, body string) {
		zone, err := parseZone(zoneName)
		if err != nil {
			return
		}
		kind := "application/x-ndjson"
		if asCSV {
			kind = "text/csv"
		}
		r := reader{zone: zone, now: now}
		table, err := r.decode(kind, []byte(body))
		if err != nil {
			return
		}
		if len(table.sessions) != len(table.lines) || len(table.sessions)+len(table.faults) > MaxLines {
			t.Fatalf("%d sessions, %d lines, %d faults", len(table.sessions), len(table.lines), len(table.faults))
		}
		for _, s := range table.sessions {
			if s.ID == "" || s.Seen.Before(s.Start) || s.Start.Before(earliestStart) || s.Seen.After(now.Add(quarantine.ClockSlack)) ||
				!s.NAS.IsValid() && s.NASName == "" {
				t.Errorf("impossible session %+v", s)
			}
			for _, a := range s.Addresses {
				if a.Prefix != a.Prefix.Masked() || a.Prefix.Addr().IsUnspecified() {
					t.Errorf("impossible address %v", a)
				}
			}
		}
	})
}
