package demo

import (
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/radiusx/bngsim"
)

func TestAPathHoldsOneUpLosesOneAnswerAndCarriesTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wire := bngsim.NewWire(1)
		near, far := netip.MustParseAddrPort("192.0.2.1:3799"), netip.MustParseAddrPort("192.0.2.9:5000")
		inner, err := wire.Listen(near)
		if err != nil {
			t.Fatal(err)
		}
		peer, err := wire.Listen(far)
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		p := newPath(inner)
		defer p.Close()
		began := time.Now()
		type event struct {
			at   time.Duration
			what string
		}
		read := func(from net.PacketConn) event {
			buffer := make([]byte, 100)
			n, _, err := from.ReadFrom(buffer)
			if err != nil {
				t.Fatal(err)
			}
			return event{time.Since(began), string(buffer[:n])}
		}
		p.misbehave(15 * time.Second)
		for _, octets := range []string{"first", "second"} {
			if _, err := peer.WriteTo([]byte(octets), net.UDPAddrFromAddrPort(near)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		got := []event{read(p)}
		for _, octets := range []string{"lost", "kept"} {
			if _, err := p.WriteTo([]byte(octets), net.UDPAddrFromAddrPort(far)); err != nil {
				t.Fatal(err)
			}
		}
		got = append(got, read(peer), read(p))
		want := []event{{0, "second"}, {0, "kept"}, {15 * time.Second, "first"}}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(event{})); diff != "" {
			t.Error(diff)
		}
		var effects []effect
		for _, i := range p.incidents() {
			effects = append(effects, i.effect)
		}
		if diff := cmp.Diff([]effect{heldUp, arrived, lost, delivered, late}, effects); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAClosedPathEndsItsReaderAndItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
		inner, err := bngsim.NewWire(1).Listen(netip.MustParseAddrPort("192.0.2.1:3799"))
		if err != nil {
			t.Fatal(err)
		}
		p := newPath(inner)
		ended := make(chan error, 1)
		go func() {
			_, _, err := p.ReadFrom(nil)
			ended <- err
		}()
		synctest.Wait()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err == nil {
			t.Error("read from a closed path")
		}
	})
}
