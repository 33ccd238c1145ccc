package acct

// Doubles says which attributes a record has twice, with different values, so
// that nobody can say which of them was meant. RFC 2866 section 5.13 allows none
// of them twice.
type Doubles uint8

// The attributes that matter when they are doubled.
const (
	DoubledUserName   Doubles = 1 << iota // User-Name: Record.UserName is the first
	DoubledNAS                            // NAS-IP-Address, NAS-IPv6-Address or NAS-Identifier: Record.NAS leaves it out
	DoubledSessionID                      // Acct-Session-Id: Record.SessionID is empty
	DoubledMultiID                        // Acct-Multi-Session-Id: Record.MultiSessionID is empty
	DoubledAddress                        // Framed-IP-Address: the further ones are in Record.MoreIPs
	DoubledSubscriber                     // the attribute Config.SubscriberKey, where that is not User-Name
)

// Has reports whether one of the attributes of which is doubled.
func (d Doubles) Has(which Doubles) bool { return d&which != 0 }

// doubledCounters count the attributes that a record has twice.
var doubledCounters = []struct {
	which   Doubles
	counter Counter
}{
	{DoubledUserName, DoubledName}, {DoubledNAS, DoubledNASName}, {DoubledSessionID, DoubledSession},
	{DoubledMultiID, DoubledMultiSession}, {DoubledAddress, DoubledFramedIP},
	{DoubledSubscriber, DoubledKey},
}

// maxFramedIPs bounds the different Framed-IP-Addresses of one record that are
// taken; a packet of 4096 octets could have 679.
const maxFramedIPs = 32

// another notes that the attribute kind came again with another value.
func (d *decoded) another(kind byte) {
	r := &d.record
	switch kind {
	case attrUserName:
		r.Doubled |= DoubledUserName
	case attrNASIPAddress, attrNASIPv6Address, attrNASIdentifier:
		r.Doubled |= DoubledNAS
		if d.doubledNAS == nil {
			d.doubledNAS = map[byte]bool{}
		}
		d.doubledNAS[kind] = true
	case attrSessionID:
		r.Doubled |= DoubledSessionID
	case attrMultiSessionID:
		r.Doubled |= DoubledMultiID
	}
}

// anotherIP takes a further Framed-IP-Address.
func (d *decoded) anotherIP(more []byte) {
	r, addr := &d.record, addr4(more)
	for _, known := range r.MoreIPs {
		if known == addr {
			return
		}
	}
	if r.Doubled |= DoubledAddress; len(r.MoreIPs) == maxFramedIPs {
		d.bad++
		return
	}
	r.MoreIPs = append(r.MoreIPs, addr)
}

// leaveOut takes out of the record what was doubled and would be a guess.
func (d *decoded) leaveOut() {
	r := &d.record
	if r.Doubled == 0 {
		return
	}
	if d.doubledNAS[attrNASIPAddress] {
		r.NAS.IP = noAddr
	}
	if d.doubledNAS[attrNASIPv6Address] {
		r.NAS.IPv6 = noAddr
	}
	if d.doubledNAS[attrNASIdentifier] {
		r.NAS.Identifier = ""
	}
	if r.Doubled.Has(DoubledSessionID) {
		r.SessionID = ""
	}
	if r.Doubled.Has(DoubledMultiID) {
		r.MultiSessionID = ""
	}
}
