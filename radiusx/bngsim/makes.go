package bngsim

import (
	"fmt"
	"slices"
	"time"
)

// Make names the gear that a BNG takes after.
type Make string

// The makes. Their behaviour is in the table below, with its sources.
const (
	FilterID Make = "filter-id" // a strict server after RFC 5176 that knows Filter-Id
	Junos    Make = "junos"     // Juniper MX, services activated and deactivated
	MikroTik Make = "mikrotik"  // RouterOS, address lists
	AccelPPP Make = "accel-ppp" // accel-ppp, redirect and shaper
)

// behaviour is what distinguishes a make.
type behaviour struct {
	sessionID func(n uint64) string

	identifiers []string   // attributes that name a session; the others are changes
	skipsUnset  bool       // an identifier the session has no value for counts as matching
	several     ErrorCause // answer when several sessions match; OK takes the first
	unnamed     ErrorCause // answer to a request without any identifier
	checksNAS   bool       // 403 when NAS-IP-Address or NAS-Identifier is another's

	changes        map[string]change // attributes that change the state
	first          string            // the attribute whose instances are worked off before the others
	ignoresUnknown bool              // other attributes are ignored and ACKed, not refused with 401
	atomic         bool              // a refusal leaves the state as it was
	checksProfiles bool              // Config.Profiles is looked at

	checksAuthenticity bool // of Message-Authenticator, and of Event-Timestamp's age
	echoesProxyState   bool
	duplicateWindow    time.Duration
	reportsFilterID    bool // accounting carries Filter-Id as it is now
	reportsServices    bool // each active service is accounted for by itself
}

// rfcIdentifiers are the session identification attributes of RFC 5176 section 3.
var rfcIdentifiers = []string{
	"User-Name", "NAS-Port", "Framed-IP-Address", "Called-Station-Id", "Calling-Station-Id",
	"Acct-Session-Id", "Acct-Multi-Session-Id", "NAS-Port-Id", "Chargeable-User-Identity",
	"Framed-Interface-Id", "Framed-IPv6-Prefix",
}

// behaviours is the one table of makes.
var behaviours = map[Make]*behaviour{
	// What RFC 5176 asks of a server: all or nothing, 401 to the unknown.
	FilterID: {
		sessionID:   func(n uint64) string { return fmt.Sprintf("%08X", n) },
		identifiers: rfcIdentifiers, several: MultipleSessions, unnamed: MissingAttribute, checksNAS: true,
		changes: map[string]change{"Filter-Id": setFilter}, atomic: true, checksProfiles: true,
		checksAuthenticity: true, echoesProxyState: true, duplicateWindow: 300 * time.Second,
		reportsFilterID: true,
	},
	// Juniper, "RADIUS dynamic service management" and JUNOSe 9.x table 42:
	// deactivations before activations (16.1R4), 404 for a service that is
	// not active, 401 for attributes of others, no Error-Cause for causes
	// that are not in its table. Services report themselves with
	// ERX-Service-Session and an Acct-Session-Id "session:number".
	Junos: {
		sessionID:   func(n uint64) string { return fmt.Sprint(n) },
		identifiers: rfcIdentifiers, several: Unexplained, unnamed: MissingAttribute, checksNAS: true,
		changes: map[string]change{
			"ERX-Service-Deactivate":    deactivateService,
			"ERX-Service-Activate":      activateService,
			"ERX-Service-Statistics":    changeNothing,
			"ERX-Service-Volume":        changeNothing,
			"ERX-Service-Timeout":       changeNothing,
			"ERX-Service-Acct-Interval": changeNothing,
			"Filter-Id":                 setFilter,
		},
		first: "ERX-Service-Deactivate", atomic: true, checksProfiles: true,
		checksAuthenticity: true, echoesProxyState: true, duplicateWindow: 60 * time.Second,
		reportsFilterID: true, reportsServices: true,
	},
	// MikroTik, manual RADIUS client; Splynx on Mikrotik-Address-List: names
	// are made as needed, other attributes are ignored.
	MikroTik: {
		sessionID:   func(n uint64) string { return fmt.Sprintf("81%06x", n) },
		identifiers: []string{"User-Name", "Framed-IP-Address", "Acct-Session-Id", "Calling-Station-Id", "NAS-Port-Id"},
		unnamed:     SessionNotFound,
		changes: map[string]change{
			"Mikrotik-Address-List": setAddressList,
			"Mikrotik-Rate-Limit":   setRateLimit,
			"Filter-Id":             setFilter,
		},
		ignoresUnknown: true, atomic: true,
		checksAuthenticity: true, echoesProxyState: true, duplicateWindow: 5 * time.Second,
	},
	// accel-ppp 89637ee, accel-pppd/radius/dm_coa.c and ctrl/ipoe: criteria
	// that a session cannot answer are skipped, the first match is taken, no
	// Message-Authenticator, no Event-Timestamp, no Proxy-State, no memory of
	// answers, unknown attributes ACKed, failures without Error-Cause.
	AccelPPP: {
		sessionID:   func(n uint64) string { return fmt.Sprintf("%016x", n) },
		identifiers: []string{"Acct-Session-Id", "User-Name", "NAS-Port", "NAS-Port-Id", "Framed-IP-Address", "Calling-Station-Id"},
		skipsUnset:  true, unnamed: SessionNotFound, checksNAS: true,
		changes:        map[string]change{"Filter-Id": setShaper, redirectKey: setRedirect},
		ignoresUnknown: true,
	},
}

// redirectKey stands in the table for Config.RedirectAttribute.
const redirectKey = "attr-l4-redirect"

func (m Make) behaviour() *behaviour { return behaviours[m] }

// Makes returns all makes, sorted.
func Makes() []Make {
	var makes []Make
	for m := range behaviours {
		makes = append(makes, m)
	}
	slices.Sort(makes)
	return makes
}
