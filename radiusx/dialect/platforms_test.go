package dialect

import (
	"fmt"
	"slices"
	"strings"

	"cordon/radiusx"
)

// state is what a platform remembers of one session: attribute or service names to
// values.
type state map[string]string

// part is what the tests know of a platform: what it does with an attribute, as little as
// is needed, and what its profiles are called. What it would refuse is an error.
type part struct {
	does   func(state, radiusx.Attribute) error
	before state // of a session that nobody restricted

	names, overlayNames []string // of restrictions; nil: any
	normal              string   // "": NORMAL
}

// parts is the cast. hostapd is not in it: it restricts nothing.
var parts = map[string]part{
	"junos":       {does: junos, before: state{"NORMAL": "active", "VOICE": "active"}},
	"cisco-isg":   {does: isg, before: state{"NORMAL": "active", "VOICE": "active"}, names: avPairNames},
	"cisco-xr":    {does: xr, before: state{"NORMAL": "active", "VOICE": "active"}, names: avPairNames},
	"ericsson-se": {does: smartEdge, before: state{"NORMAL": "active", "VOICE": "active"}},
	"nokia-sros":  {does: srOS, before: state{"Alc-SLA-Prof-Str": "NORMAL"}, overlayNames: []string{"1", "100", "65535"}},
	"accel-ppp":   {does: accelPPP, before: state{"Filter-Id": "NORMAL"}},
	"coova-chilli": {does: chilli, before: state{"up": "2000", "down": "10000", "timeout": "86400", "interim": "300"},
		names: []string{"portal"}, normal: "2000/10000 timeout=86400 interim=300"},
	"filter-id": keeps("Filter-Id"),
	"huawei-ne": keeps("Filter-Id"),
	"staros":    keeps("Filter-Id"),
	"vyos":      keeps("Filter-Id"),
	"mikrotik":  keeps("Mikrotik-Address-List"),
	"rtbrick":   keeps("RtBrick-Service-Profile"),
	"skat":      keeps("VasExperts-Policing-Profile"),
	"osvbng":    keeps("Site-Profile"),
}

var (
	anyNames    = []string{"GARDEN", "NO-SMTP", "svc(1,2)", "sécurité", strings.Repeat("x", 246)}
	avPairNames = []string{"GARDEN", "NO-SMTP", "svc(1,2)", "sécurité", strings.Repeat("x", 220)}
)

// keeps is a platform that keeps one value under name, and takes nothing else.
func keeps(name string) part { return part{does: set(name), before: state{name: "NORMAL"}} }

func set(name string) func(state, radiusx.Attribute) error {
	return func(s state, a radiusx.Attribute) error {
		if a.Name != name || a.Value == "" {
			return fmt.Errorf("unsupported attribute %s", a.Name)
		}
		s[name] = a.Value
		return nil
	}
}

// activate and deactivate are those of platforms with services: neither can be done twice.
func activate(s state, service string) error {
	if _, active := s[service]; active || service == "" {
		return fmt.Errorf("%q: active already", service)
	}
	s[service] = "active"
	return nil
}

func deactivate(s state, service string) error {
	if _, active := s[service]; !active {
		return fmt.Errorf("%q: not active", service)
	}
	delete(s, service)
	return nil
}

func junos(s state, a radiusx.Attribute) error {
	switch {
	case a.Name == "ERX-Service-Activate" && a.Tag > 0:
		return activate(s, a.Value)
	case a.Name == "ERX-Service-Deactivate":
		return deactivate(s, a.Value)
	}
	return fmt.Errorf("unsupported attribute %s", a.Label())
}

// pending is where a platform remembers what the request has said so far.
const pending = "(request)"

func isg(s state, a radiusx.Attribute) error {
	command, isCommand := strings.CutPrefix(a.Value, "subscriber:command=")
	service, isService := strings.CutPrefix(a.Value, "subscriber:service-name=")
	said := s[pending]
	switch {
	case a.Name != "Cisco-AVPair":
		return fmt.Errorf("unsupported attribute %s", a.Name)
	case isCommand && said == "":
		s[pending] = command
		return nil
	case isService:
		delete(s, pending)
	}
	switch said {
	case "activate-service":
		return activate(s, service)
	case "deactivate-service":
		return deactivate(s, service)
	}
	return fmt.Errorf("%q after command %q", a.Value, said)
}

func xr(s state, a radiusx.Attribute) error {
	if service, ok := strings.CutPrefix(a.Value, "subscriber:sa="); ok {
		return activate(s, service)
	}
	if service, ok := strings.CutPrefix(a.Value, "subscriber:sd="); ok {
		return deactivate(s, service)
	}
	return fmt.Errorf("unsupported %v", a)
}

func smartEdge(s state, a radiusx.Attribute) error {
	switch {
	case a.Tag != 1:
		return fmt.Errorf("%s without the tag of its service", a.Label())
	case a.Name == "Service-Name":
		s[pending] = a.Value
		return nil
	case a.Name == "Service-Action" && a.Value == "1":
		service := s[pending]
		delete(s, pending)
		return activate(s, service)
	case a.Name == "Deactivate-Service-Name":
		return deactivate(s, a.Value)
	}
	return fmt.Errorf("unsupported %v", a)
}

func srOS(s state, a radiusx.Attribute) error {
	if a.Name != "Alc-Subscriber-Filter" {
		return set("Alc-SLA-Prof-Str")(s, a)
	}
	var numbers []string
	for part := range strings.SplitSeq(a.Value, ",") {
		_, number, _ := strings.Cut(part, ":")
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	switch {
	case len(numbers) != 1:
		return fmt.Errorf("%s: directions differ", a.Value)
	case numbers[0] == "-2":
		delete(s, a.Name)
	default:
		s[a.Name] = numbers[0]
	}
	return nil
}

func accelPPP(s state, a radiusx.Attribute) error {
	switch a.Name {
	case "Filter-Id":
		return set("Filter-Id")(s, a)
	case "L4-Redirect-ipset":
		if a.Value != "cordon" {
			return fmt.Errorf("the set %s is not ours", a.Value)
		}
		return nil
	case "L4-Redirect":
	default:
		return fmt.Errorf("unsupported attribute %s", a.Name)
	}
	_, on := s["L4-Redirect"]
	switch off := strings.HasPrefix(a.Value, "0"); {
	case off:
		delete(s, "L4-Redirect")
	case !on: // from on to on nothing happens
		s["L4-Redirect"] = a.Value
	}
	return nil
}

// chilli resets all limits of a session with every request, and takes those that it names.
func chilli(s state, a radiusx.Attribute) error {
	switch a.Label() + "=" + a.Value {
	case "CoovaChilli-Session-State=NotAuthorized":
		clear(s)
		s["state"] = "portal"
		return nil
	case "CoovaChilli-Session-State=Authorized":
		clear(s)
		return nil
	}
	limit, ok := map[string]string{
		"ChilliSpot-Bandwidth-Max-Up": "up", "ChilliSpot-Bandwidth-Max-Down": "down",
		"Session-Timeout": "timeout", "Acct-Interim-Interval": "interim",
	}[a.Name]
	if !ok {
		return fmt.Errorf("unsupported %v", a)
	}
	s[limit] = a.Value
	return nil
}
