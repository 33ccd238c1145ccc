package bng

import (
	"slices"

	"cordon/quarantine"
	"cordon/radiusx"
)

// identity returns what is known of a session as RADIUS attributes. User-Name
// is the subscriber key unless accounting told another, or none. An address that the
// session had before is left out, for it may be another's by now, and so are port
// blocks, which no BNG is asked by.
func identity(s *quarantine.Session) []radiusx.Attribute {
	attributes := []radiusx.Attribute{{Name: "Acct-Session-Id", Value: s.ID}}
	if user := userName(s); user != "" {
		attributes = append(attributes, radiusx.Attribute{Name: "User-Name", Value: user})
	}
	for _, a := range s.Addresses {
		if !a.Until.IsZero() || a.Kind == quarantine.NATPortBlock {
			continue
		}
		if a.Kind == quarantine.FramedIP || a.Kind == quarantine.FramedIPv6Address {
			attributes = append(attributes, radiusx.Attribute{Name: string(a.Kind), Value: a.Prefix.Addr().String()})
			continue
		}
		attributes = append(attributes, radiusx.Attribute{Name: string(a.Kind), Value: a.Prefix.String()})
	}
	for _, a := range s.Attributes {
		if a.Name != "User-Name" {
			attributes = append(attributes, radiusx.Attribute{Name: a.Name, Value: a.Value})
		}
	}
	return attributes
}

// nasNames are the attributes by which accounting names a NAS.
var nasNames = []string{"NAS-IP-Address", "NAS-IPv6-Address", "NAS-Identifier"}

// identity returns what is known of a session as RADIUS attributes, for this BNG:
// what the group's member that spoke last called itself is no name of another.
func (m *member) identity(s *quarantine.Session) []radiusx.Attribute {
	told := identity(s)
	if m.Group == "" || m.Name == s.Member {
		return told
	}
	named := slices.ContainsFunc(told, isNASName)
	told = slices.DeleteFunc(told, isNASName)
	if named {
		told = append(told, attributesOf(m.NAS)...)
	}
	return told
}

func isNASName(a radiusx.Attribute) bool { return slices.Contains(nasNames, a.Name) }

// userName is the User-Name that the session has on its BNG, "" if it has none.
func userName(s *quarantine.Session) string {
	for _, a := range s.Attributes {
		if a.Name == "User-Name" {
			return a.Value
		}
	}
	return s.Subscriber
}
