package radiusx

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"
	"unicode/utf8"

	"layeh.com/radius"
)

// wireValue is one value as it lies on the wire.
type wireValue struct {
	vendor uint32 // 0: a standard attribute
	number byte
	octets []byte
}

// readWire takes attributes apart as RFC 2865 sections 5 and 5.26 draw them. It
// shares nothing with the package, so that both would have to be wrong in the
// same way. It returns false where lengths do not add up.
func readWire(wire []byte) (values []wireValue, ok bool) {
	for len(wire) > 0 {
		if len(wire) < 2 || wire[1] < 2 || int(wire[1]) > len(wire) {
			return nil, false
		}
		number, value := wire[0], wire[2:wire[1]]
		wire = wire[wire[1]:]
		if inner, ok := readVendor(value); number == 26 && ok {
			values = append(values, inner...)
		} else if number != 0 {
			values = append(values, wireValue{0, number, value})
		}
	}
	return values, true
}

func readVendor(value []byte) (values []wireValue, ok bool) {
	if len(value) < 6 || bytes.Equal(value[:4], make([]byte, 4)) {
		return nil, false
	}
	vendor := binary.BigEndian.Uint32(value)
	for rest := value[4:]; len(rest) > 0; rest = rest[rest[1]:] {
		if len(rest) < 2 || rest[0] == 0 || rest[1] < 2 || int(rest[1]) > len(rest) {
			return nil, false
		}
		values = append(values, wireValue{vendor, rest[0], rest[2:rest[1]]})
	}
	return values, true
}

// same reports whether encoding a value that was read gives its octets again, but
// for what was not kept on purpose: host bits and the length of a prefix, a tag of
// 0 before a string, and a string of one octet that could be a tag, which gets one.
func (v wireValue) same(encoded []byte, def Definition) bool {
	switch {
	case bytes.Equal(v.octets, encoded):
		return true
	case def.Type == TypeIPv6Prefix && len(v.octets) >= 2 && len(encoded) == 18:
		bits := int(v.octets[1])
		for i := range 16 {
			mask := byte(0xff << max(0, min(8, 8*(i+1)-bits)))
			octet := byte(0)
			if i+2 < len(v.octets) {
				octet = v.octets[i+2]
			}
			if encoded[i+2] != octet&mask {
				return false
			}
		}
		return encoded[0] == 0 && encoded[1] == v.octets[1]
	case def.Tagged && def.Type == TypeString:
		zero := append([]byte{0}, encoded...)
		return len(v.octets) > 1 && bytes.Equal(v.octets, zero) || len(v.octets) == 1 && bytes.Equal(append([]byte{0}, v.octets...),
			encoded)
	}
	return false
}

// checkDecoded holds what d reads from wire against readWire, and what it writes
// against wire.
func checkDecoded(d *Dictionary, attrs radius.Attributes, wire []byte) error {
	values, ok := readWire(wire)
	decoded := d.Decode(attrs)
	if !ok || len(values) != len(decoded) {
		return fmt.Errorf("%d values decode as %v", len(values), decoded)
	}
	for i, a := range decoded {
		v := values[i]
		def, known := d.Lookup(a.Name)
		if !known || def.Vendor != v.vendor || def.Number != v.number {
			return fmt.Errorf("value %d, %d.%d, decodes as %v", i, v.vendor, v.number, a)
		}
		encoded, err := d.Encode(nil, a)
		if err != nil {
			if !strings.Contains(err.Error(), "value is empty") || len(a.Value) > len("0x") {
				return fmt.Errorf("%v does not encode: %w", a, err)
			}
			continue
		}
		octets := []byte(encoded[0].Attribute)
		if def.Vendor != 0 {
			octets = octets[6:]
		}
		if !v.same(octets, def) {
			return fmt.Errorf("%x decodes as %v, which encodes as %x", v.octets, a, octets)
		}
		if again := d.Decode(encoded); !slices.Equal(again, []Attribute{a}) {
			return fmt.Errorf("%v encodes to %x, which decodes as %v", a, octets, again)
		}
		if read, err := ParseAttribute(d.Format(a)); err != nil || read != a {
			return fmt.Errorf("%v prints as %s and reads back as %v, %w", a, d.Format(a), read, err)
		}
	}
	return nil
}

// FuzzDecode holds the decoder against a second one, and its encoder against the
// wire: nothing is lost, added, renumbered or changed.
func FuzzDecode(f *testing.F) {
	for _, v := range goldenVectors {
		f.Add(golden(f, v.request)[HeaderLength:])
	}
	f.Add([]byte{26, 14, 0, 0, 0x13, 0x0a, 65, 4, 1, 65, 66, 4, 1, 65})
	f.Add([]byte{97, 6, 0, 20, 0x20, 1, 26, 6, 0, 0, 0, 9, 0, 3, 1})
	f.Fuzz(func(t *testing.T, wire []byte) {
		attrs, err := radius.ParseAttributes(wire)
		if _, ok := readWire(wire); ok != (err == nil) {
			t.Fatalf("lengths add up: %v, the codec says %v", ok, err)
		}
		if err != nil {
			return
		}
		if err := checkDecoded(Builtin(), attrs, wire); err != nil {
			t.Fatal(err)
		}
	})
}

