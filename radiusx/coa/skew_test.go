package coa

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"
)

// stamped is an ACK whose sender's clock is off by skew.
func stamped(request []byte, skew time.Duration) []byte {
	stamp := binary.BigEndian.AppendUint32([]byte{eventTimestamp, 6}, uint32(time.Now().Add(skew).Unix()))
	return reply{request: request, code: 44, attributes: stamp, signed: true}.encode()
}

func TestAStaleAnswerIsDiscardedWhereThatIsAskedForAndItsSkewIsReported(t *testing.T) {
	for _, test := range []struct {
		name  string
		skew  time.Duration
		check bool
		want  Kind
	}{
		{"right clock", 0, true, ACK},
		{"ahead, just within", 300 * time.Second, true, ACK},
		{"behind, just within", -300 * time.Second, true, ACK},
		{"ahead", 301 * time.Second, true, Unanswered},
		{"behind", -301 * time.Second, true, Unanswered},
		{"in 1970 after a power cut", -365 * 24 * time.Hour, true, Unanswered},
		{"behind, not checked", -24 * time.Hour, false, ACK},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWire()
				w.attach(bng1, func(w *wire, p packet) error {
					w.send(p.to, p.from, stamped(p.octets, test.skew))
					return nil
				})
				c := clientOn(t, w, nil)
				x := requestTo(t, bng1)
				x.CheckEventTimestamp, x.Timeout = test.check, time.Second
				r := do(t, c, x)
				if r.Kind != test.want || r.Skew != test.skew {
					t.Errorf("%v with skew %v, want %v with %v", r.Kind, r.Skew, test.want, test.skew)
				}
				discarded := uint64(0)
				if test.want == Unanswered {
					discarded = 1
					if r.LastDiscard != ClockSkew || r.Discarded != 1 {
						t.Errorf("discarded %d, last: %v", r.Discarded, r.LastDiscard)
					}
				}
				if n := c.Stats().Discarded[ClockSkew]; n != discarded {
					t.Errorf("%d counted as clock skew, want %d", n, discarded)
				}
			})
		})
	}
}

func TestAForgedTimestampTellsNoSkew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		w.attach(bng1, func(w *wire, p packet) error {
			forged := stamped(p.octets, time.Hour)
			forged[len(forged)-1] ^= 1
			w.send(p.to, p.from, forged)
			w.send(p.to, p.from, ack(p.octets)) // and the true one has none
			return nil
		})
		x := requestTo(t, bng1)
		x.CheckEventTimestamp = true
		if r := do(t, clientOn(t, w, nil), x); r.Kind != ACK || r.Skew != 0 || r.LastDiscard != BadAuthenticator {
			t.Errorf("%v with skew %v after %v", r.Kind, r.Skew, r.LastDiscard)
		}
	})
}

func TestAnAnswerFromATrueClockIsTakenAfterAStaleOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		w.attach(bng1, func(w *wire, p packet) error {
			w.send(p.to, p.from, stamped(p.octets, time.Hour))
			w.send(p.to, p.from, stamped(p.octets, 2*time.Second))
			return nil
		})
		x := requestTo(t, bng1)
		x.CheckEventTimestamp = true
		if r := do(t, clientOn(t, w, nil), x); r.Kind != ACK || r.Skew != 2*time.Second || r.Discarded != 1 {
			t.Errorf("%v with skew %v, %d discarded", r.Kind, r.Skew, r.Discarded)
		}
	})
}

func TestASecretThatChangesIsUsedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		secret := testSecret
		w.attach(bng1, func(w *wire, p packet) error {
			w.send(p.to, p.from, reply{request: p.octets, code: 44, signed: true, secret: secret}.encode())
			return nil
		})
		c := clientOn(t, w, nil)
		for range 3 {
			for _, s := range []string{testSecret, "another of decent length"} {
				secret = s
				x := requestTo(t, bng1)
				x.Secret, x.Timeout = secretOf(t, s), time.Second
				if r := do(t, c, x); r.Kind != ACK {
					t.Errorf("under %q: %v, %v", s, r.Kind, r.LastDiscard)
				}
			}
		}
	})
}
