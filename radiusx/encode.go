package radiusx

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"layeh.com/radius"
)

// The largest values, in octets (RFC 2865 section 5): an attribute's length is one
// octet and counts itself and the type; a vendor's attribute also loses the
// vendor number and the vendor's own type and length.
const (
	MaxValueLength       = 253
	MaxVendorValueLength = 247
)

// ErrEncode is what every attribute that cannot be encoded fails with; the
// message names the attribute and what is wrong with it.
var ErrEncode = errors.New("cannot encode")

// Encode appends attribute a to dst in wire form; a vendor's attribute gets a
// Vendor-Specific of its own. It never changes what dst holds. Errors
// wrap [ErrEncode]: an unknown name, a value that is not of the attribute's
// type, empty or too long (see [MaxValueLength]; a tag takes one octet), a tag on
// an attribute that has none, an attribute that is encrypted.
func (d *Dictionary) Encode(dst radius.Attributes, a Attribute) (radius.Attributes, error) {
	def, ok := d.lookup(a.Name)
	if !ok {
		return dst, fmt.Errorf("%w %s: unknown attribute", ErrEncode, a.Name)
	}
	value, err := def.encode(a)
	if err != nil {
		return dst, fmt.Errorf("%w %s: %w", ErrEncode, a.Label(), err)
	}
	if def.Vendor == 0 {
		return append(dst, &radius.AVP{Type: radius.Type(def.Number), Attribute: value}), nil
	}
	wrapped := make(radius.Attribute, 0, 6+len(value))
	wrapped = binary.BigEndian.AppendUint32(wrapped, def.Vendor)
	wrapped = append(wrapped, def.Number, byte(2+len(value)))
	wrapped = append(wrapped, value...)
	return append(dst, &radius.AVP{Type: vendorSpecific, Attribute: wrapped}), nil
}

