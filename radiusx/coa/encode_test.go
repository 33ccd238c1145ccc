package coa

import (
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"layeh.com/radius"

	"cordon/radiusx"
)

// golden is a request made by radclient 3.2.1 with the secret "golden-secret",
// and an ACK to it that radclient accepts.
type golden struct{ name, request, ack string }

var goldens = []golden{
	{
		"coa-with-message-authenticator",
		"2ba50046d9281a355d4df806c6b434dd77d9c65b010a73756231406973702c0a30303030413142320406c000020137066955b9005012d15687835d5317923fb7af296ecf607c",
		"2ca50026547382bd5d8798b17e37f8e1a3537d0950125a4ecef048140a8516dee1b73a5961c8",
	}, {
		"coa-erx-tagged",
		"2bf80055954af4a9f5ca3c83a8d7c820df79096d010a73756231406973702c0434321a100000130a420a5356432d494e45541a170000130a4111015356432d47554553542832306d291a0c0000130a450601000002",
		"2cf80026e16ac772caba71848a084d9d9dbb427850120c5807f0e17d8790652b748bc825ca7f",
	}, {
		"coa-cisco-activate-service",
		"2b790080ad30db19414453bf2771e2dd0f87ff1d2c0a30303030303031311a1100000009fa0b5331302e302e302e351a2b000000090125737562736372696265723a636f6d6d616e643d61637469766174652d736572766963651a26000000090120737562736372696265723a736572766963652d6e616d653d47415244454e",
		"2c790026c0caa45aa436f12e8d04e727b5f30a0850128752be4530cc4e59d1a7f38d0c852db0",
	}, {
		"coa-mikrotik-address-list",
		"2bc7003229f0fbbe1ad13d6448efca39638fed2201067375623108060a0000051a1200003a8c130c71756172616e74696e65",
		"2cc70026565c43e8d1e99339419e4e09a7a188875012d6fccef2b89b5a231f90fe4d0d335ff8",
	}, {
		"coa-nokia-sla-profile",
		"2b9b002e5cee6cc0137061d396d9b501a19460171a0c0000197f0b06737562311a0e0000197f0d0867617264656e",
		"2c9b0026afa84544ada46b61e48b25ae11fed7c950121d101c13963d4b0b084c810e8b685445",
	}, {
		"disconnect-with-message-authenticator",
		"2860003abe6a60b50fafbb65911e4deda8eb84122c0a3030303041314232010a73756231406973705012b31585c951b464d7f83b694c4ac05f2d",
		"296000265be79efa07e23a349e5d8236c5f4a699501269820190aa0783be7ed8909f9a8bf1e7",
	},
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// exchangeOf takes a request apart into the exchange that asks for it.
func exchangeOf(t testing.TB, packet []byte, secret string) Exchange {
	t.Helper()
	attributes, err := radius.ParseAttributes(packet[radiusx.HeaderLength:])
	if err != nil {
		t.Fatal(err)
	}
	x := Exchange{Peer: bng1, Secret: secretOf(t, secret), Code: radius.Code(packet[0])}
	_, timed := attributes.Lookup(eventTimestamp)
	x.OmitEventTimestamp = !timed
	if _, signed := attributes.Lookup(messageAuthenticator); !signed {
		x.MessageAuthenticator = MessageAuthenticatorOmit
	}
	attributes.Del(eventTimestamp)
	attributes.Del(messageAuthenticator)
	x.Attributes = attributes
	return x
}

func TestRequestsAreByteForByteThoseOfRadclient(t *testing.T) {
	when := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			want := unhex(t, g.request)
			x := exchangeOf(t, want, "golden-secret")
			got, err := encode(&x, radiusx.NewKey(x.Secret.Bytes()), want[1], when)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(hex.EncodeToString(want), hex.EncodeToString(got)); diff != "" {
				t.Errorf("packet differs (-radclient +ours):\n%s", diff)
			}
		})
	}
}

func TestGoldenACKsAreAccepted(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			sent := unhex(t, g.request)
			q := request{peer: bng1, code: radius.Code(sent[0]), octets: sent, key: radiusx.NewKey([]byte("golden-secret")),
				requireMessageAuthenticator: true}
			if _, why := q.accept(unhex(t, g.ack), bng1); why != NotDiscarded {
				t.Errorf("discarded: %v", why)
			}
		})
	}
}

