package radiusx

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"layeh.com/radius"
)

// attributesOf reads attributes in wire form, hexadecimal.
func attributesOf(t *testing.T, wire string) radius.Attributes {
	t.Helper()
	octets, err := hex.DecodeString(strings.ReplaceAll(wire, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	attrs, err := radius.ParseAttributes(octets)
	if err != nil {
		t.Fatal(err)
	}
	return attrs
}

// The same octets were shown to radclient 3.2.1; where it prints something else, the
// comment says what.
func TestForeignOctetsDecodeWithoutLoss(t *testing.T) {
	tests := []struct{ name, wire, want string }{
		{"a value with a name", "6506 000001f7", "Error-Cause = Session-Context-Not-Found\n"},
		{"a value without one", "6506 000003f7", "Error-Cause = 1015\n"},
		{"an integer of three octets", "6505 000003", "Attr-101 = 0x000003\n"},
		{"a date of three octets", "3705 010203", "Attr-55 = 0x010203\n"},
		{"an address of three octets", "0805 010203", "Attr-8 = 0x010203\n"},
		// radclient: 2001:ffff::/20
		{"short prefixes", "6106 00102001 6108 00142001ffff", "Framed-IPv6-Prefix = 2001::/16\nFramed-IPv6-Prefix = 2001:f000::/20\n"},
		// radclient: all bits
		{"a prefix with host bits", "6114 0030 000102030405060708090a0b0c0d0e0f", "Framed-IPv6-Prefix = 1:203:405::/48\n"},
		{"a prefix longer than its octets", "6106 00402001", "Attr-97 = 0x00402001\n"},
		{"a prefix of 129 bits", "7b04 0081", "Attr-123 = 0x0081\n"},
		{"a prefix without a length", "7b03 00", "Attr-123 = 0x00\n"},
		{"a prefix of no bits", "7b04 0000", "Delegated-IPv6-Prefix = ::/0\n"},
		{"two attributes in one Vendor-Specific", "1a0e 0000130a 41040141 42040141",
			"ERX-Service-Activate:1 = \"A\"\nERX-Service-Deactivate = \"\\001A\"\n"},
		{"a tagged string without a tag", "1a0a 0000130a 41042041", "ERX-Service-Activate = \" A\"\n"},
		{"a tag and nothing else", "1a09 0000130a 410301", "ERX-Service-Activate = \"\\001\"\n"},
		{"an integer whose tag is none", "1a0c 0000130a 450621000002", "Attr-26.4874.69 = 0x21000002\n"}, // radclient: 553648130
		{"a vendor's length that overruns", "1a09 0000130a 010741", "Attr-26 = 0x0000130a010741\n"},
		{"a vendor's length of nothing", "1a08 0000130a 0101", "Attr-26 = 0x0000130a0101\n"},
		{"an unknown vendor", "1a09 0001869f 010361", "Attr-26.99999.1 = 0x61\n"},
		{"an unknown attribute of a known vendor", "1a09 00003a8c fe0361", "Attr-26.14988.254 = 0x61\n"},
		{"a vendor and no more", "1a06 00003a8c", "Attr-26 = 0x00003a8c\n"},
		{"less than a vendor", "1a04 0102", "Attr-26 = 0x0102\n"},
		{"an unknown attribute", "fa05 010203", "Attr-250 = 0x010203\n"},
		{"an empty string", "0102", "User-Name = \"\"\n"}, // radclient: nothing
		{"octets that are no text", "0107 c328007f22", "User-Name = \"\\303(\\000\\177\\\"\"\n"},
		{"an interface id", "600a 0001020304050607", "Framed-Interface-Id = 1:203:405:607\n"},
		{"an IPv4 address in an IPv6 one", "a812 00000000000000000000ffff01020304", "Framed-IPv6-Address = ::ffff:1.2.3.4\n"},
		{"an unknown tagged value", "4006 01000063", "Tunnel-Type:1 = 99\n"},
	}
	for _, test := range tests {
		if got := Builtin().Input(Builtin().Decode(attributesOf(t, test.wire))); got != test.want {
			t.Errorf("%s:\n got %q\nwant %q", test.name, got, test.want)
		}
	}
}

func TestReadersRefuseWrongLengths(t *testing.T) {
	for n := range 20 {
		raw := make(radius.Attribute, n)
		if _, err := IPv4Addr(raw); (err == nil) != (n == 4) {
			t.Errorf("IPv4 address of %d octets: %v", n, err)
		}
		if _, err := IPv6Addr(raw); (err == nil) != (n == 16) {
			t.Errorf("IPv6 address of %d octets: %v", n, err)
		}
		if _, err := IPv6Prefix(raw); (err == nil) != (n >= 2 && n <= 18) {
			t.Errorf("IPv6 prefix of %d octets: %v", n, err)
		}
		if _, err := Date(raw); (err == nil) != (n == 4) {
			t.Errorf("date of %d octets: %v", n, err)
		}
	}
}

func TestHostBitsOfAPrefixAreMasked(t *testing.T) {
	raw := radius.Attribute{0, 56, 0x20, 0x01, 0x0d, 0xb8, 0, 1, 2, 3, 4}
	got, err := IPv6Prefix(raw)
	if want := netip.MustParsePrefix("2001:db8:1:200::/56"); err != nil || got != want {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func TestAPacketIsPrintedInRadclientsWords(t *testing.T) {
	from, to := netip.MustParseAddrPort("127.0.0.1:5000"), netip.MustParseAddrPort("127.0.0.1:3799")
	wire, err := hex.DecodeString(goldenVectors[1].request)
	if err != nil {
		t.Fatal(err)
	}
	nak, err := hex.DecodeString("2df8001a" + strings.Repeat("00", 16) + "6506000001f7" + "ffff") // padded
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := Builtin().Text(&b, Sent, from, to, wire); err != nil {
		t.Fatal(err)
	}
	if err := Builtin().Text(&b, Received, to, from, nak); err != nil {
		t.Fatal(err)
	}
	const want = `Sent CoA-Request Id 248 from 127.0.0.1:5000 to 127.0.0.1:3799 length 85
	User-Name = "sub1@isp"
	Acct-Session-Id = "42"
	ERX-Service-Deactivate = "SVC-INET"
	ERX-Service-Activate:1 = "SVC-GUEST(20m)"
	ERX-Service-Statistics:1 = time-volume
Received CoA-NAK Id 248 from 127.0.0.1:3799 to 127.0.0.1:5000 length 26
	Error-Cause = Session-Context-Not-Found
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	if err := Builtin().Text(&b, Received, to, from, wire[:30]); !errors.Is(err, ErrMalformed) {
		t.Errorf("half a packet: got %v, want ErrMalformed", err)
	}
}

func TestValuesArePrintedAsRadclientPrintsThem(t *testing.T) {
	tests := []struct {
		in   Attribute
		want string
	}{
		{Attribute{Name: "user-name", Value: "al\"ice\t\\ \x01 é \xc3("}, `User-Name = "al\"ice\t\\ \001 é \303("`},
		{Attribute{Name: "User-Name", Value: "a\u202eb\u009b"}, `User-Name = "a\342\200\256b\302\233"`}, // they would rewrite a terminal
		{Attribute{Name: "Class", Value: "abc"}, "Class = 0x616263"},
		{Attribute{Name: "Service-Type", Value: "2"}, "Service-Type = Framed-User"},
		{Attribute{Name: "Service-Type", Value: "77"}, "Service-Type = 77"},
		{Attribute{Name: "Acct-Session-Time", Value: "0x10"}, "Acct-Session-Time = 16"},
		{Attribute{Name: "Event-Timestamp", Value: "1767225600"}, `Event-Timestamp = "Jan  1 2026 00:00:00 UTC"`},
		{Attribute{Name: "Framed-IPv6-Prefix", Value: "2001:db8:1::5/48"}, "Framed-IPv6-Prefix = 2001:db8:1::/48"},
		{Attribute{Name: "ERX-Service-Activate", Tag: 1, Value: "GARDEN"}, `ERX-Service-Activate:1 = "GARDEN"`},
		{Attribute{Name: "Attr-240", Value: "0x0102"}, "Attr-240 = 0x0102"},
		{Attribute{Name: "No-Such", Value: "a"}, `No-Such = "a"`},
		{Attribute{Name: "NAS-IP-Address", Value: "nonsense"}, "NAS-IP-Address = nonsense"},
	}
	for _, test := range tests {
		if got := Builtin().Format(test.in); got != test.want {
			t.Errorf("%+v:\n got %s\nwant %s", test.in, got, test.want)
		}
	}
}
