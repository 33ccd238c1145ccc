package bngsim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/radiusx"
)

// huaweiNE is the NetEngine family with error-reply version1, the default: a user
// group that does not exist is skipped with an ACK. The quirk refuses-unknown
// makes it version2.
var huaweiNE = &behaviour{
	sessionID:   func(n uint64) string { return fmt.Sprintf("ne40e%011x", n) },
	identifiers: []string{"Acct-Session-Id", "User-Name", "Framed-IP-Address", "Calling-Station-Id", "NAS-Port-Id"},
	several:     MultipleSessions, unnamed: MissingAttribute,
	changes: map[string]change{
		"Filter-Id":               setFilter,
		"Huawei-Qos-Profile-Name": func(r *changing, name string) ErrorCause { return r.set(&r.state.ServiceProfile, name) },
	},
	ignoresUnknown: true, atomic: true, checksProfiles: true, unknownName: OK,
	checksAuthenticity: true, echoesProxyState: true, duplicateWindow: 60 * time.Second,
}

// ericssonSE is the SmartEdge (rbman, RSE services): the attributes with one tag
// are about one service; Service-Error-Cause says what is wrong with it.
var ericssonSE = &behaviour{
	sessionID:   func(n uint64) string { return fmt.Sprintf("0001FFFF%08X", n) },
	identifiers: []string{"Acct-Session-Id", "User-Name", "Framed-IP-Address", "Calling-Station-Id", "NAS-Port-Id"},
	several:     MultipleSessions, unnamed: MissingAttribute, checksNAS: true,
	together: obeyServiceTags, changes: map[string]change{
		"HTTP-Redirect-Profile-Name": overrideAs("redirect"),
		"Forward-Policy":             overrideAs("forward-policy"),
	},
	atomic: true, checksProfiles: true, unknownName: InvalidRequest,
	checksAuthenticity: true, echoesProxyState: true, duplicateWindow: 60 * time.Second,
	reportsServices: true, serviceAttribute: "Service-Name", parentAttribute: "Acct-Alt-Session-ID",
}

// overrideAs returns the change that lays a name over the profile.
func overrideAs(what string) change {
	return func(r *changing, name string) ErrorCause {
		if !r.knows(name) {
			return r.unknown
		}
		r.override(what, name)
		return OK
	}
}

// service is what the attributes with one tag say of it.
type service struct {
	tag                     int
	name, action, parameter string
	deactivate              bool
}

// obeyServiceTags works services off in the order of their first attribute.
func obeyServiceTags(c *changing, attrs []radiusx.Attribute) ([]radiusx.Attribute, ErrorCause) {
	services, rest := byTag(attrs)
	for _, s := range services {
		if cause := s.obey(c); cause != OK {
			c.says = append(c.says, radiusx.Attribute{Name: "Service-Error-Cause", Tag: s.tag, Value: fmt.Sprint(int(cause))})
			return nil, cause
		}
	}
	return rest, OK
}

func byTag(attrs []radiusx.Attribute) (services []*service, rest []radiusx.Attribute) {
	for _, a := range attrs {
		if !slices.Contains([]string{"Service-Name", "Service-Action", "Service-Parameter", "Deactivate-Service-Name"}, a.Name) {
			rest = append(rest, a)
			continue
		}
		at := slices.IndexFunc(services, func(s *service) bool { return s.tag == a.Tag })
		if at < 0 {
			at, services = len(services), append(services, &service{tag: a.Tag})
		}
		switch s := services[at]; a.Name {
		case "Service-Name":
			s.name = a.Value
		case "Service-Action":
			s.action = a.Value
		case "Service-Parameter":
			s.parameter = a.Value
		default:
			s.name, s.deactivate = a.Value, true
		}
	}
	return services, rest
}

func (s *service) obey(c *changing) ErrorCause {
	switch {
	case s.name == "":
		return MissingAttribute
	case s.deactivate || s.action == "0":
		return s.end(c)
	case s.action != "1" && s.action != "2":
		return MissingAttribute
	case s.parameter != "":
		return activateService(c, s.name+"("+s.parameter+")")
	}
	return activateService(c, s.name)
}

