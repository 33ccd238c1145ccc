package e2e

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"layeh.com/radius"

	"cordon/radiusx"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// TestHostapdsDAS drives a real dynamic authorization server that refuses what is
// not exactly right, about a station that really logged in.
func TestHostapdsDAS(t *testing.T) {
	t.Parallel()
	if !namespaced(t) {
		return
	}
	a := startAuthenticator(t, 1813)
	alice, _ := a.login(t)
	known := []radiusx.Attribute{
		{Name: "User-Name", Value: "alice"}, {Name: "Acct-Session-Id", Value: alice.id},
		{Name: "Calling-Station-Id", Value: strings.ToUpper(strings.ReplaceAll(alice.mac, ":", "-"))},
	}
	another := slices.Clone(known)
	another[1].Value = "0123456789ABCDEF"
	anothersMAC := slices.Clone(known)
	anothersMAC[2].Value = "02-00-00-00-00-07"

	for _, test := range []struct {
		name    string
		session []radiusx.Attribute
		clock   time.Duration // what ours is ahead
		change  func(*coa.Exchange)
		want    coa.Kind
		cause   uint32
	}{
		{"without Message-Authenticator", known, 0, func(x *coa.Exchange) { x.MessageAuthenticator = coa.MessageAuthenticatorOmit },
			coa.Unanswered, 0},
		{"without Event-Timestamp", known, 0, func(x *coa.Exchange) { x.OmitEventTimestamp = true }, coa.Unanswered, 0},
		{"from ten minutes ago", known, -10 * time.Minute, nil, coa.Unanswered, 0},
		{"from ten minutes ahead", known, 10 * time.Minute, nil, coa.Unanswered, 0},
		{"with another secret", known, 0, func(x *coa.Exchange) { x.Secret = secretOf(t, acctSecret) }, coa.Unanswered, 0},
		{"of another session", another, 0, nil, coa.NAK, 503},
		{"of the session at another MAC address", anothersMAC, 0, nil, coa.NAK, 503},
		{"with an address", known, 0, func(x *coa.Exchange) {
			x.Attributes = append(x.Attributes, &radius.AVP{Type: 8, Attribute: radius.Attribute{198, 51, 100, 7}})
		}, coa.NAK, 401},
		{"as CoA", known, 0, func(x *coa.Exchange) { x.Code = radius.CodeCoARequest }, coa.NAK, 402},
		{"that is right", known, 4 * time.Minute, nil, coa.ACK, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := askDAS(t, test.session, test.clock, test.change)
			if r.Kind != test.want || r.ErrorCause != test.cause || r.Discarded > 0 {
				t.Errorf("got %v, Error-Cause %d, %d discarded (%v); want %v, %d", r.Kind, r.ErrorCause, r.Discarded, r.LastDiscard, test.want,
					test.cause)
			}
			if test.want != coa.ACK {
				a.staysFor(100*time.Millisecond, alice)
				return
			}
			within(t, soon, "hostapd has disconnected alice", func() (string, bool) { return a.output(), a.dropped(alice) })
		})
	}
	// Until it forgets the station, after 5 s in which it was not asked, it would
	// say ACK about the ended session.
	within(t, soon, "hostapd forgets the station", func() (string, bool) {
		out := a.output()
		return out, strings.Contains(out, "ap_free_sta: cancel ap_handle_timer for "+alice.mac)
	})
	if r := askDAS(t, known, 0, nil); r.Kind != coa.NAK || r.ErrorCause != 503 {
		t.Errorf("about the ended session: got %v, Error-Cause %d; want NAK, 503", r.Kind, r.ErrorCause)
	}
}

func secretOf(t *testing.T, s string) radiusx.Secret {
	t.Helper()
	made, err := radiusx.NewSecret(s)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// askDAS sends the hostapd dialect's Disconnect-Request about a session.
func askDAS(t *testing.T, session []radiusx.Attribute, clock time.Duration, change func(*coa.Exchange)) coa.Result {
	t.Helper()
	d, _ := dialect.Builtin().Get("hostapd")
	steps, err := d.Steps(dialect.Request{Action: dialect.Disconnect, Session: session})
	if err != nil {
		t.Fatal(err)
	}
	attributes, err := radiusx.Builtin().EncodeAll(steps[0].Attributes)
	if err != nil {
		t.Fatal(err)
	}
	x := coa.Exchange{
		Peer: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), dasPort), Secret: secretOf(t, coaSecret), Code: steps[0].Code,
		Attributes: attributes, MessageAuthenticator: coa.MessageAuthenticatorRequireReply, Timeout: 3 * time.Second,
	}
	if change != nil {
		change(&x)
	}
	client, err := coa.New(coa.Config{Source: netip.MustParseAddr("127.0.0.1"), Now: func() time.Time { return time.Now().Add(clock) }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}()
	r, err := client.Do(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestAVerdictEndsARealSessionOnHostapd goes the product's whole way: hostapd's
// accounting reports alice, a verdict names her, a person approves, and hostapd
// ends her session.
func TestAVerdictEndsARealSessionOnHostapd(t *testing.T) {
	t.Parallel()
	if !namespaced(t) {
		return
	}
	b := prepareBed(t, func(s *site) {
		s.mode = "approve" // an experimental dialect does not enforce
		s.bngs = []bngSite{{name: "hostapd-1", port: dasPort, more: "    dialect: hostapd"}}
		s.rules = "    - {name: bots, match: {category: [botnet]}, profile: disconnect, for: 72h}"
	})
	b.serve()
	a := startAuthenticator(t, b.site.acct)
	if p := ask[probed](b.instance, "bng", "test", "hostapd-1", "-c", b.file); p.Verdict != "alive" || p.Tries[0].ErrorCause != 402 {
		t.Errorf("cordon bng test: %+v", p)
	}
	alice, _ := a.login(t)
	who := strings.ReplaceAll(alice.mac, ":", "") // with its own EAP server hostapd accounts for the MAC address
	within(t, soon, "Cordon knows alice's session", func() (string, bool) {
		r := b.cli("session", "find", "--subscriber", who)
		return r.String(), strings.Contains(r.out, alice.id)
	})

	b.ok("verdict", "submit", "--subscriber", who, "--category", "botnet", "--confidence", "0.9")
	c := b.stands(who, "held")
	a.staysFor(500*time.Millisecond, alice)
	b.ok("quarantine", "approve", c.ID, "--reason", "the evidence is good")
	within(t, soon, "hostapd has disconnected alice", func() (string, bool) { return a.output(), a.dropped(alice) })
	b.stands(who, "waiting", "hostapd-1/"+alice.id+" gone") // by hostapd's own Accounting-Stop
	b.ok("quarantine", "release", c.ID, "--reason", "done")
	b.stands(who, "closed")
}
