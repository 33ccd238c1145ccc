package quarantine

// multiSessionID links the sessions of one line (RFC 2866 section 5.11). A BNG
// that accounts for a line in two modes, such as Nokia's per host and per queue
// instance, opens a session in each and gives all of them one such id.
const multiSessionID = "Acct-Multi-Session-Id"

// Linked reports whether two sessions of a subscriber are one line in the books
// of its BNG.
func Linked(a, b *Session) bool {
	link := a.Attribute(multiSessionID)
	return link != "" && a.BNG == b.BNG && link == b.Attribute(multiSessionID)
}

// Lines counts the lines that a subscriber's sessions stand for.
func Lines(sessions []Session) int {
	lines := 0
	for i := range sessions {
		first := true
		for j := range i {
			first = first && !Linked(&sessions[i], &sessions[j])
		}
		if first {
			lines++
		}
	}
	return lines
}
