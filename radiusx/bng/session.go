package bng

import (
	"slices"

	"cordon/quarantine"
	"cordon/radiusx"
)

// identifyingAttributes returns what is known of a session as RADIUS attributes. User-Name
// is the subscriber key unless accounting had another, or none. An address that the
// session had before is left out, for it may be another's by now, and so are port
// blocks, which no BNG is asked by.
func identifyingAttributes(s *quarantine.Session) []radiusx.Attribute {
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

// requested is what a request to this BNG may say of which session is meant: what
// the group's member that reported last called itself is no name of another.
func (m *member) requested(s *quarantine.Session) []radiusx.Attribute {
	reported := requested(s)
	if m.Group == "" || m.Name == s.Member || !slices.ContainsFunc(reported, isNASName) {
		return reported
	}
	return append(slices.DeleteFunc(reported, isNASName), attributesOf(m.NAS)...)
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

// requested is what a request may say of which session is meant: nothing of a
// session without a subscriber, or that the BNG does not know by its id, so that no
// request can be made about it.
func requested(s *quarantine.Session) []radiusx.Attribute {
	if s.Subscriber == "" || s.ID != "" && !s.Identified() {
		return nil
	}
	return identifyingAttributes(s)
}
