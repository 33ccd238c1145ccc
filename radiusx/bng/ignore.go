package bng

import (
	"regexp"
	"strings"

	"cordon/quarantine"
	"cordon/radiusx"
)

// Ignore describes sessions that are seen and never touched; everything that is
// set must fit.
type Ignore struct {
	Realm     string // of User-Name: user@realm or realm/user
	NASPortID string // NAS-Port-Id; * stands for any octets
}

// matcher is an Ignore made ready.
type matcher struct {
	realm string
	port  *regexp.Regexp // nil: not asked for
}

func newMatcher(i Ignore) matcher {
	m := matcher{realm: i.Realm}
	if i.NASPortID != "" {
		m.port = wildcards(i.NASPortID)
	}
	return m
}

// wildcards compiles a pattern in which * stands for any octets.
func wildcards(pattern string) *regexp.Regexp {
	parts := strings.Split(pattern, "*")
	for n := range parts {
		parts[n] = regexp.QuoteMeta(parts[n])
	}
	return regexp.MustCompile("(?s)^" + strings.Join(parts, ".*") + "$")
}

// matches reports whether a session of that User-Name and those attributes is ignored.
func (m *matcher) matches(user string, attributes []radiusx.Attribute) bool {
	if m.realm != "" && !hasRealm(user, m.realm) {
		return false
	}
	if m.port == nil {
		return m.realm != ""
	}
	for _, a := range attributes {
		if a.Name == "NAS-Port-Id" && m.port.MatchString(a.Value) {
			return true
		}
	}
	return false
}

func hasRealm(user, realm string) bool {
	return strings.HasSuffix(user, "@"+realm) || strings.HasPrefix(user, realm+"/")
}

// Ignores returns what reports which sessions are never touched, of those that were
// learned in another way than by accounting. Without an attribute User-Name the
// subscriber is it.
func (f *Fleet) Ignores(ignore []Ignore) func(*quarantine.Session) bool {
	s := f.subscribers(AccountingConfig{Ignore: ignore})
	return func(session *quarantine.Session) bool {
		attributes := identifyingAttributes(session)
		user, _ := radiusx.Find(attributes, userNameAttribute)
		members := f.membersOf(session.BNG)
		return s.ignored(first(members), user, attributes)
	}
}

// first is the first of the members; nil: there is none.
func first(members []*member) *member {
	if len(members) == 0 {
		return nil
	}
	return members[0]
}
