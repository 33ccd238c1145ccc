package acct

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"layeh.com/radius"

	"cordon/radiusx"
)

func TestWhatIsNotAuthenticGetsNoReplyAndACounter(t *testing.T) {
	good := accounting(t, 1, aStart)
	edit := func(f func(p []byte) []byte) []byte { return f(append([]byte(nil), good...)) }
	withAttribute := func(attribute ...byte) []byte {
		return edit(func(p []byte) []byte {
			p = append(p, attribute...)
			binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
			return resign(p, testSecret)
		})
	}
	for _, test := range []struct {
		name   string
		packet []byte
		want   Counter
	}{
		{"nothing at all", nil, Malformed},
		{"half a header", good[:10], Malformed},
		{"a cut packet", good[:len(good)-1], Malformed},
		{"a Length below the header's", edit(func(p []byte) []byte { p[3] = 19; return p }), Malformed},
		{"a Length beyond the datagram", edit(func(p []byte) []byte { p[2] = 8; return p }), Malformed},
		{"an attribute that overruns", withAttribute(11, 60, 'x'), Malformed},
		{"an attribute of length 0", withAttribute(11, 0), Malformed},
		{"an attribute of length 1", withAttribute(11, 1), Malformed},
		{"a lone type octet", withAttribute(11), Malformed},
		{"another secret", packetOf(t, radius.CodeAccountingRequest, 1, "another secret", aStart), BadAuthenticator},
		{"a flipped bit", edit(func(p []byte) []byte { p[30] ^= 1; return p }), BadAuthenticator},
		{"an Access-Request", packetOf(t, radius.CodeAccessRequest, 1, testSecret, "User-Name=alice"), WrongCode},
		{"a CoA-Request", packetOf(t, radius.CodeCoARequest, 1, testSecret, "User-Name=alice"), WrongCode},
		{"a Message-Authenticator of another secret", resign(signed(t, good, "another secret"), testSecret), BadMessageAuthenticator},
		{"a Message-Authenticator of 3 octets", withAttribute(80, 5, 1, 2, 3), BadMessageAuthenticator},
		{"a Status-Server without Message-Authenticator", packetOf(t, radius.CodeStatusServer, 1, testSecret, "NAS-Identifier=x"),
			BadMessageAuthenticator},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &memory{}
				r := newRig(t, m, nil)
				defer r.stop()
				if answer := r.ask(test.packet); answer != nil {
					t.Errorf("answered %x", answer)
				}
				if n := len(m.all()); n != 0 {
					t.Errorf("%d records were handed on", n)
				}
				if stats := r.server.Stats(); stats[test.want] != 1 {
					t.Errorf("not counted as %v: %v", test.want, stats)
				}
				if _, waiting := r.server.Oldest(); waiting {
					t.Error("it holds the watermark back")
				}
			})
		})
	}
}

func TestAnUnknownClientGetsNoReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		r := newRig(t, m, func(c *Config) { c.Clients[0].Prefix = netip.MustParsePrefix("192.0.2.2/32") })
		defer r.stop()
		if answer := r.ask(accounting(t, 1, aStart)); answer != nil || len(m.all()) != 0 {
			t.Errorf("answered %x, handed on %d", answer, len(m.all()))
		}
		if r.server.Stats()[UnknownClient] != 1 {
			t.Errorf("counters: %v", r.server.Stats())
		}
	})
}

func TestOctetsBeyondTheLengthArePadding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &memory{}, nil)
		defer r.stop()
		r.send(append(accounting(t, 2, aStart), 1, 2, 3))
		if r.receive() == nil {
			t.Error("there was no answer")
		}
	})
}

// Every datagram must end in one counter, whatever was done to it, and only
// authentic ones may be answered.
func TestMutatedPacketsNeverPanicAndAreAllCounted(t *testing.T) {
	const rounds = 20000
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		r := newRig(t, m, nil)
		defer r.stop()
		full := signed(t, accounting(t, 1, aStart+`, Event-Timestamp=946684800, Framed-IPv6-Prefix="2001:db8::/64",
			Delegated-IPv6-Prefix="2001:db8:1::/56", ERX-Service-Session=SVC, Proxy-State=0x01, Class=0x02`), testSecret)
		for i := range rounds {
			packet := mutate(random, full)
			if random.IntN(2) == 0 && len(packet) >= radiusx.HeaderLength {
				resign(packet, testSecret) // half of them get past the authenticator
			}
			r.send(packet)
			if i%1000 == 0 {
				synctest.Wait() // the inbox is finite
			}
		}
		synctest.Wait()
		stats := r.server.Stats()
		var ended uint64
		for c := range counterCount {
			if c.Answered() || c.Dropped() {
				ended += stats[c]
			}
		}
		if stats[Received] != rounds || ended != rounds {
			t.Errorf("seed %d: %d sent, %d received, %d counted: %v", seed, rounds, stats[Received], ended, stats)
		}
		if stats[Stored] == 0 || stats[Malformed] == 0 || stats[BadAuthenticator] == 0 {
			t.Errorf("seed %d: the mutations reach too little: %v", seed, stats)
		}
	})
}