// EncodeAll encodes attrs in their order. All attributes that cannot be encoded
// are in the error.
func (d *Dictionary) EncodeAll(attrs []Attribute) (radius.Attributes, error) {
	encoded := make(radius.Attributes, 0, len(attrs))
	var faults []error
	for _, a := range attrs {
		var err error
		if encoded, err = d.Encode(encoded, a); err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return encoded, nil
}

// encode returns the value octets of a, with its tag.
func (d *Definition) encode(a Attribute) (radius.Attribute, error) {
	if d.Encrypted {
		return nil, fmt.Errorf("is encrypted with the shared secret, which a CoA-Request must not carry")
	}
	if a.Tag != 0 && !d.Tagged {
		return nil, fmt.Errorf("carries no tag")
	}
	if a.Tag < 0 || a.Tag > MaxTag {
		return nil, fmt.Errorf("tag %d must be from 1 to %d", a.Tag, MaxTag)
	}
	value, err := d.encodeValue(a.Value)
	if err != nil {
		return nil, err
	}
	if len(value) == 0 {
		return nil, fmt.Errorf("value is empty")
	}
	if d.Tagged {
		if value, err = d.addTag(value, byte(a.Tag)); err != nil {
			return nil, err
		}
	}
	limit := MaxValueLength
	if d.Vendor != 0 {
		limit = MaxVendorValueLength
	}
	if len(value) > limit {
		return nil, fmt.Errorf("%d octets, at most %d fit", len(value), limit)
	}
	return value, nil
}

// addTag puts the tag where RFC 2868 section 3 has it: in the top octet of an
// integer, before a string. A string that has none stays as it is, unless its
// first octet would read as a tag.
func (d *Definition) addTag(value radius.Attribute, tag byte) (radius.Attribute, error) {
	if d.Type == TypeInteger {
		if value[0] != 0 {
			return nil, fmt.Errorf("value %d must have 24 bits at most", binary.BigEndian.Uint32(value))
		}
		value[0] = tag
		return value, nil
	}
	if tag == 0 && value[0] > MaxTag {
		return value, nil
	}
	return append(radius.Attribute{tag}, value...), nil
}

// encodeValue encodes a value's text form.
func (d *Definition) encodeValue(text string) (radius.Attribute, error) {
	switch d.Type {
	case TypeString:
		return radius.Attribute(text), nil
	case TypeIPAddr, TypeIPv6Addr:
		return d.encodeAddress(text)
	case TypeIPv6Prefix:
		return encodePrefix(text)
	case TypeIfID:
		return encodeInterfaceID(text)
	case TypeInteger, TypeShort, TypeByte:
		return d.encodeInteger(text)
	case TypeSigned:
		n, err := strconv.ParseInt(text, 0, 32)
		if err != nil {
			return nil, fmt.Errorf("invalid number %q: must have 32 bits with a sign", text)
		}
		return radius.NewInteger(uint32(n)), nil
	case TypeInteger64:
		n, err := strconv.ParseUint(text, 0, 64)
		if err != nil {
			return nil, fmt.Errorf("invalid number %q: must have 64 bits", text)
		}
		return radius.NewInteger64(n), nil
	case TypeDate:
		return encodeDate(text)
	}
	return d.encodeOctets(text)
}

// encodeOctets takes 0x and hexadecimal digits; any other text stands for its
// own octets, as in radclient.
func (d *Definition) encodeOctets(text string) (radius.Attribute, error) {
	octets := []byte(text)
	if digits, ok := strings.CutPrefix(text, "0x"); ok {
		var err error
		if octets, err = hex.DecodeString(digits); err != nil {
			return nil, fmt.Errorf("invalid octets %q: must be pairs of hexadecimal digits", text)
		}
	}
	if d.Length > 0 && len(octets) != d.Length {
		return nil, fmt.Errorf("%d octets, want %d", len(octets), d.Length)
	}
	return octets, nil
}

func (d *Definition) encodeAddress(text string) (radius.Attribute, error) {
	addr, err := netip.ParseAddr(text)
	switch {
	case err != nil || addr.Zone() != "":
		return nil, fmt.Errorf("invalid address %q", text)
	case addr.Is4() != (d.Type == TypeIPAddr):
		return nil, fmt.Errorf("%q is of the wrong address family", text)
	}
	return addr.AsSlice(), nil
}

// encodePrefix writes all sixteen address octets, as radclient does; RFC 3162
// section 2.3 allows fewer, and every receiver takes sixteen.
func encodePrefix(text string) (radius.Attribute, error) {
	if !strings.Contains(text, "/") {
		text += "/128"
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil || !prefix.Addr().Is6() {
		return nil, fmt.Errorf("invalid IPv6 prefix %q", text)
	}
	value := radius.Attribute{0, byte(prefix.Bits())}
	return append(value, prefix.Masked().Addr().AsSlice()...), nil
}

func encodeInterfaceID(text string) (radius.Attribute, error) {
	groups := strings.Split(text, ":")
	var value radius.Attribute
	for _, g := range groups {
		n, err := strconv.ParseUint(g, 16, 16)
		if err != nil || len(groups) != 4 {
			return nil, fmt.Errorf("invalid interface id %q: must be four groups of hexadecimal digits", text)
		}
		value = binary.BigEndian.AppendUint16(value, uint16(n))
	}
	return value, nil
}

func (d *Definition) encodeInteger(text string) (radius.Attribute, error) {
	n, named := d.valueNumber(text)
	if !named {
		parsed, err := strconv.ParseUint(text, 0, d.Type.bits())
		switch {
		case err != nil && len(d.Values) > 0:
			return nil, fmt.Errorf("%q is neither a number nor a known value", text)
		case err != nil:
			return nil, fmt.Errorf("invalid number %q: must have %d bits", text, d.Type.bits())
		}
		n = uint32(parsed)
	}
	return radius.NewInteger(n)[4-d.Type.bits()/8:], nil
}

// bits is the size of a number type whose values may have names.
func (t Type) bits() int {
	switch t {
	case TypeByte:
		return 8
	case TypeShort:
		return 16
	}
	return 32
}

// dateLayout is radclient's with the zone fixed, so that it reads back anywhere.
const dateLayout = "Jan _2 2006 15:04:05 UTC"

func encodeDate(text string) (radius.Attribute, error) {
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		return radius.NewInteger(uint32(n)), nil
	}
	for _, layout := range []string{dateLayout, time.RFC3339} {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if n := t.Unix(); n >= 0 && n <= math.MaxUint32 {
			return radius.NewInteger(uint32(n)), nil
		}
		return nil, fmt.Errorf("%q is outside 1970..2106", text)
	}
	return nil, fmt.Errorf("invalid time %q: must be seconds since 1970, RFC 3339 or the form %q", text, dateLayout)
}