func golden(f *testing.F, digits string) []byte {
	f.Helper()
	wire, err := hex.DecodeString(digits)
	if err != nil {
		f.Fatal(err)
	}
	return wire
}

// FuzzText prints datagrams as radclient would: what is malformed prints nothing;
// the rest prints one line an attribute that a terminal cannot be harmed by, and
// that reads back as what was sent.
func FuzzText(f *testing.F) {
	for _, v := range goldenVectors {
		f.Add(golden(f, v.request))
		f.Add(append(golden(f, v.request), 0, 0))
	}
	f.Add([]byte("\x2d\x01\x00\x1d0123456789abcdef\x01\x09a\x1b[2J\"\n"))
	from, to := netip.MustParseAddrPort("127.0.0.1:5000"), netip.MustParseAddrPort("[::1]:3799")
	f.Fuzz(func(t *testing.T, datagram []byte) {
		var b strings.Builder
		err := Builtin().Text(&b, Sent, from, to, datagram)
		packet, malformed := Trim(datagram)
		if (err == nil) != (malformed == nil) || err != nil && (!errors.Is(err, ErrMalformed) || b.Len() > 0) {
			t.Fatalf("Trim says %v, Text says %v and printed %q", malformed, err, b.String())
		}
		if err != nil {
			return
		}
		attrs, err := radius.ParseAttributes(packet[HeaderLength:])
		if err != nil {
			t.Fatal(err)
		}
		decoded := Builtin().Decode(attrs)
		if n := strings.Count(b.String(), "\n"); n != 1+len(decoded) || !strings.HasSuffix(b.String(), "\n") {
			t.Fatalf("%d lines for %d attributes: %q", n, len(decoded), b.String())
		}
		head, body, _ := strings.Cut(b.String(), "\n")
		if want := fmt.Sprintf(" Id %d from 127.0.0.1:5000 to [::1]:3799 length %d", packet[1],
			len(packet)); !strings.HasSuffix(head, want) {
			t.Fatalf("%q does not end with %q", head, want)
		}
		harmless := func(r rune) bool { return r == '\n' || r == '\t' || unicode.IsPrint(r) }
		if i := strings.IndexFunc(b.String(), func(r rune) bool { return !harmless(r) }); i >= 0 || !utf8.ValidString(b.String()) {
			t.Fatalf("octet %d of %q is not fit to print", i, b.String())
		}
		if read, err := ParseAttributes(body); err != nil || !slices.Equal(read, decoded) {
			t.Fatalf("%q reads back as %v, %v; want %v", body, read, err, decoded)
		}
	})
}

// stateOf is CheckMessageAuthenticator once more, the plain way (RFC 3579 section
// 3.2): zero it, put the authenticator in, sum up, compare.
func stateOf(packet, secret, authenticator []byte) MessageAuthenticator {
	values, _ := readTopLevel(packet[HeaderLength:])
	state, seen := MessageAuthenticatorAbsent, 0
	for _, at := range values[80] {
		seen++
		state = MessageAuthenticatorBad
		plain := bytes.Clone(packet)
		if value := plain[HeaderLength+at+2:]; plain[HeaderLength+at+1] == 18 {
			was := bytes.Clone(value[:16])
			copy(value, make([]byte, 16))
			copy(plain[4:20], authenticator)
			sum := hmac.New(md5.New, secret)
			sum.Write(plain)
			if hmac.Equal(was, sum.Sum(nil)) {
				state = MessageAuthenticatorValid
			}
		}
	}
	if seen > 1 {
		return MessageAuthenticatorBad
	}
	return state
}

// readTopLevel returns where attributes of each type begin.
func readTopLevel(wire []byte) (at map[byte][]int, ok bool) {
	at = map[byte][]int{}
	for i := 0; i < len(wire); i += int(wire[i+1]) {
		if i+2 > len(wire) || wire[i+1] < 2 || i+int(wire[i+1]) > len(wire) {
			return nil, false
		}
		at[wire[i]] = append(at[wire[i]], i)
	}
	return at, true
}

