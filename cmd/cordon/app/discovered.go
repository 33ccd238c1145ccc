package app

import (
	"net/netip"

	"cordon/integration/wire"
	"cordon/radiusx/acct"
	"cordon/radiusx/bng"
)

// discovered lists, for the API, who sends accounting and is not configured.
func (a *App) discovered() []wire.DiscoveredBNG {
	if a.accounting == nil { // it takes none
		return nil
	}
	var list []wire.DiscoveredBNG
	for _, d := range a.accounting.Discovered() {
		vague := []string{}
		for _, name := range []struct {
			name string
			is   bool
		}{{"nas_ip", d.NAS.IP != d.Own.IP}, {"nas_ipv6", d.NAS.IPv6 != d.Own.IPv6}, {"nas_identifier", d.NAS.Identifier != d.Own.Identifier}} {
			if name.is {
				vague = append(vague, name.name)
			}
		}
		list = append(list, wire.DiscoveredBNG{
			NASIP: written(d.NAS.IP), NASIPv6: written(d.NAS.IPv6), NASIdentifier: d.NAS.Identifier, Sender: written(d.Sender), Relay: d.Relay, KnownBy: knownBy(&d), Vague: vague,
			Records: d.Records, Sessions: d.Sessions, FirstSeen: d.First.UTC(), LastSeen: d.Last.UTC(),
		})
	}
	return list
}

// knownBy returns what distinguishes accounting's records of it from others'.
func knownBy(d *bng.Discovered) string {
	switch {
	case d.Own != acct.NAS{}:
		return "name"
	case d.Relay:
		return "nothing"
	}
	return "sender"
}

// written is an address as text, "" if there is none.
func written(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
