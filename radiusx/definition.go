package radiusx

import "strings"

// Type is how an attribute's value is encoded. The names are FreeRADIUS'.
type Type int

// The types of RFC 2865 section 5, RFC 3162 and, for integer64, RFC 8044; byte, short
// and signed are those of FreeRADIUS 3's dictionaries.
const (
	TypeOctets     Type = iota + 1 // 0x0102; the form of everything that does not fit its own type
	TypeString                     // text, any octets
	TypeIPAddr                     // 192.0.2.1
	TypeIPv6Addr                   // 2001:db8::1
	TypeIPv6Prefix                 // 2001:db8::/56, host bits zero
	TypeIfID                       // 0:1:2:3, four groups of 16 bits
	TypeInteger                    // 32 bits, 24 with a tag; by value name where there is one
	TypeInteger64                  // 64 bits
	TypeDate                       // Jan  2 2006 15:04:05 UTC; read also as seconds since 1970 or RFC 3339
	TypeByte                       // 8 bits; by value name where there is one
	TypeShort                      // 16 bits; by value name where there is one
	TypeSigned                     // 32 bits, two's complement
)

// typeNames is the one table of type names.
var typeNames = map[string]Type{
	"octets": TypeOctets, "string": TypeString, "ipaddr": TypeIPAddr, "ipv6addr": TypeIPv6Addr,
	"ipv6prefix": TypeIPv6Prefix, "ifid": TypeIfID, "integer": TypeInteger, "integer64": TypeInteger64, "date": TypeDate,
	"byte": TypeByte, "short": TypeShort, "signed": TypeSigned,
}

// String returns FreeRADIUS' name of the type.
func (t Type) String() string {
	for name, typ := range typeNames {
		if typ == t {
			return name
		}
	}
	return "invalid"
}

// named reports whether values of the type may have names.
func (t Type) named() bool { return t == TypeInteger || t == TypeByte || t == TypeShort }

// ParseType returns the type called name in FreeRADIUS' dictionaries.
func ParseType(name string) (Type, bool) {
	t, ok := typeNames[name]
	return t, ok
}

// Definition is one line of a dictionary.
type Definition struct {
	Name   string  // as FreeRADIUS names it
	Vendor uint32  // IANA enterprise number; 0 = a standard attribute
	Number uint8   // attribute type, or the vendor's own type; 1..255
	Type   Type    //
	Tagged bool    // carries an RFC 2868 tag; string and integer only
	Values []Value // names of integer, short and byte values, ascending by number; nil where numbers are just numbers
	Length int     // of octets only: exactly so many, 1..253; 0 = any number

	// Encrypted attributes are hidden with the shared secret, which in a CoA-Request
	// hides nothing (its authenticator is not random): they are never encoded, and
	// decoded as octets.
	Encrypted bool
}

// Value names one number of an enumerated integer attribute.
type Value struct {
	Name   string
	Number uint32
}

// valueName returns the name of number n, "" if it has none.
func (d *Definition) valueName(n uint32) string {
	for _, v := range d.Values {
		if v.Number == n {
			return v.Name
		}
	}
	return ""
}

// valueNumber returns the number called name; case does not matter.
func (d *Definition) valueNumber(name string) (uint32, bool) {
	for _, v := range d.Values {
		if strings.EqualFold(v.Name, name) {
			return v.Number, true
		}
	}
	return 0, false
}
