package probe

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/netip"

	"cordon/radiusx"
	"cordon/radiusx/bng"
)

// impossibleSession is a session that cannot exist, in the attributes called names: each
// value is new, of its type, and outside of what any subscriber can have. What
// says which BNG it is on is the BNG's own, or it would not read further.
func impossibleSession(names []string, d *radiusx.Dictionary, b *bng.Config) []radiusx.Attribute {
	var attributes []radiusx.Attribute
	for _, name := range names {
		value, own := nasValue(name, b)
		if def, known := d.Lookup(name); known && !own {
			value = impossible(def)
		}
		if value != "" {
			attributes = append(attributes, radiusx.Attribute{Name: name, Value: value})
		}
	}
	return attributes
}

// nasValue returns what the BNG calls itself in that attribute; own is false for
// attributes that do not name a BNG.
func nasValue(name string, b *bng.Config) (value string, own bool) {
	nas := b.NAS
	if len(nas) == 0 {
		nas = []bng.NAS{{IP: b.Address}}
	}
	fits := map[string]func(bng.NAS) bool{
		"NAS-IP-Address":   func(n bng.NAS) bool { return n.IP.Is4() },
		"NAS-IPv6-Address": func(n bng.NAS) bool { return n.IP.Is6() },
		"NAS-Identifier":   func(n bng.NAS) bool { return n.Identifier != "" },
	}[name]
	if fits == nil {
		return "", false
	}
	for _, n := range nas {
		if fits(n) {
			return n.String(), true
		}
	}
	return "", true
}

// impossible returns a random value that no subscriber has. Text begins with "probe-",
// which is no number in any base that a BNG reads session ids in, so that one that
// reads only the digits at the front finds none. 240.0.0.0/4 is reserved (RFC 1112
// section 4), 2001:db8::/32 is for documentation (RFC 3849), and a MAC address
// with the group bit belongs to no station (IEEE 802).
func impossible(def radiusx.Definition) string {
	r := make([]byte, 16)
	_, _ = rand.Read(r) // never fails (crypto/rand)
	switch def.Type {
	case radiusx.TypeString:
		if def.Name == "Calling-Station-Id" {
			return fmt.Sprintf("03-%02X-%02X-%02X-%02X-%02X", r[0], r[1], r[2], r[3], r[4])
		}
		return "probe-" + hex.EncodeToString(r[:8])
	case radiusx.TypeIPAddr:
		return netip.AddrFrom4([4]byte{240 | r[0]&7, r[1], r[2], r[3]}).String()
	case radiusx.TypeIPv6Addr:
		return documentation(r).String()
	case radiusx.TypeIPv6Prefix:
		prefix, _ := documentation(r).Prefix(64) // 64 is a length that an IPv6 address has
		return prefix.String()
	case radiusx.TypeOctets:
		if def.Length > 0 {
			return "0x" + hex.EncodeToString(make([]byte, def.Length-1)) + "ff"
		}
		return "0x" + hex.EncodeToString(r)
	}
	return "" // a number identifies no subscriber for certain; a dialect that must have one cannot be probed
}

func documentation(r []byte) netip.Addr {
	return netip.AddrFrom16([16]byte(append([]byte{0x20, 0x01, 0x0d, 0xb8}, r[:12]...)))
}