// end deactivates a service whatever its parameters are.
func (s *service) end(c *changing) ErrorCause {
	at := slices.IndexFunc(c.state.Services, func(active string) bool {
		name, _, _ := strings.Cut(active, "(")
		return name == s.name
	})
	if at < 0 {
		return InvalidRequest
	}
	c.state.Services = slices.Delete(c.state.Services, at, at+1)
	return OK
}

// rtBrick is RBFS (documents.rtbrick.com): a service profile, and lists and a
// redirect over it.
var rtBrick = &behaviour{
	sessionID:   func(n uint64) string { return fmt.Sprintf("7205759403792%05d:1", n) },
	identifiers: []string{"Acct-Session-Id", "User-Name", "Framed-IP-Address", "Calling-Station-Id", "NAS-Port-Id"},
	several:     MultipleSessions, unnamed: MissingAttribute, checksNAS: true,
	changes: map[string]change{
		"RtBrick-Service-Profile":   func(r *changing, name string) ErrorCause { return r.set(&r.state.ServiceProfile, name) },
		"RtBrick-HTTP-Redirect-URL": func(r *changing, url string) ErrorCause { r.override("url", url); return OK },
		"RtBrick-IPv4-ACL-In":       overrideAs("ipv4-in"),
		"RtBrick-IPv4-ACL-Out":      overrideAs("ipv4-out"),
		"RtBrick-IPv6-ACL-In":       overrideAs("ipv6-in"),
		"RtBrick-IPv6-ACL-Out":      overrideAs("ipv6-out"),
		"RtBrick-QoS-Profile":       overrideAs("qos"),
	},
	ignoresUnknown: true, atomic: true, checksProfiles: true, unknownName: InvalidAttributeValue,
	checksAuthenticity: true, echoesProxyState: true, duplicateWindow: 60 * time.Second,
}

// coovaChilli is CoovaChilli e0c7d7a: nothing is answered without User-Name, all
// sessions that match are meant, a NAK has no cause, no answer is remembered.
// NotAuthorized ends the accounting session, which has another id at once, and
// loses the limits; Authorized starts another one and brings no limits back. Every
// change replaces all limits, and bandwidth is in kbit/s (chilli.c multiplies it by
// 1000 in 32 bits): seen on a live one.
var coovaChilli = &behaviour{
	sessionID:   func(n uint64) string { return fmt.Sprintf("6a1f%012x", n) },
	identifiers: []string{"User-Name", "Acct-Session-Id"}, needs: "User-Name", unnamed: unanswered,
	foldsCase: true, appliesToAll: true,
	changes: map[string]change{
		portalKey:                        setPortal,
		"CoovaChilli-Bandwidth-Max-Up":   func(r *changing, v string) ErrorCause { return r.limit(0, v) },
		"CoovaChilli-Bandwidth-Max-Down": func(r *changing, v string) ErrorCause { return r.limit(1, v) },
		"Session-Timeout":                setSessionTimeout,
		"Acct-Interim-Interval":          setInterim,
	},
	ignoresUnknown: true, namesNoCause: true, duplicateWindow: -1, checksAuthenticity: true,
	replacesLimits: true, rateUnit: 1000,
}

// portalKey is the attribute that sends a session to the portal and lets it in.
const portalKey = "CoovaChilli-Session-State"

func setPortal(r *changing, value string) ErrorCause {
	switch {
	case value == "1":
		r.state.Portal = false
	case value == "2" && !r.state.Portal:
		r.state.Portal, r.state.RateLimit, r.renumbers = true, "", true
	}
	return OK
}

// limit sets one half of "up/down".
func (r *changing) limit(half int, value string) ErrorCause {
	up, down, _ := strings.Cut(r.state.RateLimit, "/")
	halves := [2]string{up, down}
	halves[half] = r.how.bits(value)
	r.state.RateLimit = halves[0] + "/" + halves[1]
	return OK
}

