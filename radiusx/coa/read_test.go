package coa

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLateAnswersAreCountedAndDisturbNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		bng := tap{}
		w.attach(bng1, bng.host)
		c := clientOn(t, w, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Do(ctx, requestTo(t, bng1)); err == nil {
			t.Fatal("answered by nobody")
		}
		late := bng.packets()[0]
		for range 1000 {
			w.send(late.to, late.from, ack(late.octets))
		}
		w.attach(bng1, acks)
		if r := do(t, c, requestTo(t, bng1)); r.Kind != ACK || r.Discarded != 0 {
			t.Errorf("the next exchange: %v, %d discarded", r.Kind, r.Discarded)
		}
		if n := c.Stats().Discarded[NotPending]; n != 1000 {
			t.Errorf("%d late answers counted, want 1000", n)
		}
	})
}

func TestTheReaderNeverBlocksOnAnExchangeThatDoesNotLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		stuck := make(chan struct{})
		w.attach(bng1, func(w *wire, p packet) error {
			for range 1000 {
				w.send(p.to, p.from, ack(p.octets))
			}
			<-stuck // the write of this exchange does not return
			return nil
		})
		w.attach(bng2, acks)
		c := clientOn(t, w, func(config *Config) { config.Ports = 1 }) // one reader for both
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if r := do(t, c, requestTo(t, bng1)); r.Kind != ACK {
				t.Errorf("the stuck exchange: %v", r.Kind)
			}
		})
		synctest.Wait()
		began := time.Now()
		if r := do(t, c, requestTo(t, bng2)); r.Kind != ACK || time.Since(began) != 0 {
			t.Errorf("the other: %v after %v", r.Kind, time.Since(began))
		}
		if n := c.Stats().Discarded[NotPending]; n != 999 {
			t.Errorf("%d doubled answers counted, want 999", n)
		}
		close(stuck)
		waiting.Wait()
	})
}

func TestErrorsOfTheSocketAreHintsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		var bng tap
		bng.then = func(w *wire, p packet) error {
			if len(bng.packets()) < 3 {
				w.fail(p.from) // the next read fails too, as after an ICMP message
				return errHint
			}
			return acks(w, p)
		}
		w.attach(bng1, bng.host)
		c := clientOn(t, w, nil)
		r := do(t, c, requestTo(t, bng1))
		if r.Kind != ACK || r.Transmissions != 3 || !errors.Is(r.Hint, errHint) {
			t.Errorf("%v after %d transmissions, hint: %v", r.Kind, r.Transmissions, r.Hint)
		}
		if s := c.Stats(); s.WriteErrors != 2 || s.ReadErrors != 2 {
			t.Errorf("figures: %+v", s)
		}
	})
}

func TestASocketThatFailsForEverDoesNotSpin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		w.attach(bng1, func(w *wire, p packet) error {
			for range 10_000 {
				w.fail(p.from)
			}
			return nil
		})
		c := clientOn(t, w, nil)
		x := requestTo(t, bng1)
		x.Timeout = time.Second
		do(t, c, x)
		if n := c.Stats().ReadErrors; n < 50 || n > 110 {
			t.Errorf("%d reads in a second, want about one in %v", n, readPause)
		}
	})
}
