package bngsim

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"layeh.com/radius"

	"cordon/radiusx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	nasIP   = netip.MustParseAddr("192.0.2.1")
	ourIP   = netip.MustParseAddr("192.0.2.10")
	dasAddr = netip.AddrPortFrom(nasIP, 3799)
)

const testSecret = "a-secret-long-enough-for-tests"

func secret(t testing.TB, s string) radiusx.Secret {
	t.Helper()
	sec, err := radiusx.NewSecret(s)
	if err != nil {
		t.Fatal(err)
	}
	return sec
}

// testDictionary knows the attribute that accel-ppp is configured with here.
func testDictionary(t testing.TB) *radiusx.Dictionary {
	t.Helper()
	d, err := radiusx.Builtin().With(
		radiusx.Definition{Name: "L4-Redirect", Number: 241, Type: radiusx.TypeString},
		radiusx.Definition{Name: "L4-Redirect-ipset", Number: 242, Type: radiusx.TypeString},
	)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// lab is a BNG on a wire with a client's socket beside it.
type lab struct {
	t      testing.TB
	wire   *Wire
	bng    *BNG
	client net.PacketConn
	stop   func() // ends the BNG and waits for it
}

// newLab starts a BNG inside a synctest bubble; configure may be nil, the test
// calls stop.
func newLab(t testing.TB, platform Platform, configure func(*Config)) *lab {
	t.Helper()
	l := &lab{t: t, wire: NewWire(1)}
	config := Config{
		Name: "bng1", NASIP: nasIP, Platform: platform, Secret: secret(t, testSecret), Conn: l.listen(dasAddr),
		Dictionary: testDictionary(t), RedirectAttribute: "L4-Redirect", IPSetAttribute: "L4-Redirect-ipset", Seed: 1,
	}
	if configure != nil {
		configure(&config)
	}
	bng, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	l.bng, l.client = bng, l.listen(netip.AddrPortFrom(ourIP, 0))
	ctx, cancel := context.WithCancel(t.Context())
	done := background(func() error { return bng.Run(ctx) })
	l.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = l.client.Close()
	})
	return l
}

// background runs f and returns the channel that gets its result.
func background(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

func (l *lab) listen(at netip.AddrPort) net.PacketConn {
	l.t.Helper()
	return listenOn(l.t, l.wire, at)
}

func listenOn(t testing.TB, wire *Wire, at netip.AddrPort) net.PacketConn {
	t.Helper()
	conn, err := wire.Listen(at)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func (l *lab) login(s Subscriber) Session {
	l.t.Helper()
	session, err := l.bng.Login(l.t.Context(), s)
	if err != nil {
		l.t.Fatal(err)
	}
	return session
}

// now returns a session as the BNG sees it; it must be there.
func (l *lab) now(id string) Session {
	l.t.Helper()
	s, ok := l.bng.Session(id)
	if !ok {
		l.t.Fatalf("session %s is gone", id)
	}
	return s
}

func (l *lab) send(packet []byte) {
	l.t.Helper()
	if _, err := l.client.WriteTo(packet, net.UDPAddrFromAddrPort(dasAddr)); err != nil {
		l.t.Fatal(err)
	}
}

// receive returns the next answer, nil after a minute of silence.
func (l *lab) receive() []byte {
	l.t.Helper()
	if err := l.client.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		l.t.Fatal(err)
	}
	buffer := make([]byte, radiusx.MaxPacketLength)
	n, _, err := l.client.ReadFrom(buffer)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return buffer[:n]
}

// ask sends a packet and returns the answer; a wrong one fails the test.
func (l *lab) ask(packet []byte) []byte {
	l.t.Helper()
	l.send(packet)
	answer := l.receive()
	if answer != nil && (answer[1] != packet[1] || !radius.IsAuthenticResponse(answer, packet, []byte(testSecret))) {
		l.t.Errorf("answer %x does not fit request %x", answer, packet)
	}
	return answer
}

// verdict is what an answer says: "ACK", "NAK", "NAK 503" or "silence".
func verdict(answer []byte) string {
	if answer == nil {
		return "silence"
	}
	if code := answer[0]; code == 41 || code == 44 {
		return "ACK"
	}
	attrs, err := radius.ParseAttributes(answer[radiusx.HeaderLength:])
	if err != nil {
		return err.Error()
	}
	for _, a := range radiusx.Builtin().Decode(attrs) {
		if a.Name == "Error-Cause" {
			return "NAK " + a.Value
		}
	}
	return "NAK"
}

// coa and disconnect make requests of text in radclient's syntax.
func coa(t testing.TB, identifier byte, text string) []byte {
	t.Helper()
	return encode(t, radius.CodeCoARequest, identifier, testSecret, text)
}

func disconnect(t testing.TB, identifier byte, text string) []byte {
	t.Helper()
	return encode(t, radius.CodeDisconnectRequest, identifier, testSecret, text)
}

func encode(t testing.TB, code radius.Code, identifier byte, key, text string) []byte {
	t.Helper()
	attrs, err := radiusx.ParseAttributes(text)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := testDictionary(t).EncodeAll(attrs)
	if err != nil {
		t.Fatal(err)
	}
	p := radius.Packet{Code: code, Identifier: identifier, Secret: []byte(key), Attributes: encoded}
	packet, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

// alice is a dual-stack PPP subscriber.
func alice() Subscriber {
	return Subscriber{
		User: "alice@isp", IPv4: netip.MustParseAddr("198.51.100.7"),
		Prefix: netip.MustParsePrefix("2001:db8:1::/64"), Delegated: netip.MustParsePrefix("2001:db8:2::/56"),
		MAC: "02:00:00:00:00:01", NASPortID: "eth0.7",
	}
}
