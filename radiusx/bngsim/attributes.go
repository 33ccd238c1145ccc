package bngsim

import (
	"fmt"
	"strconv"

	"cordon/radiusx"
)

// vendorsOwn are the attributes that platforms go by, under the names used here. A
// BNG knows them by number, whatever the configured dictionary calls them, and
// also where it does not have them. Names are FreeRADIUS', from its
// dictionaries alcatel.sr, cisco, ericsson.ab, huawei, rtbrick, chillispot and
// vasexperts.
var vendorsOwn = []radiusx.Definition{
	{Name: "Cisco-AVPair", Vendor: 9, Number: 1, Type: radiusx.TypeString},
	{Name: "Cisco-Parent-Session-Id", Vendor: 9, Number: 52, Type: radiusx.TypeString},
	{Name: "Cisco-Account-Info", Vendor: 9, Number: 250, Type: radiusx.TypeString},
	{Name: "Cisco-Service-Info", Vendor: 9, Number: 251, Type: radiusx.TypeString},

	{Name: "Huawei-Qos-Profile-Name", Vendor: 2011, Number: 31, Type: radiusx.TypeString},
	{Name: "Huawei-Policy-Name", Vendor: 2011, Number: 95, Type: radiusx.TypeString},

	{Name: "Forward-Policy", Vendor: 2352, Number: 92, Type: radiusx.TypeString},
	{Name: "HTTP-Redirect-Profile-Name", Vendor: 2352, Number: 107, Type: radiusx.TypeString},
	{Name: "Service-Name", Vendor: 2352, Number: 190, Type: radiusx.TypeString, Tagged: true},
	{Name: "Service-Action", Vendor: 2352, Number: 191, Type: radiusx.TypeInteger, Tagged: true},
	{Name: "Service-Parameter", Vendor: 2352, Number: 192, Type: radiusx.TypeString, Tagged: true},
	{Name: "Service-Error-Cause", Vendor: 2352, Number: 193, Type: radiusx.TypeInteger, Tagged: true},
	{Name: "Deactivate-Service-Name", Vendor: 2352, Number: 194, Type: radiusx.TypeString, Tagged: true},
	{Name: "Acct-Alt-Session-ID", Vendor: 2352, Number: 197, Type: radiusx.TypeString},

	{Name: "Alc-Subsc-ID-Str", Vendor: 6527, Number: 11, Type: radiusx.TypeString},
	{Name: "Alc-Subsc-Prof-Str", Vendor: 6527, Number: 12, Type: radiusx.TypeString},
	{Name: "Alc-SLA-Prof-Str", Vendor: 6527, Number: 13, Type: radiusx.TypeString},
	{Name: "Alc-Ipv6-Address", Vendor: 6527, Number: 99, Type: radiusx.TypeIPv6Addr},
	{Name: "Alc-Subscriber-Filter", Vendor: 6527, Number: 134, Type: radiusx.TypeString},
	{Name: "Alc-Trigger-Acct-Interim", Vendor: 6527, Number: 228, Type: radiusx.TypeString},
	{Name: "Alc-Remove-Override", Vendor: 6527, Number: 238, Type: radiusx.TypeString},

	{Name: "CoovaChilli-Bandwidth-Max-Up", Vendor: 14559, Number: 4, Type: radiusx.TypeInteger},
	{Name: "CoovaChilli-Bandwidth-Max-Down", Vendor: 14559, Number: 5, Type: radiusx.TypeInteger},
	{Name: "CoovaChilli-Session-State", Vendor: 14559, Number: 15, Type: radiusx.TypeInteger},

	{Name: "VasExperts-Policing-Profile", Vendor: 43823, Number: 1, Type: radiusx.TypeString},
	{Name: "VasExperts-Service-Profile", Vendor: 43823, Number: 2, Type: radiusx.TypeString},
	{Name: "VasExperts-Enable-Service", Vendor: 43823, Number: 3, Type: radiusx.TypeString},
	{Name: "VasExperts-UserName", Vendor: 43823, Number: 5, Type: radiusx.TypeString},
	{Name: "VasExperts-Restrict-User", Vendor: 43823, Number: 7, Type: radiusx.TypeInteger},

	{Name: "RtBrick-QoS-Profile", Vendor: 50058, Number: 62, Type: radiusx.TypeString},
	{Name: "RtBrick-Service-Profile", Vendor: 50058, Number: 70, Type: radiusx.TypeString},
	{Name: "RtBrick-HTTP-Redirect-URL", Vendor: 50058, Number: 75, Type: radiusx.TypeString},
	{Name: "RtBrick-IPv4-ACL-In", Vendor: 50058, Number: 76, Type: radiusx.TypeString},
	{Name: "RtBrick-IPv4-ACL-Out", Vendor: 50058, Number: 77, Type: radiusx.TypeString},
	{Name: "RtBrick-IPv6-ACL-In", Vendor: 50058, Number: 78, Type: radiusx.TypeString},
	{Name: "RtBrick-IPv6-ACL-Out", Vendor: 50058, Number: 79, Type: radiusx.TypeString},
}

// vocabulary translates between the dictionary's names and those used here.
type vocabulary struct {
	*radiusx.Dictionary                               // has all of vendorsOwn, by whatever name
	ours                map[string]radiusx.Definition // by ours: the dictionary's definition, where the names differ
	theirs              map[string]string             // by the dictionary's name: ours, where they differ
}

// newVocabulary adds what d lacks. Two attributes that want one name are an error.
func newVocabulary(d *radiusx.Dictionary) (*vocabulary, error) {
	type number struct {
		vendor uint32
		number uint8
	}
	has := make(map[number]radiusx.Definition)
	for _, def := range d.Definitions() {
		has[number{def.Vendor, def.Number}] = def
	}
	v := &vocabulary{ours: map[string]radiusx.Definition{}, theirs: map[string]string{}}
	var missing []radiusx.Definition
	for _, own := range vendorsOwn {
		def, ok := has[number{own.Vendor, own.Number}]
		switch {
		case !ok:
			missing = append(missing, own)
		case def.Name != own.Name:
			v.ours[own.Name], v.theirs[def.Name] = def, own.Name
		}
	}
	var err error
	if v.Dictionary, err = d.With(missing...); err != nil {
		return nil, fmt.Errorf("vendors' attributes: %w", err)
	}
	return v, nil
}

// spell returns a with the dictionary's name.
func (v *vocabulary) spell(a radiusx.Attribute) radiusx.Attribute {
	if def, ok := v.ours[a.Name]; ok {
		a.Name = def.Name
	}
	return a
}

// read returns a with the name used here, and a vendor's integers as numbers.
func (v *vocabulary) read(a radiusx.Attribute) radiusx.Attribute {
	if def, ok := v.Lookup(a.Name); ok && def.Vendor != 0 {
		for _, value := range def.Values {
			if value.Name == a.Value {
				a.Value = strconv.FormatUint(uint64(value.Number), 10)
			}
		}
	}
	if ours, ok := v.theirs[a.Name]; ok {
		a.Name = ours
	}
	return a
}