func TestEveryRequestIsAuthenticToAnotherImplementation(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for range 500 {
		x := requestTo(t, bng1)
		x.Code = []radius.Code{radius.CodeCoARequest, radius.CodeDisconnectRequest}[random.IntN(2)]
		x.MessageAuthenticator = MessageAuthenticatorMode(random.IntN(3))
		x.OmitEventTimestamp = random.IntN(2) == 0
		x.Attributes = randomAttributes(random)
		packet, err := encode(&x, radiusx.NewKey(x.Secret.Bytes()), byte(random.Uint32()), time.Unix(random.Int64N(1<<32), 0))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !radius.IsAuthenticRequest(packet, []byte(testSecret)) {
			t.Fatalf("seed %d: Request Authenticator of %x is wrong", seed, packet)
		}
		want := radiusx.MessageAuthenticatorValid
		if x.MessageAuthenticator == MessageAuthenticatorOmit {
			want = radiusx.MessageAuthenticatorAbsent
		}
		if got := radiusx.CheckMessageAuthenticator(packet, []byte(testSecret), make([]byte, 16)); got != want {
			t.Fatalf("seed %d: Message-Authenticator of %x: got %v, want %v", seed, packet, got, want)
		}
	}
}

func randomAttributes(random *rand.Rand) radius.Attributes {
	var attributes radius.Attributes
	for range 1 + random.IntN(12) {
		value := make(radius.Attribute, 1+random.IntN(maxValueLength))
		for i := range value {
			value[i] = byte(random.Uint32())
		}
		attributes.Add([]radius.Type{1, 11, 26, 44, 87, 255}[random.IntN(6)], value)
	}
	return attributes
}

func TestWhatCannotBeAPacketIsAnErrorBeforeOneExists(t *testing.T) {
	long := make(radius.Attributes, 17)
	for i := range long {
		long[i] = &radius.AVP{Type: 26, Attribute: make(radius.Attribute, 250)}
	}
	one := func(typ radius.Type, octets int) func(*Exchange) {
		return func(x *Exchange) { x.Attributes.Add(typ, make(radius.Attribute, octets)) }
	}
	peer := func(s string) func(*Exchange) {
		return func(x *Exchange) { x.Peer = netip.MustParseAddrPort(s) }
	}
	for _, test := range []struct {
		name, wants string
		spoil       func(*Exchange)
	}{
		{"an Access-Request", "must be CoA-Request or Disconnect-Request", func(x *Exchange) { x.Code = radius.CodeAccessRequest }},
		{"an ACK", "must be CoA-Request or Disconnect-Request", func(x *Exchange) { x.Code = radius.CodeCoAACK }},
		{"no secret", "no secret", func(x *Exchange) { x.Secret = radiusx.Secret{} }},
		{"negative patience", "negative", func(x *Exchange) { x.Timeout = -1 }},
		{"an unknown mode", "MessageAuthenticatorMode(9)", func(x *Exchange) { x.MessageAuthenticator = 9 }},
		{"no attributes", "a session must be named", func(x *Exchange) { x.Attributes = nil }},
		{"an empty identifier", "attribute 8 is empty", one(8, 0)},
		{"type 0", "must be from 1 to 255", one(0, 4)},
		{"type 256", "must be from 1 to 255", one(256, 4)},
		{"a nil attribute", "must be from 1 to 255", func(x *Exchange) { x.Attributes = append(x.Attributes, nil) }},
		{"a value too long", "254 octets", one(11, 254)},
		{"an Event-Timestamp of the caller", "attribute 55", one(55, 4)},
		{"a Message-Authenticator of the caller", "attribute 80", one(80, 16)},
		{"a packet too long", "the most is 4096", func(x *Exchange) { x.Attributes = long }},
		{"no peer", "peer", func(x *Exchange) { x.Peer = netip.AddrPort{} }},
		{"port 0", "peer", peer("192.0.2.1:0")},
		{"no address", "peer", peer("0.0.0.0:3799")},
		{"no address, mapped", "peer", peer("[::ffff:0.0.0.0]:3799")},
		{"a group", "peer", peer("224.0.0.1:3799")},
		{"everybody", "peer", peer("255.255.255.255:3799")},
		{"another address family", "cannot be reached", peer("[2001:db8::1]:3799")},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWire()
			var sent tap
			w.attach(bng1, sent.host)
			c := clientOn(t, w, nil)
			x := requestTo(t, bng1)
			x.Sending = func(Datagram) error { t.Error("a packet was announced"); return nil }
			test.spoil(&x)
			_, err := c.Do(t.Context(), x)
			if !errors.Is(err, ErrRequest) || !strings.Contains(err.Error(), test.wants) {
				t.Errorf("got error %v, want ErrRequest with %q", err, test.wants)
			}
			if n := len(sent.packets()); n != 0 {
				t.Errorf("%d packets were sent", n)
			}
		})
	}
}

func TestModesAreReadAsTheyAreWritten(t *testing.T) {
	for want, word := range modes {
		var got MessageAuthenticatorMode
		if err := got.UnmarshalText([]byte(word)); err != nil || int(got) != want || got.String() != word {
			t.Errorf("%q is read as %v, %v", word, got, err)
		}
	}
	got := MessageAuthenticatorOmit
	if err := got.UnmarshalText([]byte("Send")); err == nil || got != MessageAuthenticatorOmit {
		t.Errorf("an unknown word is read as %v, %v", got, err)
	}
}
