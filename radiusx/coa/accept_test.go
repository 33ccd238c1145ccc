package coa

import (
	"bytes"
	"net/netip"
	"testing"
	"testing/synctest"

	"layeh.com/radius"
)

// asked is a question that was sent to bng1.
func asked(t testing.TB, code radius.Code, mode MessageAuthenticatorMode) *request {
	t.Helper()
	x := requestTo(t, bng1)
	x.Code, x.MessageAuthenticator = code, mode
	packet, err := encode(&x, testKey, 0x5a, testTime)
	if err != nil {
		t.Fatal(err)
	}
	return &request{
		peer: bng1, code: code, octets: packet, key: testKey,
		requireMessageAuthenticator: mode == MessageAuthenticatorRequireReply,
	}
}

// answers is every kind of genuine answer to a request.
func answers(sent []byte) map[string][]byte {
	code := radius.Code(sent[0])
	cause := []byte{errorCause, 6, 0, 0, 1, 0xf7}
	return map[string][]byte{
		"ACK":               reply{request: sent, code: code + 1}.encode(),
		"ACK, signed":       reply{request: sent, code: code + 1, signed: true}.encode(),
		"NAK":               reply{request: sent, code: code + 2, attributes: cause}.encode(),
		"NAK, signed":       reply{request: sent, code: code + 2, attributes: cause, signed: true}.encode(),
		"NAK without cause": reply{request: sent, code: code + 2}.encode(),
	}
}

func TestEverySingleBitFlipOfAnAnswerIsRefused(t *testing.T) {
	for _, code := range []radius.Code{radius.CodeCoARequest, radius.CodeDisconnectRequest} {
		q := asked(t, code, MessageAuthenticatorSend)
		for name, answer := range answers(q.octets) {
			if _, why := q.accept(answer, bng1); why != NotDiscarded {
				t.Fatalf("%v, %s: the genuine answer is discarded: %v", code, name, why)
			}
			for bit := range len(answer) * 8 {
				flipped := bytes.Clone(answer)
				flipped[bit/8] ^= 1 << (bit % 8)
				if _, why := q.accept(flipped, bng1); why == NotDiscarded {
					t.Errorf("%v, %s: accepted with bit %d of octet %d flipped", code, name, bit%8, bit/8)
				}
			}
		}
	}
}

func TestEveryCutOfAnAnswerIsRefused(t *testing.T) {
	q := asked(t, radius.CodeCoARequest, MessageAuthenticatorSend)
	for name, answer := range answers(q.octets) {
		for n := range answer {
			if _, why := q.accept(answer[:n], bng1); why == NotDiscarded {
				t.Errorf("%s: accepted although cut to %d octets", name, n)
			}
		}
	}
}

func TestOnlyTheRightAnswerFromTheRightPlaceCounts(t *testing.T) {
	q := asked(t, radius.CodeCoARequest, MessageAuthenticatorSend)
	strict := asked(t, radius.CodeCoARequest, MessageAuthenticatorRequireReply)
	good := ack(q.octets)
	other := bytes.Clone(good)
	other[1]++
	badMA := reply{request: q.octets, code: radius.CodeCoAACK, attributes: append([]byte{80, 18}, make([]byte, 16)...)}.encode()
	shortMA := reply{request: q.octets, code: radius.CodeCoAACK, attributes: []byte{80, 3, 0}}.encode()
	for _, test := range []struct {
		name     string
		q        *request
		datagram []byte
		from     netip.AddrPort
		want     Discard
	}{
		{"the ACK", q, good, bng1, NotDiscarded},
		{"with padding", q, append(bytes.Clone(good), 1, 2, 3), bng1, NotDiscarded},
		{"the NAK", q, nak(q.octets, 506), bng1, NotDiscarded},
		{"from another port", q, good, netip.AddrPortFrom(bng1.Addr(), 1700), WrongPort},
		{"from another host", q, good, bng2, WrongPort},
		{"another identifier", q, other, bng1, NotPending},
		{"a Disconnect-ACK", q, reply{request: q.octets, code: radius.CodeDisconnectACK}.encode(), bng1, WrongCode},
		{"a Disconnect-NAK", q, reply{request: q.octets, code: radius.CodeDisconnectNAK}.encode(), bng1, WrongCode},
		{"an Access-Accept", q, reply{request: q.octets, code: radius.CodeAccessAccept}.encode(), bng1, WrongCode},
		{"our own request", q, q.octets, bng1, WrongCode},
		{"another secret", q, reply{request: q.octets, code: radius.CodeCoAACK, secret: "other"}.encode(), bng1, BadAuthenticator},
		{"wrong Message-Authenticator", q, badMA, bng1, BadMessageAuthenticator},
		{"Message-Authenticator too short", q, shortMA, bng1, BadMessageAuthenticator},
		{"unsigned, required", strict, reply{request: strict.octets, code: radius.CodeCoAACK}.encode(), bng1, MissingMessageAuthenticator},
		{"signed, required", strict, ack(strict.octets), bng1, NotDiscarded},
		{"nothing", q, nil, bng1, Malformed},
		{"a header too short", q, good[:19], bng1, Malformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, why := test.q.accept(test.datagram, test.from); why != test.want {
				t.Errorf("got %v, want %v", why, test.want)
			}
		})
	}
}

func TestPaddingIsCutOffTheReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		w.attach(bng1, func(w *wire, p packet) error {
			w.send(p.to, p.from, append(ack(p.octets), make([]byte, 5000)...))
			return nil
		})
		r := do(t, clientOn(t, w, nil), requestTo(t, bng1))
		if r.Kind != ACK || !bytes.Equal(r.Reply, ack(r.Request)) {
			t.Errorf("got %v with reply %x", r.Kind, r.Reply)
		}
	})
}

func TestTenThousandJunkDatagramsBeforeTheTrueACKChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		w.attach(bng1, func(w *wire, p packet) error {
			genuine := ack(p.octets)
			for i := range 10_000 {
				w.send(p.to, p.from, junk(p.octets, genuine, i))
			}
			w.send(p.to, p.from, genuine)
			return nil
		})
		c := clientOn(t, w, nil)
		r := do(t, c, requestTo(t, bng1))
		if r.Kind != ACK || r.Transmissions != 1 || r.Discarded == 0 {
			t.Errorf("got %v after %d transmissions with %d discarded", r.Kind, r.Transmissions, r.Discarded)
		}
		var total uint64
		for _, n := range c.Stats().Discarded {
			total += n
		}
		if total != 10_000 {
			t.Errorf("%d of 10000 junk datagrams were counted: %v", total, c.Stats().Discarded)
		}
	})
}

// junk is the i-th datagram that nearly answers sent.
func junk(sent, genuine []byte, i int) []byte {
	switch i % 5 {
	case 0:
		flipped := bytes.Clone(genuine)
		flipped[i%len(flipped)] ^= 1 << (i % 8)
		return flipped
	case 1:
		return genuine[:i%len(genuine)]
	case 2:
		return reply{request: sent, code: radius.CodeDisconnectACK, signed: true}.encode()
	case 3:
		return reply{request: sent, code: radius.CodeCoANAK, secret: "guess"}.encode()
	default:
		return append([]byte{44, byte(i), 0, 20}, bytes.Repeat([]byte{byte(i)}, 4096)...)
	}
}

func TestDiscardedAnswersAreNamedInTheResult(t *testing.T) {
	right := ack
	for _, test := range []struct {
		name   string
		answer func(sent []byte) []byte
		from   netip.AddrPort
		mode   MessageAuthenticatorMode
		onIt   int // counted on the exchange itself
		want   Discard
	}{
		{"another secret", func(s []byte) []byte { return reply{request: s, code: 44, secret: "x"}.encode() }, bng1, 0, 1,
			BadAuthenticator},
		{"the other port of that BNG", right, netip.AddrPortFrom(bng1.Addr(), 1700), 0, 1, WrongPort},
		{"another BNG that was never asked", right, bng2, 0, 0, UnsolicitedSender},
		{"unsigned although required", func(s []byte) []byte { return reply{request: s, code: 44}.encode() }, bng1,
			MessageAuthenticatorRequireReply, 1, MissingMessageAuthenticator},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWire()
				w.attach(bng1, func(w *wire, p packet) error {
					w.send(test.from, p.from, test.answer(p.octets))
					return nil
				})
				c := clientOn(t, w, nil)
				x := requestTo(t, bng1)
				x.Timeout, x.MessageAuthenticator = initialTimeout/2, test.mode
				r := do(t, c, x)
				if r.Kind != Unanswered || r.Reply != nil || r.RTT != 0 {
					t.Errorf("got %v, reply %x, RTT %v", r.Kind, r.Reply, r.RTT)
				}
				if r.Discarded != test.onIt || (test.onIt > 0 && r.LastDiscard != test.want) {
					t.Errorf("%d discarded, last: %v", r.Discarded, r.LastDiscard)
				}
				if n := c.Stats().Discarded[test.want]; n != 1 {
					t.Errorf("%v is counted %d times", test.want, n)
				}
			})
		})
	}
}

func TestErrorCauseIsReadWhereItIsWellFormed(t *testing.T) {
	q := asked(t, radius.CodeCoARequest, MessageAuthenticatorSend)
	for _, test := range []struct {
		name       string
		attributes []byte
		want       uint32
	}{
		{"none", nil, 0},
		{"503", []byte{101, 6, 0, 0, 1, 0xf7}, 503},
		{"after others", []byte{18, 4, 'n', 'o', 101, 6, 0, 0, 1, 0x95}, 405},
		{"the first of two", []byte{101, 6, 0, 0, 1, 0x95, 101, 6, 0, 0, 1, 0xf7}, 405},
		{"too short", []byte{101, 4, 1, 0xf7}, 0},
		{"too long", []byte{101, 8, 0, 0, 0, 0, 1, 0xf7}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := reply{request: q.octets, code: radius.CodeCoANAK, attributes: test.attributes, signed: true}.encode()
			packet, why := q.accept(answer, bng1)
			if why != NotDiscarded {
				t.Fatalf("discarded: %v", why)
			}
			if got := errorCauseOf(packet); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}
