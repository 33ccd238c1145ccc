package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"layeh.com/radius"

	"cordon/radiusx"
	"cordon/radiusx/bng"
	"cordon/radiusx/bngsim"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

const (
	ours   = "our-secret-0123456789abcdef0123456789"
	theirs = "their-secret-0123456789abcdef01234567"
)

func secret(t *testing.T, s string) radiusx.Secret {
	t.Helper()
	made, err := radiusx.NewSecret(s)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// lab is a simulated BNG with live sessions, and what probes it, on a wire in
// memory.
type lab struct {
	sim    *bngsim.BNG
	config Config
}

// set says how a lab differs from a sound one of that make.
type set struct {
	dialect string
	change  func(*bngsim.Config)
	faults  bngsim.Faults
	ours    func(*bng.Config)
	port    uint16 // that the simulation listens on; 0: the dialect's
}

// subscribers have sessions while the probe runs; the last one lacks nearly
// everything that a request could name it by.
var subscribers = []bngsim.Subscriber{
	{User: "alice@isp", IPv4: netip.MustParseAddr("198.51.100.7"), MAC: "02-00-00-00-00-01", NASPortID: "1/1:836",
		Profile: bngsim.State{FilterID: "PLAN"}},
	{User: "bob@isp", IPv4: netip.MustParseAddr("198.51.100.8"), Prefix: netip.MustParsePrefix("2001:db8:8::/64")},
	{User: ""},
}

// probed runs a probe of a BNG in a lab and hands both to check, in the lab's
// time.
func probed(t *testing.T, s set, check func(*testing.T, *lab, Report)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d, known := dialect.Builtin().Get(s.dialect)
		if !known {
			t.Fatalf("no dialect %q", s.dialect)
		}
		wire, addr := bngsim.NewWire(1), netip.MustParseAddr("192.0.2.1")
		port := d.CoAPort
		if s.port != 0 {
			port = s.port
		}
		conn, err := wire.Listen(netip.AddrPortFrom(addr, port))
		if err != nil {
			t.Fatal(err)
		}
		config := bngsim.Config{Name: "bng1", NASIP: addr, Platform: bngsim.Platform(s.dialect), Secret: secret(t, ours), Conn: conn}
		if s.change != nil {
			s.change(&config)
		}
		sim, err := bngsim.New(config)
		if err != nil {
			t.Fatal(err)
		}
		sim.SetFaults(s.faults)
		client, err := coa.New(coa.Config{Listen: func(string, string) (net.PacketConn, error) {
			return wire.Listen(netip.AddrPortFrom(netip.MustParseAddr("192.0.2.99"), 0))
		}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = sim.Run(ctx) }()
		defer func() {
			cancel()
			<-ended
			if err := client.Close(); err != nil {
				t.Error(err)
			}
		}()
		for _, who := range subscribers {
			if _, err := sim.Login(t.Context(), who); err != nil {
				t.Fatal(err)
			}
		}
		var signing coa.MessageAuthenticatorMode
		if err := signing.UnmarshalText([]byte(d.MessageAuthenticator)); err != nil {
			t.Fatal(err)
		}
		l := &lab{sim: sim, config: Config{Client: client, BNG: bng.Config{
			Name: "bng1", Address: addr, Secret: secret(t, ours), Dialect: d, MessageAuthenticator: signing,
			OmitEventTimestamp: d.EventTimestamp == dialect.StampOmit,
		}}}
		if s.ours != nil {
			s.ours(&l.config.BNG)
		}
		before := sim.Sessions()
		report, err := Run(t.Context(), l.config)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // what the simulation does late, too
		if diff := cmp.Diff(before, sim.Sessions(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
			cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
			t.Errorf("the probe changed sessions:\n%s", diff)
		}
		if text := report.Text(); strings.Contains(text, ours) || strings.Contains(text, theirs) {
			t.Errorf("a secret is shown:\n%s", text)
		}
		check(t, l, report)
	})
}

func quirks(names ...bngsim.Quirk) func(*bngsim.Config) {
	return func(c *bngsim.Config) { c.Quirks = names }
}

func TestEachConditionGetsItsVerdict(t *testing.T) {
	for _, test := range []struct {
		name  string
		set   set
		want  Verdict
		says  string // somewhere in sentence, advice and tries
		tries int
	}{
		{"sound", set{dialect: "junos"}, Alive, "503 Session-Context-Not-Found", 1},
		{"a make that names no cause", set{dialect: "coova-chilli"}, Alive, "CoA-NAK without Error-Cause", 1},
		{"a make that only disconnects", set{dialect: "hostapd"}, Alive, "can only disconnect", 1},
		{"another secret, silently", set{dialect: "junos", change: func(c *bngsim.Config) { c.Secret = secret(t, theirs) }}, Silent,
			"a wrong secret", 5},
		{"answers with another secret", set{dialect: "junos", faults: bngsim.Faults{BadAuthenticator: true}}, WrongSecret, "bad-authenticator",
			1},
		{"silent", set{dialect: "junos", faults: bngsim.Faults{Silent: true}}, Silent, "a filter on the way", 5},
		{"does not answer CoA", set{dialect: "junos", change: quirks(bngsim.SilentCoA)}, Silent, "without dynamic authorization", 5},
		{"not its client", set{dialect: "junos", change: func(c *bngsim.Config) { c.Allowed = []netip.Prefix{} }}, Silent,
			"that we are not one of its clients", 5},
		{"takes the first that is left", set{dialect: "skat", change: quirks(bngsim.FirstMatch)}, AcksAnything, "its ACK proves nothing", 1},
		{"knows sessions by name alone", set{dialect: "mikrotik", change: quirks(bngsim.NameOnly)}, Alive, "", 1},
		{"not for it", set{dialect: "junos", faults: bngsim.Faults{NAK: 403}}, NotUs, "403 NAS-Identification-Mismatch", 1},
		{"prohibited", set{dialect: "junos", faults: bngsim.Faults{NAK: 501}}, NotUs, "not from us", 1},
		{"no CoA there", set{dialect: "junos", faults: bngsim.Faults{NAK: 405}}, NoCoA, "coa_port", 1},
		{"other identifiers", set{dialect: "junos", faults: bngsim.Faults{NAK: 401}}, RefusesAttributes, "dialect", 1},
		{"a proxy", set{dialect: "junos", faults: bngsim.Faults{NAK: 502}}, ProxyError, "nothing about the BNG", 1},
		{"busy", set{dialect: "junos", faults: bngsim.Faults{NAK: 506}}, Busy, "no room", 1},
		{"several match", set{dialect: "junos", faults: bngsim.Faults{NAK: 508}}, MatchesSeveral, "several sessions", 1},
		{"unknown cause", set{dialect: "junos", faults: bngsim.Faults{NAK: 499}}, Alive, "unknown reason", 1},
		{"wrong code", set{dialect: "junos", change: quirks(bngsim.WrongCode)}, WrongCode, "wrong-code", 1},
		{"wrong signature, right without", set{dialect: "junos", change: quirks(bngsim.BadMessageAuth)}, MessageAuthenticator,
			"message_authenticator: omit", 2},
		{"signature required and not there", set{dialect: "junos", change: quirks(bngsim.NoMessageAuth), ours: func(b *bng.Config) {
			b.MessageAuthenticator = coa.MessageAuthenticatorRequireReply
		}}, NoMessageAuthenticator, "message_authenticator: send", 1},
		{"drops signed requests", set{dialect: "junos", change: quirks(bngsim.DropsMessageAuth)}, MessageAuthenticator,
			"set message_authenticator: omit", 2},
		{"wants signed requests", set{dialect: "junos", change: func(c *bngsim.Config) { c.RequireMessageAuthenticator = true },
			ours: func(b *bng.Config) {
				b.MessageAuthenticator = coa.MessageAuthenticatorOmit
			}}, MessageAuthenticator, "set message_authenticator: send", 2},
		{"wants a timestamp", set{dialect: "junos", change: quirks(bngsim.NeedsTimestamp),
			ours: func(b *bng.Config) { b.OmitEventTimestamp = true }},
			EventTimestamp, "event_timestamp: send", 3},
		{"wants both", set{dialect: "junos", change: func(c *bngsim.Config) {
			c.RequireMessageAuthenticator, c.RequireEventTimestamp = true,
				true
		}, ours: func(b *bng.Config) {
			b.OmitEventTimestamp, b.MessageAuthenticator = true, coa.MessageAuthenticatorOmit
		}}, BothSettings, "message_authenticator: send and event_timestamp: send", 4},
		{"clock ahead", set{dialect: "junos", change: quirks(bngsim.ClockSkew)}, ClockSkew, "10m0s ahead of ours", 3},
		{"clock behind", set{dialect: "junos", change: func(c *bngsim.Config) {
			c.Quirks, c.ClockSkew = []bngsim.Quirk{bngsim.ClockSkew}, -10*time.Minute
		}}, ClockSkew, "10m0s behind ours", 3},
		{"clock far ahead, and answers", set{dialect: "junos", change: func(c *bngsim.Config) {
			c.Quirks, c.EventWindow = []bngsim.Quirk{bngsim.ClockSkew}, time.Hour
		}}, ClockSkew, "300 s", 1},
		{"clock a little ahead", set{dialect: "junos", change: func(c *bngsim.Config) {
			c.Quirks, c.ClockSkew = []bngsim.Quirk{bngsim.ClockSkew}, 20*time.Second
		}}, Alive, "Note: its clock is 20s ahead of ours", 1},
		{"another port", set{dialect: "junos", port: 1700}, WrongPort, "set coa_port: 1700", 5},
		{"Cisco on the standard's port", set{dialect: "cisco-isg", port: 3799}, WrongPort, "set coa_port: 3799", 5},
		{"slow", set{dialect: "junos", change: quirks(bngsim.Slow)}, Alive, "transmitted 2 times", 1},
		{"padding", set{dialect: "junos", change: quirks(bngsim.Padding)}, Alive, "", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			probed(t, test.set, func(t *testing.T, _ *lab, r Report) {
				if r.Verdict != test.want || len(r.Tries) != test.tries || !strings.Contains(r.Text(), test.says) {
					t.Errorf("want %s and %q after %d tries; got %s", test.want, test.says, test.tries, r.Text())
				}
			})
		})
	}
}

