package bngsim

import (
	"fmt"
	"slices"
	"time"

	"cordon/radiusx"
)

// Platform names the gear that a BNG takes after.
type Platform string

// The platforms. Their behaviour is in the table below, with its sources.
const (
	FilterID Platform = "filter-id" // a strict server after RFC 5176 that knows Filter-Id
	Junos    Platform = "junos"     // Juniper MX, services activated and deactivated
	MikroTik Platform = "mikrotik"  // RouterOS, address lists
	AccelPPP Platform = "accel-ppp" // accel-ppp, redirect and shaper

	NokiaSROS   Platform = "nokia-sros"   // SR OS, SLA profiles and subscriber filters
	CiscoISG    Platform = "cisco-isg"    // IOS and IOS-XE, services by command
	CiscoXR     Platform = "cisco-xr"     // IOS-XR, several services in one request
	HuaweiNE    Platform = "huawei-ne"    // NE40E, ME60, NetEngine: user groups; error-reply version1
	EricssonSE  Platform = "ericsson-se"  // SmartEdge, tagged services
	RtBrick     Platform = "rtbrick"      // RBFS, service profiles and ACLs
	VyOS        Platform = "vyos"         // accel-ppp without redirect
	CoovaChilli Platform = "coova-chilli" // access controller, portal state
	Skat        Platform = "skat"         // VAS Experts, profiles by login
	StarOS      Platform = "staros"       // Cisco's packet core, Filter-Id
	OSVBNG      Platform = "osvbng"       // drops every Message-Authenticator
	Hostapd     Platform = "hostapd"      // disconnects only
)

// behaviour is what distinguishes a platform, or a platform under quirks. It does not
// change.
type behaviour struct {
	sessionID func(n uint64) string

	// Which session is meant.
	identifiers  []string   // attributes that name a session; the others are changes
	looksAt      []string   // the only identifiers that are compared; nil: all
	prefers      []string   // the first of these that was sent is the only one compared; nil: see looksAt
	needs        string     // an identifier without which a request counts as unnamed
	skipsUnset   bool       // an identifier the session has no value for counts as matching
	foldsCase    bool       // Acct-Session-Id is compared without regard to case
	several      ErrorCause // answer when several sessions match; OK takes the first, or all
	appliesToAll bool       // every session that matches is meant
	unnamed      ErrorCause // answer to a request without any identifier
	checksNAS    bool       // 403 when NAS-IP-Address or NAS-Identifier is another's
	needsNAS     bool       // 402 when there is neither

	// What a request may carry, and when it is checked.
	onlyAttributes     []string // others are refused with 401, Proxy-State too; nil: see ignoresUnknown
	refusesProxyState  bool     // 401
	checksAuthenticity bool     // of Message-Authenticator, and of Event-Timestamp's age
	needsTimestamp     bool     // drops what has no Event-Timestamp
	dropsSigned        bool     // drops what has a Message-Authenticator
	duplicateWindow    time.Duration
	dropsBusy          bool          // drops a request for a session that works on another
	takes              time.Duration // from a request to its doing and its answer
	queuesBusy         bool          // requests for a session that works on another are worked off after it, in order
	unknownFor         time.Duration // no session is found until so long after the first request

	// What a change does.
	coa            ErrorCause        // answer to every CoA-Request; OK: they are carried out
	changes        map[string]change // attributes that change the state
	together       changeTogether    // looks at all attributes at once, before changes; may be nil
	first          string            // the attribute whose instances are worked off before the others
	ignoresUnknown bool              // other attributes are ignored and ACKed, not refused with 401
	atomic         bool              // a refusal leaves the state as it was
	checksProfiles bool              // Config.Profiles is checked
	unknownName    ErrorCause        // answer to a name that is not there; OK skips it
	acksOnly       bool              // nothing is changed, everything ACKed
	renumbers      bool              // a changed session gets another Acct-Session-Id, with Stop and Start
	hides          bool              // a restricted session gets another one with a Stop, and a Start only when it is lifted
	admits         time.Duration     // from a restriction to the client's being admitted again as AAA says; 0 is never
	naksRestrict   bool              // a restriction is done, and refused
	naksRestore    bool              // its end is
	stickySets     bool              // see redirectSticky
	replacesLimits bool              // every change resets the limits that it does not name
	rateUnit       uint32            // what a number in a rate is multiplied by, in 32 bits; 0 is not
	repeatsAfter   time.Duration     // a change is done and answered once more so much later; 0 is not
	endsAfter      time.Duration     // from a Disconnect-ACK to the session's end
	restarts       bool              // at the first request
	saysNoOn       bool              // and sends no Accounting-On then
	reusesIDs      bool              // ended sessions' ids go to the next ones

	// How it answers.
	echoesProxyState bool
	signs            signing
	skew             time.Duration // what its clock is ahead; stamps answers when not 0
	ackCause         ErrorCause    // in every ACK; OK for none
	namesNoCause     bool
	swapsCode        bool
	wrongID          bool
	pads             int // octets behind the packet

	// What accounting shows of the state.
	shows            func(State) []radiusx.Attribute // may be nil
	reportsServices  bool                            // each active service is accounted for by itself
	serviceAttribute string                          // names the service in its own records; "": ERX-Service-Session
	parentAttribute  string                          // names the subscriber's session there; "" for none
}

