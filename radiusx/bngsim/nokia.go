package bngsim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordon/radiusx"
)

// nokiaSROS is SR OS (RADIUS Attributes Reference Guide 16.0 to 23.10): every key
// that is sent must fit, else 503; what it does not support is ignored without a
// word; the subscriber filter lies over that of the SLA profile, and its number
// -2 removes it again.
var nokiaSROS = &behaviour{
	sessionID: func(n uint64) string { return fmt.Sprintf("%d", 1000+n) },
	identifiers: []string{
		"NAS-Port-Id", "Acct-Session-Id", "Alc-Subsc-ID-Str", "User-Name", "Framed-IP-Address",
		"Framed-IPv6-Prefix", "Delegated-IPv6-Prefix", "Framed-IPv6-Address", "Alc-Ipv6-Address",
	},
	several: Prohibited, unnamed: MissingAttribute, checksNAS: true,
	changes: map[string]change{
		"Alc-SLA-Prof-Str":         func(r *changing, name string) ErrorCause { return r.set(&r.state.ServiceProfile, name) },
		"Alc-Subscriber-Filter":    setSubscriberFilter,
		"Alc-Remove-Override":      removeOverride,
		"Alc-Trigger-Acct-Interim": func(r *changing, _ string) ErrorCause { r.reports = true; return OK },
	},
	ignoresUnknown: true, atomic: true, checksProfiles: true, unknownName: InvalidAttributeValue,
	checksAuthenticity: true, echoesProxyState: true, duplicateWindow: 60 * time.Second,
	shows: showNokia,
}

// filterSlots are what a subscriber filter is made of, in the order of the guide.
var filterSlots = []string{"Ingr-v4", "Egr-v4", "Ingr-v6", "Egr-v6"}

// setSubscriberFilter reads "Ingr-v4:N,Egr-v4:N,…": 1 to 65535 is a filter, 0
// none, -1 no change, -2 that of the SLA profile.
func setSubscriberFilter(r *changing, value string) ErrorCause {
	next := *r
	next.state = r.state.clone()
	for part := range strings.SplitSeq(value, ",") {
		slot, number, _ := strings.Cut(strings.TrimSpace(part), ":")
		n, err := strconv.Atoi(number)
		switch {
		case err != nil || !slices.Contains(filterSlots, slot) || n < -2 || n > 65535:
			return InvalidAttributeValue
		case n == -2:
			next.override(slot, "")
		case n >= 0:
			next.override(slot, number)
		}
	}
	r.state = next.state
	return OK
}

// removeOverride removes what CoAs laid over a host's values: the number of
// the attribute, perhaps behind the word deactivate.
func removeOverride(r *changing, value string) ErrorCause {
	switch strings.TrimPrefix(value, "deactivate ") {
	case "26.6527.13":
		r.state.ServiceProfile = r.session.subscriber.Profile.ServiceProfile
	case "26.6527.134":
		for _, slot := range filterSlots {
			r.override(slot, "")
		}
	}
	return OK
}

// showNokia is what accounting shows: the profile, not the filters over it.
func showNokia(s State) []radiusx.Attribute {
	return []radiusx.Attribute{{Name: "Alc-SLA-Prof-Str", Value: s.ServiceProfile}}
}
