package coa

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
)

// window is how many exchanges the benchmarks keep in flight.
const window = 64

// BenchmarkExchange is whole exchanges, with Message-Authenticator both ways
// and Event-Timestamp, on loopback against the minimal responder.
func BenchmarkExchange(b *testing.B) {
	peer := udpBNG(b, "127.0.0.1:0", ack)
	c, err := New(Config{Source: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	x := requestTo(b, peer)
	b.ReportAllocs()
	b.ResetTimer()
	tokens := make(chan struct{}, b.N)
	for range b.N {
		tokens <- struct{}{}
	}
	close(tokens)
	var running sync.WaitGroup
	for range window {
		running.Go(func() {
			for range tokens {
				if r, err := c.Do(context.Background(), x); err != nil || r.Kind != ACK {
					b.Errorf("%v, %v", r.Kind, err)
				}
			}
		})
	}
	running.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "exchanges/s")
}

// BenchmarkRawEcho sends one packet and reads one packet a system call, with the
// same responder, packet and window and nothing else: what a socket gives.
func BenchmarkRawEcho(b *testing.B) {
	peer := udpBNG(b, "127.0.0.1:0", ack)
	x := requestTo(b, peer)
	packet, err := encode(&x, testKey, 1, testTime)
	if err != nil {
		b.Fatal(err)
	}
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	b.ReportAllocs()
	b.ResetTimer()
	buffer := make([]byte, 4096)
	for sent, read := 0, 0; read < b.N; read++ {
		for ; sent < b.N && sent-read < window; sent++ {
			if _, err := conn.WriteToUDPAddrPort(packet, peer); err != nil {
				b.Fatal(err)
			}
		}
		if _, _, err := conn.ReadFromUDPAddrPort(buffer); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "exchanges/s")
}
