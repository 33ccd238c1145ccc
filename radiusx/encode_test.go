package radiusx

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"layeh.com/radius"
)

func TestValuesAreEncodedByType(t *testing.T) {
	long := strings.Repeat("x", MaxVendorValueLength)
	tests := []struct {
		in   Attribute
		want string // the attribute's value on the wire, hexadecimal
	}{
		{Attribute{Name: "User-Name", Value: "0x41"}, "30783431"}, // text, as in radclient
		{Attribute{Name: "Class", Value: "0x41"}, "41"},
		{Attribute{Name: "Class", Value: "A"}, "41"},
		{Attribute{Name: "NAS-IP-Address", Value: "192.0.2.1"}, "c0000201"},
		{Attribute{Name: "NAS-IPv6-Address", Value: "2001:db8::1"}, "20010db8000000000000000000000001"},
		{Attribute{Name: "Delegated-IPv6-Prefix", Value: "2001:db8:0:ff00::/56"}, "003820010db80000ff000000000000000000"},
		{Attribute{Name: "Delegated-IPv6-Prefix", Value: "2001:db8:0:ff01::1/56"}, "003820010db80000ff000000000000000000"},
		{Attribute{Name: "Framed-IPv6-Prefix", Value: "2001:db8::1"}, "008020010db8000000000000000000000001"},
		{Attribute{Name: "Framed-Interface-Id", Value: "0:1:203:fFff"}, "000000010203ffff"},
		{Attribute{Name: "Acct-Session-Time", Value: "16"}, "00000010"},
		{Attribute{Name: "Acct-Session-Time", Value: "0x10"}, "00000010"},
		{Attribute{Name: "Acct-Status-Type", Value: "Interim-Update"}, "00000003"},
		{Attribute{Name: "acct-status-type", Value: "start"}, "00000001"},
		{Attribute{Name: "Acct-Status-Type", Value: "99"}, "00000063"},
		{Attribute{Name: "Event-Timestamp", Value: "1767225600"}, "6955b900"},
		{Attribute{Name: "Event-Timestamp", Value: "Jan  1 2026 00:00:00 UTC"}, "6955b900"},
		{Attribute{Name: "Event-Timestamp", Value: "2026-01-01T01:00:00+01:00"}, "6955b900"},
		{Attribute{Name: "Tunnel-Type", Tag: 31, Value: "L2TP"}, "1f000003"},
		{Attribute{Name: "Tunnel-Private-Group-Id", Tag: 1, Value: "AB"}, "014142"},
		{Attribute{Name: "Tunnel-Private-Group-Id", Value: "AB"}, "4142"},
		{Attribute{Name: "Tunnel-Private-Group-Id", Value: "\x01B"}, "000142"}, // or it would read as tag 1
		{Attribute{Name: "Mikrotik-Address-List", Value: long}, "00003a8c13f9" + hex.EncodeToString([]byte(long))},
		{Attribute{Name: "ERX-Service-Statistics", Tag: 1, Value: "time-volume"}, "0000130a450601000002"},
		{Attribute{Name: "Attr-26.14988.200", Value: "0x0102"}, "00003a8cc8040102"},
		{Attribute{Name: "Attr-26", Value: "0x0102"}, "0102"},
	}
	for _, test := range tests {
		got, err := Builtin().Encode(nil, test.in)
		if err != nil {
			t.Errorf("%v: %v", test.in, err)
			continue
		}
		if wire := hex.EncodeToString(got[0].Attribute); wire != test.want {
			t.Errorf("%v:\n got %s\nwant %s", test.in, wire, test.want)
		}
	}
}

func TestWhatCannotBeSentIsRefusedByNameAndLimit(t *testing.T) {
	tests := []struct {
		in      Attribute
		problem string
	}{
		{Attribute{Name: "No-Such", Value: "1"}, "No-Such: unknown attribute"},
		{Attribute{Name: "User-Name", Value: strings.Repeat("x", 254)}, "User-Name: 254 octets, at most 253 fit"},
		{Attribute{Name: "Mikrotik-Address-List", Value: strings.Repeat("x", 248)}, "Mikrotik-Address-List: 248 octets, at most 247 fit"},
		{Attribute{Name: "ERX-Service-Activate", Tag: 1, Value: strings.Repeat("x", 247)},
			"ERX-Service-Activate:1: 248 octets, at most 247 fit"},
		{Attribute{Name: "ERX-Service-Deactivate", Tag: 1, Value: "A"}, "carries no tag"},
		{Attribute{Name: "ERX-Service-Activate", Tag: 32, Value: "A"}, "tag 32 must be from 1 to 31"},
		{Attribute{Name: "ERX-Service-Activate", Tag: -1, Value: "A"}, "tag -1 must be from 1 to 31"},
		{Attribute{Name: "ERX-Service-Statistics", Tag: 1, Value: "16777216"}, "must have 24 bits at most"},
		{Attribute{Name: "User-Name"}, "value is empty"},
		{Attribute{Name: "Class", Value: "0x"}, "value is empty"},
		{Attribute{Name: "Class", Value: "0x0"}, "pairs of hexadecimal digits"},
		{Attribute{Name: "NAS-IP-Address", Value: "nas1.example"}, "invalid address"},
		{Attribute{Name: "NAS-IP-Address", Value: "2001:db8::1"}, "wrong address family"},
		{Attribute{Name: "NAS-IPv6-Address", Value: "192.0.2.1"}, "wrong address family"},
		{Attribute{Name: "NAS-IPv6-Address", Value: "fe80::1%eth0"}, "invalid address"},
		{Attribute{Name: "Framed-IPv6-Prefix", Value: "192.0.2.0/24"}, "invalid IPv6 prefix"},
		{Attribute{Name: "Framed-Interface-Id", Value: "0:1:2"}, "must be four groups"},
		{Attribute{Name: "Acct-Session-Time", Value: "-1"}, "must have 32 bits"},
		{Attribute{Name: "Acct-Session-Time", Value: "4294967296"}, "must have 32 bits"},
		{Attribute{Name: "Acct-Status-Type", Value: "Begin"}, "neither a number nor a known value"},
		{Attribute{Name: "Event-Timestamp", Value: "Jan  1 2026 01:00:00 CET"}, "invalid time"},
		{Attribute{Name: "Event-Timestamp", Value: "1960-01-01T00:00:00Z"}, "outside 1970..2106"},
	}
	for _, test := range tests {
		got, err := Builtin().Encode(nil, test.in)
		if !errors.Is(err, ErrEncode) || !strings.Contains(err.Error(), test.problem) || got != nil {
			t.Errorf("%v: got %v, %v; want an error with %q", test.in, got, err, test.problem)
		}
	}
}