// TestAProbeChangesNothingWhateverTheGear runs it against every make under every
// quirk; probed compares all sessions, and the requests are looked at here. Some
// gear finds the session that has no name to compare: it is not changed either.
func TestAProbeChangesNothingWhateverTheGear(t *testing.T) {
	for _, m := range bngsim.Platforms() {
		for _, q := range append([]bngsim.QuirkInfo{{}}, bngsim.Quirks()...) {
			if q.Name == bngsim.Reboots || q.Name == bngsim.RebootsSilently { // they end sessions by themselves, whatever comes
				continue
			}
			t.Run(fmt.Sprintf("%s/%s", m, q.Name), func(t *testing.T) {
				s := set{dialect: string(m)}
				if q.Name != "" {
					s.change = quirks(q.Name)
				}
				probed(t, s, func(t *testing.T, l *lab, r Report) {
					for _, p := range l.sim.Packets() {
						if p.Datagram[0] == 40 {
							t.Errorf("a Disconnect-Request was sent")
						}
					}
					if first := r.Tries[0]; first.Outcome == "ack" && r.Verdict != AcksAnything {
						t.Errorf("it found somebody, and the verdict is %s", r.Verdict)
					}
				})
			})
		}
	}
}

// TestAnACKAboutAnUnknownSubscriberIsNoGoodNews has a BNG that says yes to everything.
func TestAnACKAboutAnUnknownSubscriberIsNoGoodNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire, addr := bngsim.NewWire(1), netip.MustParseAddr("192.0.2.1")
		conn, err := wire.Listen(netip.AddrPortFrom(addr, 3799))
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			buffer := make([]byte, radiusx.MaxPacketLength)
			for {
				n, from, err := conn.ReadFrom(buffer)
				if err != nil {
					return // closed
				}
				asked, err := radius.Parse(buffer[:n], []byte(ours))
				if err != nil {
					t.Error(err)
					continue
				}
				answer, err := asked.Response(radius.CodeCoAACK).Encode()
				if err != nil {
					t.Error(err)
					continue
				}
				if _, err := conn.WriteTo(answer, from); err != nil {
					t.Error(err)
				}
			}
		}()
		client, err := coa.New(coa.Config{Listen: func(string, string) (net.PacketConn, error) {
			return wire.Listen(netip.AddrPortFrom(netip.MustParseAddr("192.0.2.99"), 0))
		}})
		if err != nil {
			t.Fatal(err)
		}
		d, _ := dialect.Builtin().Get("junos")
		r, err := Run(t.Context(), Config{Client: client, BNG: bng.Config{Name: "bng1", Address: addr, Secret: secret(t, ours), Dialect: d}})
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != AcksAnything || r.Verdict.Exit() != ExitWrong || !strings.Contains(r.Text(), "its ACK proves nothing") {
			t.Errorf("got %s", r.Text())
		}
		if err := errors.Join(client.Close(), conn.Close()); err != nil {
			t.Error(err)
		}
		<-ended
	})
}

