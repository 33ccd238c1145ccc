package radiusx

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"strconv"
	"time"

	"layeh.com/radius"
)

// Decode returns attrs in text form, in their order. Nothing is an error and
// nothing is lost: what no dictionary names, and what does not have its type's
// length, appears as octets under FreeRADIUS' name for unknown attributes
// (`Attr-240`, `Attr-26.4874.200`), which [Dictionary.Encode] takes back. A
// Vendor-Specific that holds several attributes of its vendor yields
// each; one whose inner lengths do not add up is `Attr-26`. Host bits that real
// gear leaves set in an IPv6 prefix are masked.
func (d *Dictionary) Decode(attrs radius.Attributes) []Attribute {
	decoded := make([]Attribute, 0, len(attrs))
	for _, avp := range attrs {
		if avp == nil || avp.Type < 1 || avp.Type > 255 {
			continue // cannot come from a packet
		}
		decoded = d.AppendDecoded(decoded, uint8(avp.Type), avp.Attribute)
	}
	return decoded
}

// AppendDecoded appends to decoded what [Dictionary.Decode] makes of one attribute
// of a packet. It keeps nothing of the value's memory.
func (d *Dictionary) AppendDecoded(decoded []Attribute, number uint8, value []byte) []Attribute {
	if number == vendorSpecific {
		return d.decodeVendor(decoded, value)
	}
	return append(decoded, d.decode(wireKey{number: number}, value))
}

func (d *Dictionary) decodeVendor(dst []Attribute, raw radius.Attribute) []Attribute {
	if !vendorLengthsAddUp(raw) {
		return append(dst, asOctets(wireKey{number: vendorSpecific}, raw))
	}
	vendor := binary.BigEndian.Uint32(raw)
	for number, value := range vendorAttributes(raw[4:]) {
		dst = append(dst, d.decode(wireKey{vendor, number}, value))
	}
	return dst
}

// vendorLengthsAddUp reports whether raw has RFC 2865's recommended form: a vendor
// number and then at least one attribute of type, length and value.
func vendorLengthsAddUp(raw radius.Attribute) bool {
	if len(raw) < 6 || binary.BigEndian.Uint32(raw) == 0 {
		return false
	}
	for rest := raw[4:]; len(rest) > 0; rest = rest[rest[1]:] {
		if len(rest) < 2 || rest[0] == 0 || rest[1] < 2 || int(rest[1]) > len(rest) {
			return false
		}
	}
	return true
}

// vendorAttributes yields the vendor's attributes in raw, whose lengths add up.
func vendorAttributes(raw radius.Attribute) iter.Seq2[uint8, radius.Attribute] {
	return func(yield func(uint8, radius.Attribute) bool) {
		for rest := raw; len(rest) > 0; rest = rest[rest[1]:] {
			if !yield(rest[0], rest[2:rest[1]]) {
				return
			}
		}
	}
}

func (d *Dictionary) decode(key wireKey, raw radius.Attribute) Attribute {
	def := d.lookupNumber(key)
	if def == nil || def.Encrypted {
		return asOctets(key, raw)
	}
	value, tag := raw, 0
	if def.Tagged {
		value, tag = def.cutTag(raw)
	}
	text, ok := def.decodeValue(value)
	if !ok {
		return asOctets(key, raw)
	}
	return Attribute{Name: def.Name, Tag: tag, Value: text}
}

func asOctets(key wireKey, raw radius.Attribute) Attribute {
	return Attribute{Name: unknownName(key.vendor, key.number), Value: hexText(raw)}
}

func hexText(raw radius.Attribute) string { return "0x" + hex.EncodeToString(raw) }

// cutTag takes the tag off; what addTag leaves untagged has tag 0 here too.
func (d *Definition) cutTag(raw radius.Attribute) (radius.Attribute, int) {
	if len(raw) < 2 || raw[0] > MaxTag {
		return raw, 0
	}
	if d.Type != TypeInteger {
		return raw[1:], int(raw[0])
	}
	if len(raw) != 4 {
		return raw, 0
	}
	return radius.Attribute{0, raw[1], raw[2], raw[3]}, int(raw[0])
}

// decodeValue returns the text form; false if the length is not the type's.
func (d *Definition) decodeValue(raw radius.Attribute) (string, bool) {
	switch d.Type {
	case TypeOctets:
		return hexText(raw), true
	case TypeString:
		return string(raw), true
	case TypeIPAddr:
		addr, err := IPv4Addr(raw)
		return addr.String(), err == nil
	case TypeIPv6Addr:
		addr, err := IPv6Addr(raw)
		return addr.String(), err == nil
	case TypeIPv6Prefix:
		prefix, err := IPv6Prefix(raw)
		return prefix.String(), err == nil
	case TypeIfID:
		return decodeInterfaceID(raw)
	case TypeInteger, TypeShort, TypeByte:
		return d.decodeInteger(raw)
	case TypeSigned:
		n, err := radius.Integer(raw)
		return strconv.FormatInt(int64(int32(n)), 10), err == nil
	case TypeInteger64:
		n, err := radius.Integer64(raw)
		return strconv.FormatUint(n, 10), err == nil
	case TypeDate:
		at, err := Date(raw)
		return at.Format(dateLayout), err == nil
	}
	return "", false
}

func (d *Definition) decodeInteger(raw radius.Attribute) (string, bool) {
	if len(raw) != d.Type.bits()/8 {
		return "", false
	}
	var n uint32
	for _, octet := range raw {
		n = n<<8 | uint32(octet)
	}
	if d.Tagged && n > 0xffffff {
		return "", false
	}
	if name := d.valueName(n); name != "" {
		return name, true
	}
	return strconv.FormatUint(uint64(n), 10), true
}

func decodeInterfaceID(raw radius.Attribute) (string, bool) {
	if len(raw) != 8 {
		return "", false
	}
	group := func(at int) uint16 { return binary.BigEndian.Uint16(raw[at:]) }
	return fmt.Sprintf("%x:%x:%x:%x", group(0), group(2), group(4), group(6)), true
}

// Date returns the value of a date attribute (RFC 8044 section 3.3), in UTC.
func Date(raw radius.Attribute) (time.Time, error) {
	n, err := radius.Integer(raw)
	if err != nil {
		return time.Time{}, fmt.Errorf("date of %d octets, want 4", len(raw))
	}
	return time.Unix(int64(n), 0).UTC(), nil
}
