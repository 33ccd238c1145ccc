package bngsim

import (
	"encoding/binary"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"cordon/radiusx"
)

// change applies one attribute to a state, or refuses it. It must leave the
// state alone when it refuses.
type change func(r *changing, value string) ErrorCause

// changing is a change of authorization while it is worked out.
type changing struct {
	session *session
	state   State           // a copy, taken over at the end
	known   map[string]bool // Config.Profiles; nil knows every name
	unknown ErrorCause      // answer to other names
	how     *behaviour
	ipset   string // Config.IPSet

	named     string              // the set that the request names
	says      []radiusx.Attribute // in the answer
	reports   bool                // an Interim-Update is asked for
	renumbers bool                // the session gets another id
}

// changeTogether looks at all attributes that are no identifiers and returns
// those that are left to be applied one by one.
type changeTogether func(c *changing, attrs []radiusx.Attribute) (rest []radiusx.Attribute, cause ErrorCause)

func (r *changing) knows(name string) bool { return r.known == nil || r.known[name] }

// set changes a name in the state, if there is one of that name on the BNG.
func (r *changing) set(field *string, name string) ErrorCause {
	if !r.knows(name) {
		return r.unknown
	}
	*field = name
	return OK
}

// override lays a name over the profile; "" removes it.
func (r *changing) override(what, name string) {
	r.state.Overrides = slices.DeleteFunc(r.state.Overrides, func(o string) bool { return strings.HasPrefix(o, what+"=") })
	if name != "" {
		r.state.Overrides = append(r.state.Overrides, what+"="+name)
		slices.Sort(r.state.Overrides)
	}
	if len(r.state.Overrides) == 0 {
		r.state.Overrides = nil
	}
}

// order returns attrs with the platform's first attribute in front, as the platform
// works them off.
func (b *behaviour) order(attrs []radiusx.Attribute, meaning func(string) string) []radiusx.Attribute {
	if b.first == "" {
		return attrs
	}
	rank := func(a radiusx.Attribute) int {
		if meaning(a.Name) == b.first {
			return 0
		}
		return 1
	}
	sorted := slices.Clone(attrs)
	slices.SortStableFunc(sorted, func(x, y radiusx.Attribute) int { return rank(x) - rank(y) })
	return sorted
}

func changeNothing(*changing, string) ErrorCause { return OK }

func setFilter(r *changing, value string) ErrorCause {
	return r.set(&r.state.FilterID, value)
}

// shaperRate is what accel-ppp's shaper reads from Filter-Id: kbit/s down, or
// down/up.
var shaperRate = regexp.MustCompile(`^[0-9]+(/[0-9]+)?$`)

func setShaper(r *changing, value string) ErrorCause {
	if !shaperRate.MatchString(value) {
		return Unexplained
	}
	r.state.FilterID = value
	return OK
}

func setAddressList(r *changing, value string) ErrorCause {
	if value != "" { // an empty one does not take the address off its list
		r.state.AddressList = value
	}
	return OK
}

func setRateLimit(r *changing, value string) ErrorCause {
	r.state.RateLimit = r.how.rate(value)
	return OK
}

// isOff reads an attribute of any type: without a dictionary entry it arrives as
// octets.
func isOff(value string) bool {
	if digits, ok := strings.CutPrefix(value, "0x"); ok {
		octets, err := hex.DecodeString(digits)
		if err == nil && len(octets) == 4 {
			return binary.BigEndian.Uint32(octets) == 0
		}
		if err == nil && len(octets) > 0 {
			return octets[0] == '0'
		}
	}
	return strings.HasPrefix(value, "0")
}

// activateService adds a Junos service; a service that is active already stays
// as it is.
func activateService(r *changing, value string) ErrorCause {
	name, _, _ := strings.Cut(value, "(")
	if !r.knows(name) && !r.knows(value) {
		return r.unknown
	}
	if !slices.Contains(r.state.Services, value) {
		r.state.Services = append(r.state.Services, value)
	}
	return OK
}

// deactivateService removes a Junos service, named with the parameters it was
// activated with.
func deactivateService(r *changing, value string) ErrorCause {
	at := slices.Index(r.state.Services, value)
	switch {
	case at < 0 && r.unknown == OK: // nothing to skip is skipped
		return OK
	case at < 0:
		return InvalidRequest
	}
	r.state.Services = slices.Delete(r.state.Services, at, at+1)
	return OK
}