func TestAPlanShowsTheRequestAndSendsNothing(t *testing.T) {
	d, _ := dialect.Builtin().Get("staros")
	c := Config{BNG: bng.Config{
		Name: "bng1", Address: netip.MustParseAddr("192.0.2.1"), Secret: secret(t, ours), Dialect: d, CoAPort: 1700,
		NAS: []bng.NAS{{Identifier: "gw-1"}, {IP: netip.MustParseAddr("192.0.2.9")}},
	}}
	p, err := c.Plan() // there is no client that could send
	if err != nil {
		t.Fatal(err)
	}
	text := p.Text()
	for _, want := range []string{"UDP 192.0.2.1:1700", `NAS-Identifier = "gw-1"`, "NAS-IP-Address = 192.0.2.9", "nothing was sent",
		"on port 3799"} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "on port 1700") || strings.Contains(text, ours) {
		t.Errorf("the plan:\n%s", text)
	}
}

func TestWhatIdentifiesIsNewEachTimeAndBelongsToNoSubscriber(t *testing.T) {
	b := &bng.Config{Address: netip.MustParseAddr("192.0.2.1")}
	seen := map[string]bool{}
	for range 50 {
		for _, a := range impossibleSession([]string{"User-Name", "Acct-Session-Id", "Calling-Station-Id", "Framed-IP-Address", "Framed-IPv6-Prefix",
			"Framed-IPv6-Address", "NAS-Port"}, radiusx.Builtin(), b) {
			if seen[a.Value] {
				t.Errorf("%v comes twice", a)
			}
			seen[a.Value] = true
			if _, err := radiusx.Builtin().Encode(nil, a); err != nil {
				t.Error(err)
			}
			switch addr, err := netip.ParseAddr(a.Value); {
			case a.Name == "Framed-IP-Address" && (err != nil || !netip.MustParsePrefix("240.0.0.0/5").Contains(addr)):
				t.Errorf("%v may be somebody's", a)
			case a.Name == "Framed-IPv6-Address" && (err != nil || !netip.MustParsePrefix("2001:db8::/32").Contains(addr)):
				t.Errorf("%v may be somebody's", a)
			case a.Name == "NAS-Port":
				t.Errorf("%v: a number may be somebody's", a)
			case (a.Name == "User-Name" || a.Name == "Acct-Session-Id") && !strings.HasPrefix(a.Value, "probe-"):
				t.Errorf("%v may be read as a number", a)
			}
		}
	}
}

