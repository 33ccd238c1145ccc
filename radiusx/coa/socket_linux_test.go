package coa

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// unreachable is a loopback address with a port that nobody has open.
func unreachable(t *testing.T, address string) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func TestAClosedPortIsHintedAtAndDisturbsNobodyElse(t *testing.T) {
	for _, address := range []string{"127.0.0.1", "::1"} {
		t.Run(address, func(t *testing.T) {
			at := net.JoinHostPort(address, "0")
			dead := unreachable(t, at)
			alive := udpBNG(t, at, ack)
			c, err := New(Config{Source: netip.MustParseAddr(address), Ports: 1}) // errors of all land on one socket
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			var running sync.WaitGroup
			const closed = 10 // the kernel sends no more than some ICMP errors a second
			for range closed {
				running.Go(func() {
					x := requestTo(t, dead)
					x.Timeout = 500 * time.Millisecond
					r := do(t, c, x)
					if r.Kind != Unanswered || r.Transmissions != 1 || !errors.Is(r.Hint, syscall.ECONNREFUSED) {
						t.Errorf("the closed port: %v after %d transmissions, hint: %v", r.Kind, r.Transmissions, r.Hint)
					}
				})
			}
			for range 100 {
				running.Go(func() {
					if r := do(t, c, requestTo(t, alive)); r.Kind != ACK || r.Transmissions != 1 || r.Hint != nil {
						t.Errorf("the BNG beside it: %v after %d transmissions, hint: %v", r.Kind, r.Transmissions, r.Hint)
					}
				})
			}
			running.Wait()
			if s := c.Stats(); s.ICMPErrors != closed || s.WriteErrors != 0 || s.ReadErrors != 0 {
				t.Errorf("figures: %+v", s)
			}
		})
	}
}

func TestTheBuffersThatTheKernelGaveAreTold(t *testing.T) {
	c, err := New(Config{Source: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	var reported int
	err = c.opened[0].receiver.(*batchReceiver).errors.raw.Control(func(fd uintptr) {
		reported, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
	})
	if err != nil {
		t.Fatal(err)
	}
	s := c.Stats()
	if s.ReceiveBuffer != reported/2 || s.SendBuffer == 0 {
		t.Errorf("figures: %+v, the kernel says %d", s, reported)
	}
	if short := s.ReceiveBuffer < bufferSize || s.SendBuffer < bufferSize; short != (s.ShortBuffers == 1) {
		t.Errorf("%d of %d octets, %d ports short", s.ReceiveBuffer, bufferSize, s.ShortBuffers)
	}
	c.opened[0].buffers.send = bufferSize - 1 // as where the kernel's limit is lower
	if n := c.Stats().ShortBuffers; n != 1 {
		t.Errorf("%d ports short although one is", n)
	}
}

func TestAPeerWithAZoneBetweenOthersIsWrittenToInItsTurn(t *testing.T) {
	w := newBatchWriterOn(t, "[::1]:0")
	arrived := make(chan byte, 10)
	peer := udpBNG(t, "[::1]:0", func(request []byte) []byte { arrived <- request[0]; return nil })
	zoned := netip.AddrPortFrom(peer.Addr().WithZone("lo"), peer.Port())
	batch := flights(4)
	for i, f := range batch {
		f.octets, f.request.peer = []byte{byte(i)}, peer
	}
	batch[1].request.peer = zoned
	for sent := 0; sent < len(batch); {
		n, err := w.write(batch[sent:])
		if err != nil || n == 0 {
			t.Fatalf("after %d: %d more, %v", sent, n, err)
		}
		sent += n
	}
	for i := range batch {
		if got := <-arrived; int(got) != i {
			t.Errorf("datagram %d arrived as number %d", got, i)
		}
	}
}

func newBatchWriterOn(t *testing.T, address string) *udpWriter {
	t.Helper()
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	udp := conn.(*net.UDPConn)
	raw, err := udp.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	w, err := newBatchWriter(udp, newErrorQueue(raw, func(icmpError) {}))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestClosingAmidExchangesWithLivingAndDeadPortsEndsThemAll(t *testing.T) {
	dead := unreachable(t, "127.0.0.1:0")
	alive := udpBNG(t, "127.0.0.1:0", ack)
	for range 20 {
		c, err := New(Config{Source: netip.MustParseAddr("127.0.0.1")})
		if err != nil {
			t.Fatal(err)
		}
		var running sync.WaitGroup
		for i := range 40 {
			running.Go(func() {
				x := requestTo(t, []netip.AddrPort{dead, alive}[i%2])
				for err := error(nil); err == nil; {
					x.Timeout = time.Minute
					_, err = c.Do(t.Context(), x)
					if err != nil && !errors.Is(err, ErrClosed) {
						t.Errorf("ended by %v", err)
					}
				}
			})
		}
		for c.Stats().ACKs < 100 {
			time.Sleep(time.Millisecond)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		running.Wait()
	}
}
