package acct

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"cordon/radiusx/bngsim"
)

// BenchmarkReceive is the reader's share of one record: everything up to the
// queue, with a worker that empties it.
func BenchmarkReceive(b *testing.B) {
	conn, err := bngsim.NewWire(1).Listen(serverAddr)
	if err != nil {
		b.Fatal(err)
	}
	s, err := New(Config{
		Holdable: hostAddress,
		Conns:    []net.PacketConn{conn},
		Clients:  []Client{{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Secret: secret(b, testSecret)}},
		Handler:  &memory{}, Now: func() time.Time { return time.Unix(1800000001, 0) },
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	packet := accounting(b, 1, aStart+`, Framed-IPv6-Prefix="2001:db8:1::/64", Delegated-IPv6-Prefix="2001:db8:2::/56",
		Calling-Station-Id="02:00:00:00:00:01", NAS-Port-Id="eth0.7", Event-Timestamp=1800000000, Acct-Session-Time=60`)
	b.ReportAllocs()
	for b.Loop() {
		s.receive(s.sockets[0], packet, bngAddr)
		for _, queue := range s.queues {
			select {
			case x := <-queue:
				s.drop(x, HandlerRefused, s.config.Now())
			default:
			}
		}
	}
}
