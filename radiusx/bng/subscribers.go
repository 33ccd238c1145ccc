package bng

import (
	"slices"

	"cordon/quarantine"
	"cordon/radiusx"
)

// subscribers says whose sessions records, log-ins and rows of other programs are
// about, by the same rules for all of them, and which are never touched.
type subscribers struct {
	fleet  *Fleet
	plan   quarantine.AddressPlan
	key    SubscriberKey // of BNGs that have none of their own; nil: not by a template
	keys   *SubscriberKeys
	lines  *lineKeys
	ignore []matcher
}

func (f *Fleet) subscribers(c AccountingConfig) subscribers {
	s := subscribers{fleet: f, plan: c.Plan, key: c.Key, keys: c.Keys, lines: f.lineKeysOf(c.Key)}
	for _, i := range c.Ignore {
		s.ignore = append(s.ignore, newMatcher(i))
	}
	return s
}

// keyOf is how a BNG's sessions are named; m may be nil.
func (s *subscribers) keyOf(m *member) SubscriberKey {
	if m != nil && len(m.SubscriberKey) > 0 {
		return m.SubscriberKey
	}
	return s.key
}

// namedByUserName reports whether the subscribers of a BNG are their User-Names; m
// may be nil.
func (s *subscribers) namedByUserName(m *member) bool {
	key := s.keyOf(m)
	return key == nil || key.plain()
}

// ignored reports whether a session is never to be touched; m may be nil.
func (s *subscribers) ignored(m *member, user string, attributes []radiusx.Attribute) bool {
	return m != nil && m.Role == RoleLAC ||
		slices.ContainsFunc(s.ignore, func(i matcher) bool { return i.matches(user, attributes) })
}
