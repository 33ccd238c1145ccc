package coa

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// udpBNG answers on a loopback address with whatever answer makes of each
// request (nil: nothing), until the test ends.
func udpBNG(t testing.TB, address string, answer func(request []byte) []byte) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	udp := conn.(*net.UDPConn)
	var running sync.WaitGroup
	running.Go(func() {
		buffer := make([]byte, 4096)
		for {
			n, from, err := udp.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			if b := answer(buffer[:n]); b != nil {
				_, _ = udp.WriteToUDPAddrPort(b, from)
			}
		}
	})
	t.Cleanup(func() {
		_ = conn.Close()
		running.Wait()
	})
	return udp.LocalAddr().(*net.UDPAddr).AddrPort()
}

func TestExchangesOverRealSockets(t *testing.T) {
	for _, test := range []struct{ name, listen, source string }{
		{"IPv4", "127.0.0.1:0", "127.0.0.1"},
		{"IPv6", "[::1]:0", "::1"},
		{"IPv4, any source", "127.0.0.1:0", ""},
		{"IPv6, any source", "[::1]:0", ""},
		{"IPv4, mapped source", "127.0.0.1:0", "::ffff:127.0.0.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := udpBNG(t, test.listen, ack)
			var config Config
			if test.source != "" {
				config.Source = netip.MustParseAddr(test.source)
			}
			c, err := New(config)
			if err != nil {
				t.Fatal(err)
			}
			var running sync.WaitGroup
			for range 20 {
				running.Go(func() {
					for range 50 {
						if r := do(t, c, requestTo(t, peer)); r.Kind != ACK || r.Peer != peer {
							t.Errorf("%v from %v", r.Kind, r.Peer)
						}
					}
				})
			}
			running.Wait()
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			goleak.VerifyNone(t, goleak.IgnoreAnyFunction("cordon/radiusx/coa.udpBNG.func1"), goleak.IgnoreAnyFunction("testing.(*T).Run"))
		})
	}
}

func TestAMappedPeerIsTheSameBNG(t *testing.T) {
	peer := udpBNG(t, "127.0.0.1:0", ack)
	c, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	mapped := netip.AddrPortFrom(netip.AddrFrom16(peer.Addr().As16()), peer.Port())
	for range 2 {
		if r := do(t, c, requestTo(t, mapped)); r.Kind != ACK || r.Peer != peer {
			t.Errorf("%v from %v", r.Kind, r.Peer)
		}
	}
	if n := c.Stats().Ports; n != 1 {
		t.Errorf("%d ports", n)
	}
}

func TestARefusedPortIsSilenceAndNoError(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	peer := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	_ = conn.Close() // now nobody listens there
	c, err := New(Config{Source: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	x := requestTo(t, peer)
	x.Timeout = 50 * time.Millisecond
	if r := do(t, c, x); r.Kind != Unanswered || r.Transmissions != 1 {
		t.Errorf("%v after %d transmissions", r.Kind, r.Transmissions)
	}
}

func TestAnAddressThatIsNotOursIsAnErrorAtOnce(t *testing.T) {
	if _, err := New(Config{Source: netip.MustParseAddr("192.0.2.77")}); err == nil {
		t.Error("a client on an address of somebody else")
	}
}