// skat is VAS Experts' SKAT (wiki.vasexperts.ru, radius_auth_coa): it goes by the
// login or an address, not by the session's id; Service-Type 8 makes it ask AAA
// again.
var skat = &behaviour{
	sessionID:   func(n uint64) string { return fmt.Sprintf("%016X", 0xFD0000+n) },
	identifiers: append([]string{"Acct-Session-Id", "Calling-Station-Id"}, skatIdentifiers...), looksAt: skatIdentifiers,
	unnamed: MissingAttribute,
	changes: map[string]change{
		"Service-Type":                reauthorize,
		"VasExperts-Policing-Profile": func(r *changing, name string) ErrorCause { return r.set(&r.state.RateLimit, name) },
		"VasExperts-Service-Profile":  func(r *changing, name string) ErrorCause { return r.set(&r.state.ServiceProfile, name) },
		"VasExperts-Enable-Service":   overrideAs("service"),
		"VasExperts-Restrict-User": func(r *changing, value string) ErrorCause {
			r.override("restricted", strings.TrimPrefix(value, "0"))
			return OK
		},
	},
	ignoresUnknown: true, atomic: true, checksProfiles: true, unknownName: InvalidAttributeValue,
	checksAuthenticity: true, echoesProxyState: true, duplicateWindow: 60 * time.Second,
}

var skatIdentifiers = []string{"User-Name", "VasExperts-UserName", "Framed-IP-Address", "Framed-IPv6-Address", "Framed-IPv6-Prefix"}

// reauthorize gives the session what AAA has for it: what it had at log-in.
func reauthorize(r *changing, value string) ErrorCause {
	if value != "Authenticate-Only" && value != "8" {
		return UnsupportedService
	}
	r.state = r.session.subscriber.Profile.clone()
	return OK
}

// starOS is Cisco's packet core (StarOS CLI, radius change-authorize-nas-ip):
// nothing without Event-Timestamp and the NAS' name, 201 in its ACKs.
var starOS = &behaviour{
	sessionID:   func(n uint64) string { return fmt.Sprintf("0A0B0C0D%08x", n) },
	identifiers: rfcIdentifiers, several: MultipleSessions, unnamed: MissingAttribute, checksNAS: true, needsNAS: true,
	changes: map[string]change{"Filter-Id": setFilter}, atomic: true, checksProfiles: true, unknownName: InvalidRequest,
	checksAuthenticity: true, needsTimestamp: true, echoesProxyState: true, duplicateWindow: 60 * time.Second,
	ackCause: residualRemoved, shows: showFilter,
}

// osvBNG is osvbng a58b8315: it checks Message-Authenticator over the wrong
// octets, so that every right one is dropped; of several identifiers it looks at
// the first in its own order; no answer is remembered.
var osvBNG = &behaviour{
	sessionID:   func(n uint64) string { return fmt.Sprintf("osv-%08x", n) },
	identifiers: osvIdentifiers, prefers: osvIdentifiers, unnamed: MissingAttribute, checksNAS: true,
	changes: map[string]change{"Filter-Id": setFilter}, ignoresUnknown: true, atomic: true, checksProfiles: true,
	unknownName:        InvalidRequest,
	checksAuthenticity: true, dropsSigned: true, duplicateWindow: -1,
}

var osvIdentifiers = []string{"Acct-Session-Id", "Framed-IP-Address", "User-Name", "Framed-IPv6-Address"}

// hostapd is hostap-ct 76d4a917, radius_das.c: disconnects only, 401 for every
// attribute outside its list, answers always signed.
var hostapd = &behaviour{
	sessionID:   func(n uint64) string { return fmt.Sprintf("%016X", 0xA0000000+n) },
	identifiers: hostapdIdentifiers, onlyAttributes: hostapdIdentifiers, refusesProxyState: true,
	several: MultipleSessions, unnamed: SessionNotFound, checksNAS: true, coa: UnsupportedService,
	atomic: true, checksAuthenticity: true, signs: signsAlways, duplicateWindow: 300 * time.Second,
}

var hostapdIdentifiers = []string{
	"User-Name", "Calling-Station-Id", "Acct-Session-Id", "Acct-Multi-Session-Id", "Chargeable-User-Identity",
}

// showFilter is what accounting shows of platforms that work with Filter-Id.
func showFilter(s State) []radiusx.Attribute {
	return []radiusx.Attribute{{Name: "Filter-Id", Value: s.FilterID}}
}
