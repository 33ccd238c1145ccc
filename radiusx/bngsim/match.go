package bngsim

import (
	"slices"

	"cordon/radiusx"
)

// match finds the session that all identifiers name; the caller holds b.mu.
func (b *BNG) match(names []radiusx.Attribute) (*session, ErrorCause) {
	if len(names) == 0 {
		return nil, b.behaviour.unnamed
	}
	var found []*session
	for _, s := range b.candidates(names) {
		if b.named(s, names) {
			found = append(found, s)
		}
	}
	switch {
	case len(found) == 0:
		return nil, SessionNotFound
	case len(found) > 1 && b.behaviour.several != OK:
		return nil, b.behaviour.several
	}
	return slices.MinFunc(found, func(x, y *session) int { return int(x.sequence) - int(y.sequence) }), OK
}

// candidates narrows the search where an index allows it.
func (b *BNG) candidates(names []radiusx.Attribute) []*session {
	if id, ok := radiusx.Find(names, "Acct-Session-Id"); ok {
		if s, ok := b.sessions[id]; ok {
			return []*session{s}
		}
		return nil
	}
	if user, ok := radiusx.Find(names, "User-Name"); ok {
		return b.byUser[user]
	}
	all := make([]*session, 0, len(b.sessions))
	for _, s := range b.sessions {
		all = append(all, s)
	}
	return all
}

// named reports whether every identifier fits the session.
func (b *BNG) named(s *session, names []radiusx.Attribute) bool {
	for _, a := range names {
		value := s.identifier(a.Name)
		if value == "" && b.behaviour.skipsUnset {
			continue
		}
		if value != a.Value {
			return false
		}
	}
	return true
}

// identifier returns the session's value of an identifying attribute, "" for
// none.
func (s *session) identifier(name string) string {
	switch name {
	case "Acct-Session-Id":
		return s.id
	case "User-Name":
		return s.subscriber.User
	case "Framed-IP-Address":
		return addrText(s.subscriber.IPv4)
	case "Framed-IPv6-Prefix":
		return prefixText(s.subscriber.Prefix)
	case "Calling-Station-Id":
		return s.subscriber.MAC
	case "NAS-Port-Id":
		return s.subscriber.NASPortID
	}
	return ""
}
