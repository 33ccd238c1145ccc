package mmsg

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

func open(t *testing.T, network, address string) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenPacket(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn.(*net.UDPConn)
}

func reader(t *testing.T, udp *net.UDPConn) *Reader {
	t.Helper()
	r, err := NewReader(udp, 4, 64)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func writer(t *testing.T, udp *net.UDPConn) *Writer {
	t.Helper()
	w, err := NewWriter(udp, 4)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// local is where a peer of the given family reaches a socket.
func local(udp *net.UDPConn, host string) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(host), udp.LocalAddr().(*net.UDPAddr).AddrPort().Port())
}

func TestDatagramsArriveAsTheyWereSent(t *testing.T) {
	for _, c := range []struct{ network, from, to, host, answerTo string }{
		{"udp4", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1", "127.0.0.1"},
		{"udp6", "[::1]:0", "[::1]:0", "::1", "::1"},
		{"udp6", "[::1]:0", "[::1]:0", "::1%lo", "::1"},
		{"udp", "127.0.0.1:0", "[::]:0", "127.0.0.1", "127.0.0.1"}, // answered by a socket of both families
	} {
		t.Run(c.network+" "+c.host+" "+c.to, func(t *testing.T) {
			from, to := open(t, c.network, c.from), open(t, c.network, c.to)
			send(t, writer(t, from), 11, local(to, c.host))
			peer := receive(t, reader(t, to), 11)
			if peer != local(from, c.answerTo) {
				t.Errorf("came from %s, want %s", peer, local(from, c.answerTo))
			}
			send(t, writer(t, to), 3, peer)
			receive(t, reader(t, from), 3)
		})
	}
}

// send sends n numbered datagrams of different lengths.
func send(t *testing.T, w *Writer, n int, to netip.AddrPort) {
	t.Helper()
	var datagrams []Datagram
	for i := range n {
		datagrams = append(datagrams, Datagram{[]byte(fmt.Sprintf("%0*d", 1+i, i)), to})
	}
	for len(datagrams) > 0 {
		n, err := w.Write(datagrams)
		if err != nil || n == 0 {
			t.Fatalf("%d sent, %v", n, err)
		}
		datagrams = datagrams[n:]
	}
}

// receive takes what send has sent and returns who that was.
func receive(t *testing.T, r *Reader, n int) (peer netip.AddrPort) {
	t.Helper()
	for i := 0; i < n; {
		came, err := r.Read()
		if err != nil || len(came) == 0 {
			t.Fatalf("%d came, %v", len(came), err)
		}
		for _, d := range came {
			if want := fmt.Sprintf("%0*d", 1+i, i); string(d.Octets) != want {
				t.Fatalf("%q came, want %q", d.Octets, want)
			}
			peer = d.Peer
			i++
		}
	}
	return peer
}

func TestWhatIsTooLongIsCutOff(t *testing.T) {
	from, to := open(t, "udp4", "127.0.0.1:0"), open(t, "udp4", "127.0.0.1:0")
	if _, err := writer(t, from).Write([]Datagram{{make([]byte, 100), local(to, "127.0.0.1")}}); err != nil {
		t.Fatal(err)
	}
	came, err := reader(t, to).Read()
	if err != nil || len(came) != 1 || len(came[0].Octets) != 64 {
		t.Fatalf("%d octets, %v", len(came[0].Octets), err)
	}
}

func TestAReadEndsWithTheDeadlineAndWithTheSocket(t *testing.T) {
	udp := open(t, "udp4", "127.0.0.1:0")
	r, w := reader(t, udp), writer(t, udp)
	_ = udp.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := r.Read(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("error %v, want the deadline", err)
	}
	if err := w.WaitReady(); err != nil {
		t.Errorf("an idle socket is not ready: %v", err)
	}
	_ = udp.Close()
	if _, err := r.Read(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v, want closed", err)
	}
	if _, err := w.Write([]Datagram{{[]byte{1}, netip.MustParseAddrPort("127.0.0.1:9")}}); err == nil {
		t.Error("a closed socket sends")
	}
	if err := w.WaitReady(); err == nil {
		t.Error("a closed socket is ready")
	}
}