// signing is when an answer has a Message-Authenticator.
type signing uint8

const (
	signsInKind  signing = iota // as the request
	signsAlways                 // hostapd
	signsNever                  // accel-ppp
	signsWrongly                // as the request, with another secret
)

// rfcIdentifiers are the session identification attributes of RFC 5176 section 3.
var rfcIdentifiers = []string{
	"User-Name", "NAS-Port", "Framed-IP-Address", "Called-Station-Id", "Calling-Station-Id",
	"Acct-Session-Id", "Acct-Multi-Session-Id", "NAS-Port-Id", "Chargeable-User-Identity",
	"Framed-Interface-Id", "Framed-IPv6-Prefix",
}

// accelIdentifiers are those that accel-ppp looks at.
var accelIdentifiers = []string{"Acct-Session-Id", "User-Name", "NAS-Port", "NAS-Port-Id", "Framed-IP-Address", "Calling-Station-Id"}

// behaviours is the one table of platforms.
var behaviours = map[Platform]*behaviour{
	// What RFC 5176 asks of a server: all or nothing, 401 to the unknown.
	FilterID: {
		sessionID:   func(n uint64) string { return fmt.Sprintf("%08X", n) },
		identifiers: rfcIdentifiers, several: MultipleSessions, unnamed: MissingAttribute, checksNAS: true,
		changes: map[string]change{"Filter-Id": setFilter}, atomic: true, checksProfiles: true, unknownName: InvalidAttributeValue,
		checksAuthenticity: true, echoesProxyState: true, duplicateWindow: 300 * time.Second,
		shows: showFilter,
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
		first: "ERX-Service-Deactivate", atomic: true, checksProfiles: true, unknownName: InvalidAttributeValue,
		checksAuthenticity: true, echoesProxyState: true, duplicateWindow: 60 * time.Second,
		shows: showFilter, reportsServices: true,
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
		identifiers: accelIdentifiers,
		skipsUnset:  true, unnamed: SessionNotFound, checksNAS: true,
		changes: map[string]change{"Filter-Id": setShaper, redirectKey: setRedirect, ipsetKey: nameSet}, first: ipsetKey,
		ignoresUnknown: true, signs: signsNever,
	},
	// vyos-1x 3710c587: accel-ppp, but its templates have no L4 redirect.
	VyOS: {
		sessionID:   func(n uint64) string { return fmt.Sprintf("%016x", n) },
		identifiers: accelIdentifiers, skipsUnset: true, unnamed: SessionNotFound, checksNAS: true,
		changes: map[string]change{"Filter-Id": setShaper}, ignoresUnknown: true, signs: signsNever,
	},
	NokiaSROS: nokiaSROS, CiscoISG: ciscoISG, CiscoXR: ciscoXR, HuaweiNE: huaweiNE, EricssonSE: ericssonSE, RtBrick: rtBrick,
	CoovaChilli: coovaChilli, Skat: skat, StarOS: starOS, OSVBNG: osvBNG, Hostapd: hostapd,
}

func (m Platform) behaviour() *behaviour { return behaviours[m] }

// Platforms returns all platforms, sorted.
func Platforms() []Platform {
	var all []Platform
	for m := range behaviours {
		all = append(all, m)
	}
	slices.Sort(all)
	return all
}
