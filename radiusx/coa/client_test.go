package coa

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"layeh.com/radius"
)

func TestTheResultTellsWhatWasSentAndWhatCameBack(t *testing.T) {
	for _, test := range []struct {
		name   string
		code   radius.Code
		answer func(sent []byte) []byte
		want   Result
	}{
		{"CoA, ACK", 43, ack, Result{Kind: ACK}},
		{"CoA, NAK", 43, func(s []byte) []byte { return nak(s, 401) }, Result{Kind: NAK, ErrorCause: 401}},
		{"Disconnect, ACK", 40, ack, Result{Kind: ACK}},
		{"Disconnect, ACK with 201", 40, func(s []byte) []byte {
			return reply{request: s, code: 41, attributes: []byte{101, 6, 0, 0, 0, 201}}.encode()
		}, Result{Kind: ACK, ErrorCause: 201}},
		{"Disconnect, NAK", 40, func(s []byte) []byte { return nak(s, 503) }, Result{Kind: NAK, ErrorCause: 503}},
		{"Disconnect, NAK without cause", 40, func(s []byte) []byte { return reply{request: s, code: 42}.encode() }, Result{Kind: NAK}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWire()
				bng := tap{then: func(w *wire, p packet) error {
					time.AfterFunc(30*time.Millisecond, func() { w.send(p.to, p.from, test.answer(p.octets)) })
					return nil
				}}
				w.attach(bng1, bng.host)
				x := requestTo(t, bng1)
				x.Code = test.code
				got := do(t, clientOn(t, w, nil), x)
				sent := bng.packets()[0]
				want := test.want
				want.Transmissions, want.RTT = 1, 30*time.Millisecond
				want.Request, want.Reply = sent.octets, test.answer(sent.octets)
				want.Local, want.Peer, want.Identifier = sent.from, bng1, sent.octets[1]
				if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
					t.Errorf("result differs (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestAReplyStaysWhatItWasWhenOthersFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		w.attach(bng1, acks)
		w.attach(bng2, func(w *wire, p packet) error { w.send(p.to, p.from, nak(p.octets, 401)); return nil })
		c := clientOn(t, w, func(config *Config) { config.Ports = 1 })
		first := do(t, c, requestTo(t, bng1))
		do(t, c, requestTo(t, bng2))
		if !bytes.Equal(first.Reply, ack(first.Request)) {
			t.Errorf("the first reply has become %x", first.Reply)
		}
	})
}

func TestAnAnswerToARetransmissionEndsTheExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		var bng tap
		bng.then = func(w *wire, p packet) error {
			if len(bng.packets()) == 3 {
				return acks(w, p)
			}
			return nil
		}
		w.attach(bng1, bng.host)
		c := clientOn(t, w, func(config *Config) { config.Random = func() float64 { return 0.5 } })
		r := do(t, c, requestTo(t, bng1))
		if r.Kind != ACK || r.Transmissions != 3 || r.RTT != 6*time.Second {
			t.Errorf("%v after %d transmissions and %v", r.Kind, r.Transmissions, r.RTT)
		}
		time.Sleep(time.Minute)
		if n := len(bng.packets()); n != 3 {
			t.Errorf("%d packets: it went on after the answer", n)
		}
	})
}

func TestSendingSeesTheExactDatagramBeforeItLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		var bng tap
		w.attach(bng1, bng.host)
		x := requestTo(t, bng1)
		var reported []Datagram
		x.Sending = func(d Datagram) error {
			if n := len(bng.packets()); n != 0 {
				t.Errorf("reported after %d packets", n)
			}
			reported = append(reported, d)
			return nil
		}
		r := do(t, clientOn(t, w, nil), x)
		if len(reported) != 1 {
			t.Fatalf("reported %d times of %d transmissions", len(reported), r.Transmissions)
		}
		sent := bng.packets()[0]
		if d := reported[0]; !bytes.Equal(d.Octets, sent.octets) || d.Local != sent.from || d.Peer != bng1 ||
			d.Identifier != sent.octets[1] {
			t.Errorf("reported %+v, sent %+v", d, sent)
		}
	})
}

func TestIfItCannotBeRecordedItIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		var bng tap
		w.attach(bng1, bng.host)
		c := clientOn(t, w, nil)
		x := requestTo(t, bng1)
		full := errors.New("disk is full")
		x.Sending = func(Datagram) error { return full }
		r, err := c.Do(t.Context(), x)
		time.Sleep(time.Minute)
		if !errors.Is(err, full) || r.Transmissions != 0 || len(bng.packets()) != 0 {
			t.Errorf("got %v, %d transmissions, %d packets", err, r.Transmissions, len(bng.packets()))
		}
	})
}

func TestWhatWasNotSentKeepsNoIdentifier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		w.attach(bng1, acks)
		c := clientOn(t, w, func(config *Config) { config.Ports = 1 })
		unrecorded := requestTo(t, bng1)
		unrecorded.Sending = func(Datagram) error { return errHint }
		unencodable := requestTo(t, bng1)
		for range 17 {
			unencodable.Attributes.Add(26, make(radius.Attribute, 250))
		}
		for range identifiersPerPort {
			if _, err := c.Do(t.Context(), unrecorded); !errors.Is(err, errHint) {
				t.Fatal(err)
			}
			if _, err := c.Do(t.Context(), unencodable); !errors.Is(err, ErrRequest) {
				t.Fatal(err)
			}
		}
		if r := do(t, c, requestTo(t, bng1)); r.Kind != ACK {
			t.Errorf("got %v", r.Kind)
		}
	})
}