func TestARefusedPortIsReported(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := netip.MustParseAddrPort(conn.LocalAddr().String()).Port()
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	client, err := coa.New(coa.Config{Source: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}()
	d, _ := dialect.Builtin().Get("junos")
	r, err := Run(t.Context(), Config{
		BNG:    bng.Config{Name: "bng1", Address: netip.MustParseAddr("127.0.0.1"), Secret: secret(t, ours), Dialect: d, CoAPort: port},
		Client: client, Timeout: time.Second, Ports: []uint16{},
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != PortRefused || r.Verdict.Exit() != ExitNothing || len(r.Tries) != 1 {
		t.Errorf("got %s", r.Text())
	}
}

func TestAReportIsReadByProgramsByItsWords(t *testing.T) {
	probed(t, set{dialect: "junos"}, func(t *testing.T, _ *lab, r Report) {
		raw, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var read struct {
			BNG, Verdict, Peer string
			Cannot             []string `json:"cannot_tell"`
			Tries              []struct {
				Outcome string
				Cause   uint32 `json:"error_cause"`
			}
		}
		if err := json.Unmarshal(raw, &read); err != nil {
			t.Fatal(err)
		}
		if read.BNG != "bng1" || read.Verdict != "alive" || read.Peer != "192.0.2.1:3799" || len(read.Cannot) == 0 ||
			len(read.Tries) != 1 || read.Tries[0].Outcome != "nak" || read.Tries[0].Cause != 503 {
			t.Errorf("%s reads as %+v", raw, read)
		}
	})
}

func TestEveryVerdictHasAWordOfItsOwn(t *testing.T) {
	var words []string
	for v := range verdicts {
		words = append(words, Verdict(v).String())
	}
	slices.Sort(words)
	if words[0] == "" || len(slices.Compact(words)) != len(verdicts) {
		t.Errorf("%q", words)
	}
}