func TestEncodeAllReturnsAllFaults(t *testing.T) {
	_, err := Builtin().EncodeAll([]Attribute{{Name: "A", Value: "1"}, {Name: "User-Name", Value: "a"}, {Name: "B", Value: "1"}})
	if err == nil || !strings.Contains(err.Error(), "A: unknown") || !strings.Contains(err.Error(), "B: unknown") {
		t.Errorf("got %v, want both faults", err)
	}
}

func TestEncodingOnlyAppends(t *testing.T) {
	first, err := Builtin().Encode(nil, Attribute{Name: "Mikrotik-Address-List", Value: "a"})
	if err != nil {
		t.Fatal(err)
	}
	before := bytes.Clone(first[0].Attribute)
	both, err := Builtin().Encode(first, Attribute{Name: "Mikrotik-Address-List", Value: "b"})
	if err != nil {
		t.Fatal(err)
	}
	if len(both) != 2 || !bytes.Equal(first[0].Attribute, before) {
		t.Errorf("%d attributes, the first now %x, it was %x", len(both), first[0].Attribute, before)
	}
}

func TestDecodeGivesBackWhatWasEncoded(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	d, _ := loadAcme(t)
	defs := slices.DeleteFunc(d.Definitions(), func(def Definition) bool { return def.Encrypted })
	for range 5_000 {
		want := randomAttribute(random, d, defs[random.IntN(len(defs))])
		encoded, err := d.Encode(nil, want)
		if err != nil {
			t.Fatalf("seed %d: %v: %v", seed, want, err)
		}
		if got := d.Decode(encoded); !slices.Equal(got, []Attribute{want}) {
			t.Fatalf("seed %d: %v decodes as %v", seed, want, got)
		}
		again, err := ParseAttribute(d.Format(want))
		if err != nil || again != want {
			t.Fatalf("seed %d: %v prints as %s and reads back as %v, %v", seed, want, d.Format(want), again, err)
		}
	}
}

// randomAttribute returns a valid attribute in the form that Decode returns.
func randomAttribute(random *rand.Rand, d *Dictionary, def Definition) Attribute {
	a := Attribute{Name: def.Name}
	if def.Tagged {
		a.Tag = random.IntN(MaxTag + 1)
	}
	octets := make([]byte, cmp.Or(def.Length, 1+random.IntN(MaxVendorValueLength-1)))
	for i := range octets {
		octets[i] = byte(random.Uint32())
	}
	n := random.Uint32()
	switch def.Type {
	case TypeString:
		a.Value = string(octets)
	case TypeOctets:
		a.Value = "0x" + hex.EncodeToString(octets)
	case TypeIPAddr:
		a.Value = netip.AddrFrom4([4]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}).String()
	case TypeIPv6Addr, TypeIPv6Prefix:
		var b [16]byte
		copy(b[:], octets)
		a.Value = netip.AddrFrom16(b).String()
		if def.Type == TypeIPv6Prefix {
			a.Value = netip.PrefixFrom(netip.AddrFrom16(b), random.IntN(129)).Masked().String()
		}
	case TypeIfID:
		a.Value = fmt.Sprintf("%x:%x:0:1", n>>16, n&0xffff)
	case TypeSigned:
		a.Value = fmt.Sprint(int32(n))
	case TypeInteger, TypeShort, TypeByte:
		n >>= 32 - def.Type.bits()
		if def.Tagged {
			n &= 0xffffff
		}
		raw, _ := d.Encode(nil, Attribute{Name: def.Name, Value: fmt.Sprint(n)})
		a.Value = d.Decode(raw)[0].Value
	case TypeInteger64:
		a.Value = fmt.Sprint(random.Uint64())
	case TypeDate:
		at, _ := Date(radius.NewInteger(n))
		a.Value = at.Format(dateLayout)
	}
	return a
}
