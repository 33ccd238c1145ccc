package bngsim

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"cordon/radiusx/bngsim"
)

// realm is that of every User-Name; RFC 2606 keeps it for examples.
const realm = "isp.example"

// normals is what AAA sends at log-in, by platform: the name unless configured, and
// where it shows.
var normals = map[bngsim.Platform]struct {
	name  string
	state func(name string) bngsim.State
}{
	bngsim.FilterID: {"INTERNET", func(name string) bngsim.State { return bngsim.State{FilterID: name} }},
	bngsim.Junos:    {"INTERNET", func(name string) bngsim.State { return bngsim.State{Services: []string{name}} }},
	bngsim.MikroTik: {"INTERNET", func(name string) bngsim.State { return bngsim.State{AddressList: name} }},
	bngsim.AccelPPP: {"50000/10000", func(name string) bngsim.State { return bngsim.State{FilterID: name} }},
	bngsim.VyOS:     {"50000/10000", func(name string) bngsim.State { return bngsim.State{FilterID: name} }},

	bngsim.NokiaSROS:   {"INTERNET", func(name string) bngsim.State { return bngsim.State{ServiceProfile: name} }},
	bngsim.CiscoISG:    {"INTERNET", func(name string) bngsim.State { return bngsim.State{Services: []string{name}} }},
	bngsim.CiscoXR:     {"INTERNET", func(name string) bngsim.State { return bngsim.State{Services: []string{name}} }},
	bngsim.HuaweiNE:    {"internet", func(name string) bngsim.State { return bngsim.State{FilterID: name} }},
	bngsim.EricssonSE:  {"INTERNET", func(name string) bngsim.State { return bngsim.State{Services: []string{name}} }},
	bngsim.RtBrick:     {"internet", func(name string) bngsim.State { return bngsim.State{ServiceProfile: name} }},
	bngsim.CoovaChilli: {"10000/50000", func(name string) bngsim.State { return bngsim.State{RateLimit: bngsim.CoovaChilli.Rate(name)} }},
	bngsim.Skat:        {"internet", func(name string) bngsim.State { return bngsim.State{RateLimit: name} }},
	bngsim.StarOS:      {"internet", func(name string) bngsim.State { return bngsim.State{FilterID: name} }},
	bngsim.OSVBNG:      {"internet", func(name string) bngsim.State { return bngsim.State{FilterID: name} }},
	bngsim.Hostapd:     {"vlan-10", func(name string) bngsim.State { return bngsim.State{FilterID: name} }},
}

// Normal is the name that AAA sends at log-in to subscribers of a platform, unless
// configured otherwise.
func Normal(maker string) string { return normals[bngsim.Platform(maker)].name }

// subscribers are the lines of a BNG, in the order of their addresses.
func (c *Config) subscribers() []bngsim.Subscriber {
	profile := normals[bngsim.Platform(c.Platform)].state(c.Normal)
	lines := make([]bngsim.Subscriber, c.Subscribers)
	addr := c.V4.Masked().Addr()
	for i := range lines {
		addr = addr.Next()
		n := i + 1
		lines[i] = bngsim.Subscriber{
			User: fmt.Sprintf("%s-%04d@%s", c.Name, n, realm), IPv4: addr,
			MAC:       fmt.Sprintf("02:00:00:%02x:%02x:%02x", byte(n>>16), byte(n>>8), byte(n)),
			Line:      fmt.Sprintf("line-%d", n),
			NASPortID: fmt.Sprintf("ge-0/0/%d.%d", i%8, 100+i/8), Class: fmt.Sprintf("line-%d", n),
			IPoE: c.Platform == string(bngsim.AccelPPP), Profile: profile,
		}
		if c.V6.IsValid() {
			lines[i].Prefix = nth(c.V6, 64, uint64(i)<<(64-blockBits))
			lines[i].Delegated = nth(c.V6, 56, uint64(i)<<(56-blockBits)+1)
		}
	}
	return lines
}

// nth is the n-th prefix of that length (at most 64) within another, from 0.
func nth(within netip.Prefix, bits int, n uint64) netip.Prefix {
	octets := within.Masked().Addr().As16()
	high := binary.BigEndian.Uint64(octets[:8]) + n<<(64-bits)
	binary.BigEndian.PutUint64(octets[:8], high)
	return netip.PrefixFrom(netip.AddrFrom16(octets), bits)
}
