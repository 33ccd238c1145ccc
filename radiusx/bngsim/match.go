package bngsim

import (
	"cmp"
	"slices"
	"strings"

	"cordon/radiusx"
)

// match finds the sessions that all identifiers name and that are meant: one, or
// all where the platform applies a request to all. The caller holds b.mu.
func (b *BNG) match(names []radiusx.Attribute) ([]*session, ErrorCause) {
	how := b.behaviour
	if _, there := radiusx.Find(names, how.needs); how.needs != "" && !there {
		return nil, how.unnamed
	}
	names = how.compared(names)
	if len(names) == 0 {
		return nil, how.unnamed
	}
	if b.blind() {
		return nil, SessionNotFound
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
	case len(found) > 1 && how.several != OK:
		return nil, how.several
	}
	slices.SortFunc(found, func(x, y *session) int { return cmp.Compare(x.sequence, y.sequence) })
	if !how.appliesToAll {
		found = found[:1]
	}
	return found, OK
}

// compared are the identifiers that count.
func (b *behaviour) compared(names []radiusx.Attribute) []radiusx.Attribute {
	only := b.looksAt
	for _, preferred := range b.prefers {
		if _, sent := radiusx.Find(names, preferred); sent && only == nil {
			only = []string{preferred}
		}
	}
	if only == nil {
		return names
	}
	return slices.DeleteFunc(slices.Clone(names), func(a radiusx.Attribute) bool { return !slices.Contains(only, a.Name) })
}

// candidates narrows the search where an index allows it.
func (b *BNG) candidates(names []radiusx.Attribute) []*session {
	if id, ok := radiusx.Find(names, "Acct-Session-Id"); ok && !b.behaviour.foldsCase {
		if s, ok := b.sessions[id]; ok {
			return []*session{s}
		}
		return nil
	}
	if user, ok := radiusx.Find(names, "User-Name"); ok && !b.behaviour.skipsUnset {
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
		if value != a.Value && !(b.behaviour.foldsCase && a.Name == "Acct-Session-Id" && strings.EqualFold(value, a.Value)) {
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
	case "User-Name", "VasExperts-UserName":
		return s.subscriber.User
	case "Framed-IP-Address":
		return addrText(s.subscriber.IPv4)
	case "Framed-IPv6-Prefix":
		return prefixText(s.subscriber.Prefix)
	case "Calling-Station-Id":
		return s.subscriber.MAC
	case "NAS-Port-Id":
		return s.subscriber.NASPortID
	case "Framed-IPv6-Address", "Alc-Ipv6-Address":
		return addrText(s.subscriber.IPv6)
	case "Delegated-IPv6-Prefix":
		return prefixText(s.subscriber.Delegated)
	case "Alc-Subsc-ID-Str":
		return s.subscriber.Line
	}
	return ""
}