// FuzzTrim holds the check of lengths and of the Message-Authenticator against a
// second, plain one. sign has the attribute made right, which the fuzzer cannot
// find by itself.
func FuzzTrim(f *testing.F) {
	for _, v := range goldenVectors {
		f.Add(golden(f, v.request), false)
		f.Add(append(golden(f, v.request), 1), true)
	}
	f.Add(append(append([]byte{44, 1, 0, 38}, make([]byte, 16)...), append([]byte{80, 18}, make([]byte, 16)...)...), true)
	f.Add(append(append([]byte{44, 1, 0, 56}, make([]byte, 16)...), bytes.Repeat(append([]byte{80, 18}, make([]byte, 16)...), 2)...), true)
	f.Fuzz(func(t *testing.T, datagram []byte, sign bool) {
		packet, err := Trim(datagram)
		sound := len(datagram) >= 20
		if sound {
			length := int(binary.BigEndian.Uint16(datagram[2:]))
			sound = length >= 20 && length <= 4096 && length <= len(datagram)
			if sound {
				_, sound = readTopLevel(datagram[20:length])
			}
			if sound && !bytes.Equal(packet, datagram[:length]) {
				t.Fatalf("%x is trimmed to %x", datagram, packet)
			}
		}
		if sound != (err == nil) {
			t.Fatalf("%x: lengths add up: %v, Trim says %v", datagram, sound, err)
		}
		if err != nil {
			if !errors.Is(err, ErrMalformed) || packet != nil {
				t.Fatalf("got %x, %v; want nothing and ErrMalformed", packet, err)
			}
			return
		}
		if _, err := radius.Parse(packet, nil); err != nil {
			t.Fatalf("%x: accepted, the codec says %v", packet, err)
		}
		secret, authenticator := []byte("s"), bytes.Repeat([]byte{7}, AuthenticatorLength)
		packet = bytes.Clone(packet)
		if sign {
			SignMessageAuthenticator(packet, secret, authenticator)
		}
		if got, want := CheckMessageAuthenticator(packet, secret, authenticator), stateOf(packet, secret, authenticator); got != want {
			t.Fatalf("%x: got %v, want %v", packet, got, want)
		}
	})
}

// FuzzLoadDictionary reads dictionary files: each fault has its line, and what
// was read stands in the text, is sound, takes nothing of the base's and carries
// values to the wire and back.
func FuzzLoadDictionary(f *testing.F) {
	f.Add(acme)
	f.Add("$INCLUDE d\n")
	f.Add("$INCLUDE ../x\n$INCLUDE none\n$INCLUDE- none\n")
	f.Add("VENDOR A 1\nBEGIN-VENDOR A format=Extended-Vendor-Specific-1\nATTRIBUTE B 1 octets[999] has_tag,encrypt=2\n")
	f.Fuzz(func(t *testing.T, text string) {
		d, notes, err := LoadDictionary(Builtin(), fstest.MapFS{"d": {Data: []byte(text)}}, "d")
		lines := strings.Count(text, "\n") + 1
		for _, fault := range apart(err) {
			var note DictionaryNote
			if !errors.As(fault, &note) {
				t.Fatalf("%q: a fault without a line: %v", text, fault)
			}
			notes = append(notes, note)
		}
		for _, note := range notes {
			if note.File != "d" || note.Line < 1 || note.Line > lines || note.Problem == "" {
				t.Fatalf("%q: %+v is no place in its %d lines", text, note, lines)
			}
		}
		if err != nil {
			if d != nil {
				t.Fatalf("%q: an error and a dictionary", text)
			}
			return
		}
		for _, def := range d.Definitions() {
			checkLoaded(t, d, def, text)
		}
	})
}

// apart returns the errors that were joined.
func apart(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return nil
}

// checkLoaded checks a definition of d, which was read from text on top of the
// built-in ones.
func checkLoaded(t *testing.T, d *Dictionary, def Definition, text string) {
	t.Helper()
	if err := def.check(); err != nil {
		t.Fatalf("%q: %+v: %v", text, def, err)
	}
	if base, known := Builtin().Lookup(def.Name); known {
		if base.Vendor != def.Vendor || base.Number != def.Number || base.Type != def.Type {
			t.Fatalf("%q: %s was %+v and is %+v", text, def.Name, base, def)
		}
		return
	}
	if !declares(text, def) {
		t.Fatalf("%q: no line declares %+v", text, def)
	}
	attr := radius.AVP{Type: radius.Type(def.Number), Attribute: radius.Attribute{0x20, 1, 2, 3}}
	if def.Vendor != 0 {
		attr = radius.AVP{Type: vendorSpecific, Attribute: append(binary.BigEndian.AppendUint32(nil, def.Vendor), def.Number, 6,
			0x20, 1, 2, 3)}
	}
	wire := append([]byte{byte(attr.Type), byte(2 + len(attr.Attribute))}, attr.Attribute...)
	if err := checkDecoded(d, radius.Attributes{&attr}, wire); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
}

// declares reports whether some line of text has the definition's name and number,
// read with nothing but a split into words.
func declares(text string, def Definition) bool {
	for line := range strings.SplitSeq(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) < 4 || words[0] != "ATTRIBUTE" || words[1] != def.Name {
			continue
		}
		if n, err := strconv.ParseUint(words[2], 0, 32); err == nil && n == uint64(def.Number) {
			return true
		}
	}
	return false
}
