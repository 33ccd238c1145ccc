package template

// What a template can name. A record of a session gives these names to what it
// holds; keys are made of some of them.
const (
	nameSubscriber = "subscriber"     // who it is, as cases name it
	nameSession    = "session"        // Acct-Session-Id
	nameBNG        = "bng"            // the BNG's name in the configuration
	nameNASIP      = "nas_ip"         // NAS-IP-Address or NAS-IPv6-Address
	nameNASID      = "nas_identifier" // NAS-Identifier
	nameAddress    = "address"        // Framed-IP-Address or Framed-IPv6-Address
	nameIPv6       = "ipv6_address"   // Framed-IPv6-Address
	namePrefix     = "ipv6_prefix"    // Framed-IPv6-Prefix
	nameDelegated  = "delegated_prefix"
	nameStarted    = "started"  // when the session began
	nameUpdated    = "updated"  // event time of the newest record about it
	nameEnded      = "ended"    // when it ended; empty or 0: it has not
	nameDuration   = "duration" // Acct-Session-Time at updated, in seconds
	nameCovering   = "prefix"   // in keys: the prefix of a length that has the address
)

var (
	sessionKeyNames    = []string{nameSession, nameBNG, nameNASIP, nameNASID}
	subscriberKeyNames = []string{nameSubscriber}
	addressKeyNames    = []string{nameAddress}
	prefixKeyNames     = []string{nameCovering}
	recordNames        = []string{
		nameSubscriber, nameSession, nameBNG, nameNASIP, nameNASID, nameAddress, nameIPv6, namePrefix, nameDelegated,
		nameStarted, nameUpdated, nameEnded, nameDuration,
	}
	addressNames = []string{nameAddress, nameNASIP} // of which an address may be written in several ways
	valueNames   = append([]string{anything}, recordNames...)
)
