package bng

import "cordon/radiusx/acct"

// KnownBy returns what distinguishes accounting's records of the NAS from others': "name",
// "sender", or "nothing" if a relay sends them and it has no name of its own.
func (d *Discovered) KnownBy() string {
	switch {
	case d.Own != acct.NAS{}:
		return "name"
	case d.Relay:
		return "nothing"
	}
	return "sender"
}

// Vague lists which of its names other NASes have too: nas_ip, nas_ipv6, nas_identifier.
func (d *Discovered) Vague() []string {
	vague := []string{}
	for _, name := range []struct {
		name   string
		shared bool
	}{
		{"nas_ip", d.NAS.IP != d.Own.IP}, {"nas_ipv6", d.NAS.IPv6 != d.Own.IPv6}, {"nas_identifier", d.NAS.Identifier != d.Own.Identifier},
	} {
		if name.shared {
			vague = append(vague, name.name)
		}
	}
	return vague
}
