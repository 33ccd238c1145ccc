package prove

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/bng"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// hotspot is a BNG that ends the accounting session at a restriction and begins another
// one at the release, and the accounting of both.
type hotspot struct {
	line    quarantine.Session
	ids     []string // of the lines' sessions, the live one last; "" while at the portal
	deaf    bool     // ACKs and does nothing
	refused int      // requests that named an id that is over
}

func (h *hotspot) Do(_ context.Context, x coa.Exchange) (coa.Result, error) {
	id, named := "", false
	for _, a := range x.Attributes {
		if a.Type == 44 {
			id, named = string(a.Attribute), true
		}
	}
	switch live := h.ids[len(h.ids)-1]; {
	case named && id != live:
		h.refused++
		return coa.Result{Kind: coa.NAK, Transmissions: 1}, nil
	case h.deaf:
	case live != "":
		h.ids = append(h.ids, "")
	default:
		h.ids = append(h.ids, "2")
		h.line.ID, h.line.StartedAt = "2", time.Now()
	}
	return coa.Result{Kind: coa.ACK, Transmissions: 1}, nil
}

func (h *hotspot) Session(_ context.Context, key quarantine.SessionKey) (quarantine.Session, error) {
	s := h.line
	s.SessionKey = key
	if key.ID != h.ids[len(h.ids)-1] {
		s.EndedAt = time.Now()
	}
	return s, nil
}

func (h *hotspot) SessionsOf(context.Context, string) ([]quarantine.Session, error) {
	if h.ids[len(h.ids)-1] == "" {
		return nil, nil
	}
	return []quarantine.Session{h.line}, nil
}

func TestAPlatformThatRenamesRestrictedSessionsIsProvedByItsStopAndItsNextStart(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d, _ := dialect.Builtin().Get("coova-chilli")
			secret, err := radiusx.NewSecret("0123456789abcdef0123456789abcdef")
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now().Add(-time.Hour)
			h := &hotspot{deaf: deaf, ids: []string{"1"}, line: quarantine.Session{
				SessionKey: quarantine.SessionKey{BNG: "hotspot", ID: "1"}, Subscriber: "alice", StartedAt: began, SeenAt: began, StartSeen: true,
			}}
			var said strings.Builder
			record, err := Trial{
				BNG: bng.Config{
					Name: "hotspot", Address: netip.MustParseAddr("192.0.2.1"), Secret: secret, Dialect: d, Foreign: []string{"walled"},
					Profiles: map[string]dialect.Profile{"garden": {Restricted: "portal", Normal: "2000/10000 timeout=86400"}},
				},
				Profile: "garden", Session: h.line, Sessions: h, Client: h, Wait: 10 * time.Second, Out: &said,
			}.Run(t.Context())
			if proves := err == nil && record.Proves(); proves == deaf {
				t.Errorf("deaf %t: %v, %+v\n%s", deaf, err, record, said.String())
			}
			if h.refused > 0 || !strings.Contains(said.String(), "foreign_profiles: no attribute of coova-chilli") {
				t.Errorf("refused %d\n%s", h.refused, said.String())
			}
		})
	}
}