// mutate returns a copy of packet with up to four changes; often its Length is
// put right afterwards.
func mutate(random *rand.Rand, packet []byte) []byte {
	p := append([]byte(nil), packet...)
	for range 1 + random.IntN(4) {
		switch at := random.IntN(len(p)); random.IntN(5) {
		case 0:
			p[at] = byte(random.Uint32())
		case 1:
			p[at] ^= 1 << random.IntN(8)
		case 2:
			p = p[:max(at, 1)]
		case 3:
			p = append(p[:at:at], append([]byte{byte(random.Uint32())}, p[at:]...)...)
		case 4:
			p = append(p, packet[radiusx.HeaderLength:]...)
		}
	}
	if random.IntN(4) > 0 && len(p) >= 4 {
		p[0] = byte(radius.CodeAccountingRequest)
		binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	}
	return p
}

func FuzzReceive(f *testing.F) {
	for _, text := range []string{
		aStart,
		"Acct-Status-Type=Accounting-On, NAS-Identifier=bng1",
		aStart + `, Framed-IPv6-Prefix="2001:db8::/64", Framed-IPv6-Address="2001:db8::1", Cisco-AVPair="parent-session-id=1"`,
		aStart + ", Attr-26=0x000012da5303",
		aStart + `, Alc-Nat-Port-Range="203.0.113.1 1024-2047,4096-5119 router base", Attr-26.6527.163=0x00000013`,
		aStart + ", Huawei-NAT-Public-Address=203.0.113.1, Huawei-NAT-Start-Port=1024, Huawei-NAT-End-Port=2047, Attr-26.2011.165=0x00000001",
		aStart + ", Attr-241=" + ipPortRange(203<<24|113<<8|1, 1, 1024, 2047),
		aStart + ", Acct-Session-Time=4294967295, Event-Timestamp=0, Acct-Delay-Time=4294967295",
		aStart + ", Event-Timestamp=1799999000, User-Name=bob, Framed-IP-Address=198.51.100.8, NAS-Identifier=x, NAS-Identifier=y",
		"Acct-Status-Type=Interim-Update, Framed-IP-Address=198.51.100.8, Framed-IP-Address=198.51.100.9, Attr-26.4874.164=0x61, Attr-26.6527.163=0x00000005",
	} {
		f.Add(accounting(f, 1, text))
	}
	f.Add(packetOf(f, radius.CodeStatusServer, 1, testSecret, "NAS-Identifier=x"))
	filter, err := newAttributeFilter(radiusx.Builtin(), "Class", []string{"ERX-Service-Session"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, datagram []byte) {
		packet, err := radiusx.Trim(datagram)
		if err != nil {
			return
		}
		d := decodedOf(packet)
		filter.fill(&d.record, packet)
		now := time.Unix(1800000000, 0)
		r := timed(d, now, time.Hour)
		if r.At.After(now) || r.At.Before(now.Add(-time.Hour)) {
			t.Errorf("event time %v outside the last hour before %v", r.At, now)
		}
		if l := r.Latest; !l.IsZero() && (l.Before(r.At) || l.After(now)) {
			t.Errorf("an event between %v and %v, at %v", r.At, l, now)
		}
		checkBlocks(t, d)
		if started := d.record.SessionTime; started > longestSession || len(d.record.Prefixes) > maxPrefixes {
			t.Errorf("a session of %v with %d prefixes", started, len(d.record.Prefixes))
		}
		for _, p := range d.record.Prefixes {
			if p.Prefix != p.Masked() || p.Bits() < 32 || !p.Addr().Is6() {
				t.Errorf("impossible prefix %v", p)
			}
		}
		for _, a := range append(d.record.MoreIPs, d.record.FramedIP) {
			if a.IsValid() && (!a.Is4() || !holdable(hostAddress).address(a)) || len(d.record.MoreIPs) > maxFramedIPs {
				t.Errorf("impossible Framed-IP-Address %v", a)
			}
		}
		if r := d.record; r.Conflicts.Has(ConflictingAddress) != (len(r.MoreIPs) > 0) && r.Status != InterimUpdate {
			t.Errorf("doubled %b, further addresses %v", r.Conflicts, r.MoreIPs)
		}
	})
}
