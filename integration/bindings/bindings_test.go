package bindings

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// shelf keeps what is recorded, unless it fails.
type shelf struct {
	kept  []quarantine.Binding
	err   error
	heard []quarantine.SourceActivity
}

func (s *shelf) ReportSources(_ context.Context, r quarantine.SourceReport) error {
	s.heard = append(s.heard, r.Activity...)
	return nil
}

func (s *shelf) AccountingSources(context.Context) (quarantine.AccountingSources, error) {
	return quarantine.AccountingSources{}, nil
}

func (s *shelf) RecordBindings(_ context.Context, bindings []quarantine.Binding) []error {
	errs := make([]error, len(bindings))
	for i, b := range bindings {
		if errs[i] = s.err; s.err == nil {
			s.kept = append(s.kept, b)
		}
	}
	return errs
}

// push posts a body and returns the answer.
func push(t *testing.T, s *shelf, body string) *httptest.ResponseRecorder {
	t.Helper()
	server, err := httpx.New(httpx.Config{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	edge, err := New(Config{Recorder: s, Sources: s, History: 168 * time.Hour, Now: func() time.Time { return noon },
		Addresses: quarantine.AddressPlan{
			Spaces: []quarantine.AddressSpace{{Name: "east", Prefixes: []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10")},
				BNGs: []string{"e1"}}},
		}})
	if err != nil {
		t.Fatal(err)
	}
	edge.Mount(server)
	request := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/api/v1/bindings", strings.NewReader(body))
	request.Header.Set("Content-Type", "application/x-ndjson")
	w := httptest.NewRecorder()
	server.Handler().ServeHTTP(w, request)
	return w
}

const good = `{"ip":"203.0.113.5","ports":"1024-2047","from":"2026-03-01T11:00:00Z","private_ip":"100.64.0.9"}`

func TestLinesOfATranslatorsLogAreStored(t *testing.T) {
	s := &shelf{}
	w := push(t, s, good+"\n\n"+`{"ip":"203.0.113.5","ports":"2048-3071","from":"2026-03-01T12:00:00.5+01:00","to":"2026-03-01T11:30:00Z","subscriber":"bob@isp"}`)
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	block := func(lo, hi uint16) quarantine.Address {
		return quarantine.Address{Prefix: netip.MustParsePrefix("203.0.113.5/32"), Kind: quarantine.NATPortBlock,
			Ports: quarantine.PortRange{Lo: lo, Hi: hi}}
	}
	from, to := noon.Add(-time.Hour), noon.Add(-30*time.Minute)
	want := []quarantine.Binding{
		{
			Address: block(1024, 2047), Session: quarantine.SessionKey{BNG: "log:operator", ID: "100.64.0.9@east"}, From: from, RenewedAt: from,
			Via: quarantine.Place{Addr: netip.MustParseAddr("100.64.0.9"), Space: "east"},
		},
		{
			Address: block(2048, 3071), Session: quarantine.SessionKey{BNG: "log:operator", ID: "bob@isp"}, From: from.Add(500 * time.Millisecond),
			RenewedAt: to, To: to,
			Subscriber: "bob@isp",
		},
	}
	if diff := cmp.Diff(want, s.kept, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

func TestBadLinesAreReportedByNumberAndTheGoodOnesTaken(t *testing.T) {
	for fault, line := range map[string]string{
		"ports":                 `{"ip":"203.0.113.5","from":"2026-03-01T11:00:00Z","subscriber":"x"}`,
		"a private address":     `{"ip":"192.168.1.1","ports":"1-2","from":"2026-03-01T11:00:00Z","subscriber":"x"}`,
		"loopback address":      `{"ip":"127.0.0.1","ports":"1-2","from":"2026-03-01T11:00:00Z","subscriber":"x"}`,
		"invalid address":       `{"ip":"203.0.113","ports":"1-2","from":"2026-03-01T11:00:00Z","subscriber":"x"}`,
		"with an offset":        `{"ip":"203.0.113.5","ports":"1-2","from":"2026-03-01T11:00:00","subscriber":"x"}`,
		"in the future":         `{"ip":"203.0.113.5","ports":"1-2","from":"2026-03-01T12:01:00Z","subscriber":"x"}`,
		"older than":            `{"ip":"203.0.113.5","ports":"1-2","from":"2026-01-01T12:01:00Z","subscriber":"x"}`,
		"before from":           `{"ip":"203.0.113.5","ports":"1-2","from":"2026-03-01T11:00:00Z","to":"2026-03-01T10:00:00Z","subscriber":"x"}`,
		"exactly one":           `{"ip":"203.0.113.5","ports":"1-2","from":"2026-03-01T11:00:00Z"}`,
		"unknown address space": `{"ip":"203.0.113.5","ports":"1-2","from":"2026-03-01T11:00:00Z","private_ip":"100.64.0.9","space":"west"}`,
		"unknown field":         `{"ip":"203.0.113.5","ports":"1-2","from":"2026-03-01T11:00:00Z","subscriber":"x","protocol":"tcp"}`,
		"alone on its line":     `{"complete_to":"2026-03-01T11:00:00Z","ip":"203.0.113.5"}`,
		"complete_to":           `{"complete_to":"yesterday"}`,
		"before renewed_at":     `{"ip":"203.0.113.5","ports":"1-2","from":"2026-03-01T11:00:00Z","renewed_at":"2026-03-01T11:30:00Z","to":"2026-03-01T11:20:00Z","subscriber":"x"}`,
		"renewed_at: must n":    `{"ip":"203.0.113.5","ports":"1-2","from":"2026-03-01T11:00:00Z","renewed_at":"2026-03-01T10:30:00Z","subscriber":"x"}`,
		"ends too early":        `{"ip":"203.0.113.5",`,
		"cannot unmarshal":      `{"ip":7,"ports":"1-2","from":"2026-03-01T11:00:00Z","subscriber":"x"}`,
	} {
		s := &shelf{}
		w := push(t, s, good+"\n"+line+"\n"+good)
		var recorded struct {
			Stored, Failed int
			Errors         []wire.LineFault
		}
		if err := json.Unmarshal(w.Body.Bytes(), &recorded); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%d %s, %v", w.Code, w.Body, err)
		}
		if recorded.Stored != 2 || recorded.Failed != 1 || len(recorded.Errors) != 1 || recorded.Errors[0].Line != 2 ||
			!strings.Contains(recorded.Errors[0].Error, fault) {
			t.Errorf("%s: %s", fault, w.Body)
		}
	}
}

func TestABodyOfWhichNothingCanBeTakenIsRefused(t *testing.T) {
	if w := push(t, &shelf{}, " \n "); w.Code != http.StatusBadRequest {
		t.Errorf("empty: %d %s", w.Code, w.Body)
	}
	if w := push(t, &shelf{}, strings.Repeat("{}\n", MaxLines+2)); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("too many: %d %s", w.Code, w.Body)
	}
	if w := push(t, &shelf{err: errors.New("away")}, good); w.Code != http.StatusServiceUnavailable &&
		w.Code != http.StatusInternalServerError {
		t.Errorf("store away: %d %s", w.Code, w.Body)
	}
}

func FuzzALineIsTakenOrItsFaultIsTold(f *testing.F) {
	f.Add(good)
	f.Add(`{"complete_to":"2026-03-01T11:00:00Z"}`)
	f.Add(`{"ip":"203.0.113.5","ports":"1-2","from":"2026-03-01T11:00:00Z","renewed_at":"2026-03-01T11:30:00Z","subscriber":"x"}`)
	f.Add(`{"ip":"::ffff:203.0.113.5","ports":"1-65535","from":"2026-03-01T11:00:00Z","to":null,"subscriber":"x"}`)
	f.Fuzz(func(t *testing.T, line string) {
		r := &reader{sender: "log:x", oldest: noon.Add(-168 * time.Hour), now: noon}
		s, err := r.read([]byte(line))
		if err == nil && s.heartbeat {
			if s.reported.After(noon.Add(quarantine.FutureTolerance)) {
				t.Errorf("taken: %+v", s)
			}
			return
		}
		b := s.binding
		if err != nil {
			if err.Error() == "" {
				t.Error("a fault without words")
			}
			return
		}
		if b.Ports.All() || !b.Prefix.IsSingleIP() || quarantine.Private(b.Prefix.Addr()) || (b.Subscriber == "") != b.Via.IsValid() ||
			b.From.After(noon.Add(quarantine.FutureTolerance)) || !b.To.IsZero() && b.To.Before(b.From) {
			t.Errorf("taken: %+v", b)
		}
		if s.reported.Before(b.From) || s.reported.Before(b.To) || b.RenewedAt.Before(b.From) {
			t.Errorf("taken: %+v", s)
		}
	})
}