func TestAShortPatienceIsNotKeptWaitingByALongOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clientOn(t, newWire(), nil)
		var waiting sync.WaitGroup
		waiting.Go(func() { do(t, c, requestTo(t, bng1)) })
		synctest.Wait()
		x := requestTo(t, bng2)
		x.Timeout = 100 * time.Millisecond
		began := time.Now()
		if r := do(t, c, x); r.Kind != Unanswered || time.Since(began) != x.Timeout {
			t.Errorf("%v after %v", r.Kind, time.Since(began))
		}
		waiting.Wait()
	})
}

func TestAContextThatEndsStopsAllFurtherPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		var bng tap
		w.attach(bng1, bng.host)
		c := clientOn(t, w, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		began := time.Now()
		r, err := c.Do(ctx, requestTo(t, bng1))
		if !errors.Is(err, context.DeadlineExceeded) || r.Transmissions != 3 || time.Since(began) != 7*time.Second {
			t.Errorf("got %v after %d transmissions and %v", err, r.Transmissions, time.Since(began))
		}
		time.Sleep(time.Minute)
		if n := len(bng.packets()); n != 3 {
			t.Errorf("%d packets: some came after the end", n)
		}
		if s := c.Stats(); s.Abandoned != 1 || s.Unanswered != 0 {
			t.Errorf("figures: %+v", s)
		}
	})
}

func TestAContextThatHasEndedSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		var bng tap
		w.attach(bng1, bng.host)
		c := clientOn(t, w, nil)
		ctx, cancel := context.WithCancel(t.Context())
		x := requestTo(t, bng1)
		x.Sending = func(Datagram) error { cancel(); return nil } // as late as possible
		for range 2 {
			if r, err := c.Do(ctx, x); !errors.Is(err, context.Canceled) || r.Transmissions != 0 {
				t.Errorf("got %v after %d transmissions", err, r.Transmissions)
			}
		}
		if n := len(bng.packets()); n != 0 {
			t.Errorf("%d packets", n)
		}
	})
}

func TestSilentBNGsSlowNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		w.attach(bng2, acks)
		stuck := make(chan struct{})
		w.attach(bng1, func(*wire, packet) error { <-stuck; return nil })
		c := clientOn(t, w, func(config *Config) { config.Ports = 2 })
		ctx, cancel := context.WithCancel(t.Context())
		var waiting sync.WaitGroup
		for i := range 250 {
			silent := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 3799)
			waiting.Go(func() { _, _ = c.Do(ctx, requestTo(t, silent)) })
			waiting.Go(func() { _, _ = c.Do(ctx, requestTo(t, bng1)) }) // one whose socket does not even take packets
		}
		for range 200 {
			time.Sleep(100 * time.Millisecond)
			began := time.Now()
			if r := do(t, c, requestTo(t, bng2)); r.Kind != ACK || time.Since(began) != 0 {
				t.Fatalf("%v after %v", r.Kind, time.Since(began))
			}
		}
		cancel()
		close(stuck)
		waiting.Wait()
	})
}

func TestCloseEndsWaitingExchanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		var bng tap
		w.attach(bng1, bng.host)
		c := clientOn(t, w, nil)
		var waiting sync.WaitGroup
		for range 10 {
			waiting.Go(func() {
				if r, err := c.Do(t.Context(), requestTo(t, bng1)); !errors.Is(err, ErrClosed) || r.Transmissions != 1 {
					t.Errorf("got %v after %d transmissions", err, r.Transmissions)
				}
			})
		}
		synctest.Wait()
		for range 2 {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		waiting.Wait()
		if _, err := c.Do(t.Context(), requestTo(t, bng1)); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		if n := len(bng.packets()); n != 10 {
			t.Errorf("%d packets", n)
		}
	})
}

func TestAnAnswerThatCameBeforeTheEndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		c := clientOn(t, w, nil)
		for range 20 { // both are ready at once, and select chooses at random
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w.attach(bng1, func(w *wire, p packet) error {
				w.send(p.to, p.from, ack(p.octets))
				time.Sleep(time.Second) // the answer is read while the write still lasts
				cancel()
				return nil
			})
			if r, err := c.Do(ctx, requestTo(t, bng1)); err != nil || r.Kind != ACK {
				t.Fatalf("got %v, %v", r.Kind, err)
			}
		}
	})
}

func TestEveryExchangeIsCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		w.attach(bng1, acks)
		w.attach(bng2, func(w *wire, p packet) error { w.send(p.to, p.from, nak(p.octets, 503)); return nil })
		c := clientOn(t, w, func(config *Config) { config.Random = func() float64 { return 0.5 } })
		for range 3 {
			do(t, c, requestTo(t, bng1))
		}
		for range 2 {
			do(t, c, requestTo(t, bng2))
		}
		do(t, c, requestTo(t, netip.MustParseAddrPort("192.0.2.3:3799")))
		want := Stats{Sent: 6, Retransmitted: 3, ACKs: 3, NAKs: 2, Unanswered: 1, Ports: 3}
		if diff := cmp.Diff(want, c.Stats()); diff != "" {
			t.Errorf("figures differ (-want +got):\n%s", diff)
		}
	})
}

func TestConfigurationFaultsAreAllReported(t *testing.T) {
	_, err := New(Config{Ports: 257, Source: netip.MustParseAddr("224.0.0.1")})
	if err == nil || !bytes.Contains([]byte(err.Error()), []byte("ports")) || !bytes.Contains([]byte(err.Error()), []byte("source")) {
		t.Errorf("got %v", err)
	}
	if _, err := New(Config{Ports: -1}); err == nil {
		t.Error("negative ports are accepted")
	}
}

func TestASourceThatCannotBeBoundIsAnErrorAtOnce(t *testing.T) {
	w := newWire()
	w.refused = errors.New("cannot assign requested address")
	if _, err := New(Config{Source: clientAddr, Listen: w.listen}); !errors.Is(err, w.refused) {
		t.Errorf("got %v", err)
	}
}
