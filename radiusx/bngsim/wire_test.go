package bngsim

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

var (
	left  = netip.MustParseAddrPort("10.0.0.1:1000")
	right = netip.MustParseAddrPort("[2001:db8::2]:2000")
)

func TestDatagramsCrossTheWireWithTheirSender(t *testing.T) {
	wire := NewWire(1)
	a, b := listenOn(t, wire, left), listenOn(t, wire, right)
	defer closeAll(t, a, b)
	payload := []byte("hello")
	if n, err := a.WriteTo(payload, net.UDPAddrFromAddrPort(right)); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	payload[0] = 'X' // the wire has its own copy
	buffer := make([]byte, 3)
	n, from, err := b.ReadFrom(buffer)
	if err != nil || string(buffer[:n]) != "hel" || from.(*net.UDPAddr).AddrPort() != left {
		t.Errorf("%q from %v, %v", buffer[:n], from, err)
	}
	if _, err := a.WriteTo(payload, net.UDPAddrFromAddrPort(netip.MustParseAddrPort("10.9.9.9:9"))); err != nil {
		t.Errorf("to nobody: %v", err)
	}
}

func closeAll(t *testing.T, conns ...net.PacketConn) {
	t.Helper()
	for _, c := range conns {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAnAddressBelongsToOneEndpoint(t *testing.T) {
	wire := NewWire(1)
	a := listenOn(t, wire, left)
	if _, err := wire.Listen(left); err == nil {
		t.Error("an address was given twice")
	}
	if _, err := wire.Listen(netip.AddrPort{}); err == nil {
		t.Error("no address was given")
	}
	closeAll(t, a)
	closeAll(t, listenOn(t, wire, left))
	anyPort := netip.AddrPortFrom(left.Addr(), 0)
	b, c := listenOn(t, wire, anyPort), listenOn(t, wire, anyPort)
	defer closeAll(t, b, c)
	if b.LocalAddr().String() == c.LocalAddr().String() {
		t.Error("two endpoints got the same port")
	}
}

func TestAClosedEndpointReadsAndWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire := NewWire(1)
		a := listenOn(t, wire, left)
		reading := background(func() error { _, _, err := a.ReadFrom(make([]byte, 1)); return err })
		synctest.Wait()
		closeAll(t, a)
		if err := <-reading; !errors.Is(err, net.ErrClosed) {
			t.Errorf("the reader got %v", err)
		}
		if _, err := a.WriteTo([]byte("x"), net.UDPAddrFromAddrPort(right)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the writer got %v", err)
		}
		if err := a.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the second close got %v", err)
		}
	})
}

func TestDeadlinesOfReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire := NewWire(1)
		a := listenOn(t, wire, left)
		defer closeAll(t, a)
		begin := time.Now()
		read := func() error { _, _, err := a.ReadFrom(make([]byte, 1)); return err }
		set := func(at time.Time) {
			t.Helper()
			if err := a.SetDeadline(at); err != nil {
				t.Fatal(err)
			}
		}
		set(begin.Add(time.Second))
		if err := read(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		if err := read(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a deadline that is over: %v", err)
		}
		var failed net.Error
		if err := read(); !errors.As(err, &failed) || !failed.Timeout() {
			t.Error("the error is no timeout")
		}

		set(begin.Add(time.Hour)) // then moved earlier while a reader waits
		waiting := background(read)
		synctest.Wait()
		set(begin.Add(5 * time.Second))
		if err := <-waiting; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}

		set(begin.Add(6 * time.Second)) // then moved later while a reader waits
		waiting = background(read)
		synctest.Wait()
		set(begin.Add(9 * time.Second))
		if err := <-waiting; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != 9*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}

		set(time.Time{}) // never
		waiting = background(read)
		time.Sleep(time.Hour)
		select {
		case err := <-waiting:
			t.Errorf("without a deadline: %v", err)
		default:
		}
		set(time.Unix(1, 0)) // long over: how a reader is stopped
		if err := <-waiting; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestLinksAreDirectedAndTheMostSpecialOneCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire := NewWire(1)
		a, b := listenOn(t, wire, left), listenOn(t, wire, right)
		defer closeAll(t, a, b)
		arrives := func(from, to net.PacketConn) (took time.Duration, ok bool) {
			t.Helper()
			begin := time.Now()
			if _, err := from.WriteTo([]byte("x"), to.LocalAddr()); err != nil {
				t.Fatal(err)
			}
			if err := to.SetReadDeadline(begin.Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			_, _, err := to.ReadFrom(make([]byte, 1))
			return time.Since(begin), err == nil
		}
		wire.SetLink(netip.Addr{}, netip.Addr{}, Link{Delay: time.Second})
		wire.SetLink(netip.Addr{}, left.Addr(), Link{Delay: 2 * time.Second})
		wire.SetLink(left.Addr(), netip.Addr{}, Link{Lose: 1})
		if took, ok := arrives(b, a); !ok || took != 2*time.Second {
			t.Errorf("towards left: %v after %v", ok, took)
		}
		if _, ok := arrives(a, b); ok {
			t.Error("from left: a datagram arrived")
		}
		wire.SetLink(left.Addr(), right.Addr(), Link{Delay: 3 * time.Second})
		if took, ok := arrives(a, b); !ok || took != 3*time.Second {
			t.Errorf("from left to right: %v after %v", ok, took)
		}
	})
}

func TestJitterReordersAndDoubleDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 200
		wire := NewWire(3)
		wire.SetLink(netip.Addr{}, netip.Addr{}, Link{Double: 0.5, Jitter: time.Second})
		a, b := listenOn(t, wire, left), listenOn(t, wire, right)
		defer closeAll(t, a, b)
		for i := range n {
			if _, err := a.WriteTo([]byte{byte(i)}, b.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Second)
		if err := b.SetReadDeadline(time.Now()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		arrived := len(b.(*endpoint).inbox)
		if arrived < n+n/4 || arrived > 2*n-n/4 {
			t.Errorf("%d of %d arrived with half of them doubled", arrived, n)
		}
		reordered, last := 0, byte(0)
		for range arrived {
			p := <-b.(*endpoint).inbox
			if p.datagram[0] < last {
				reordered++
			}
			last = p.datagram[0]
		}
		if reordered == 0 {
			t.Error("jitter reordered nothing")
		}
	})
}
