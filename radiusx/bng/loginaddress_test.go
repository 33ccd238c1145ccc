package bng

import (
	"slices"
	"testing"

	"cordon/radiusx"
)

func TestALogInTellsWhichAddressesAreKnown(t *testing.T) {
	for about, test := range map[string]struct {
		reported []radiusx.Attribute
		want     []string
	}{
		"none": {nil, nil},
		"one of each": {[]radiusx.Attribute{{Name: "Framed-IP-Address", Value: "198.51.100.7"},
			{Name: "Framed-IPv6-Prefix", Value: "2001:db8:1::/64"}, {Name: "Delegated-IPv6-Prefix", Value: "2001:db8:2::/56"},
			{Name: "Framed-IPv6-Address", Value: "2001:db8:3::1"}}, []string{"198.51.100.7/32", "2001:db8:1::/64",
			"2001:db8:2::/56", "2001:db8:3::1/128"}},
		"the NAS chooses":  {[]radiusx.Attribute{{Name: "Framed-IP-Address", Value: "255.255.255.254"}}, nil},
		"the user chooses": {[]radiusx.Attribute{{Name: "Framed-IP-Address", Value: "255.255.255.255"}}, nil},
		"what is no address": {[]radiusx.Attribute{{Name: "Framed-IP-Address", Value: "x"},
			{Name: "Framed-IPv6-Prefix", Value: "2001:db8::/129"}, {Name: "Framed-IP-Address", Value: "0.0.0.0"}}, nil},
	} {
		var got []string
		for _, a := range (&LogIn{attributes: test.reported}).Addresses() {
			got = append(got, a.Prefix.String())
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", about, got, test.want)
		}
	}
}
