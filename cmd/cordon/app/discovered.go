package app

import (
	"net/netip"

	"cordon/integration/wire"
)

// discovered lists, for the API, who sends accounting and is not configured.
func (a *App) discovered() []wire.DiscoveredBNG {
	if a.accounting == nil { // it receives none
		return nil
	}
	var list []wire.DiscoveredBNG
	for _, d := range a.accounting.Discovered() {
		list = append(list, wire.DiscoveredBNG{
			NASIP: written(d.NAS.IP), NASIPv6: written(d.NAS.IPv6), NASIdentifier: d.NAS.Identifier, Sender: written(d.Sender), Relay: d.Relay,
			KnownBy: d.KnownBy(), Vague: d.Vague(),
			Records: d.Records, Sessions: d.Sessions, FirstSeen: d.First.UTC(), LastSeen: d.Last.UTC(),
		})
	}
	return list
}

// written is an address as text, "" if there is none.
func written(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
