package acct

// Conflicts says which attributes a record has twice, with different values, so
// that which of them was meant is unknown. RFC 2866 section 5.13 allows none
// of them twice.
type Conflicts uint8

// The attributes that matter when they conflict.
const (
	ConflictingUserName   Conflicts = 1 << iota // User-Name: Record.UserName is the first
	ConflictingNAS                              // NAS-IP-Address, NAS-IPv6-Address or NAS-Identifier: Record.NAS leaves it out
	ConflictingSessionID                        // Acct-Session-Id: Record.SessionID is empty
	ConflictingMultiID                          // Acct-Multi-Session-Id: Record.MultiSessionID is empty
	ConflictingAddress                          // Framed-IP-Address: the further ones are in Record.MoreIPs
	ConflictingSubscriber                       // the attribute Config.SubscriberKey, where that is not User-Name
)

// Has reports whether one of the attributes of which conflicts.
func (d Conflicts) Has(which Conflicts) bool { return d&which != 0 }

// conflictCounters count the attributes that a record has twice.
var conflictCounters = []struct {
	which   Conflicts
	counter Counter
}{
	{ConflictingUserName, TwoUserNames}, {ConflictingNAS, TwoNASNames}, {ConflictingSessionID, TwoSessionIDs},
	{ConflictingMultiID, TwoMultiSessionIDs}, {ConflictingAddress, TwoFramedIPs},
	{ConflictingSubscriber, TwoSubscriberKeys},
}

// maxFramedIPs bounds the different Framed-IP-Addresses of one record that are
// read; a packet of 4096 octets could have 679.
const maxFramedIPs = 32

// noteConflict notes that the attribute kind came again with another value.
func (d *decoded) noteConflict(kind byte) {
	r := &d.record
	switch kind {
	case attrUserName:
		r.Conflicts |= ConflictingUserName
	case attrNASIPAddress, attrNASIPv6Address, attrNASIdentifier:
		r.Conflicts |= ConflictingNAS
		if d.conflictingNAS == nil {
			d.conflictingNAS = map[byte]bool{}
		}
		d.conflictingNAS[kind] = true
	case attrSessionID:
		r.Conflicts |= ConflictingSessionID
	case attrMultiSessionID:
		r.Conflicts |= ConflictingMultiID
	}
}

// addFramedIP takes a further Framed-IP-Address.
func (d *decoded) addFramedIP(more []byte) {
	r, addr := &d.record, addr4(more)
	for _, known := range r.MoreIPs {
		if known == addr {
			return
		}
	}
	if r.Conflicts |= ConflictingAddress; len(r.MoreIPs) == maxFramedIPs {
		d.bad++
		return
	}
	r.MoreIPs = append(r.MoreIPs, addr)
}

// dropConflicts removes from the record what conflicts.
func (d *decoded) dropConflicts() {
	r := &d.record
	if r.Conflicts == 0 {
		return
	}
	if d.conflictingNAS[attrNASIPAddress] {
		r.NAS.IP = noAddr
	}
	if d.conflictingNAS[attrNASIPv6Address] {
		r.NAS.IPv6 = noAddr
	}
	if d.conflictingNAS[attrNASIdentifier] {
		r.NAS.Identifier = ""
	}
	if r.Conflicts.Has(ConflictingSessionID) {
		r.SessionID = ""
	}
	if r.Conflicts.Has(ConflictingMultiID) {
		r.MultiSessionID = ""
	}
}
