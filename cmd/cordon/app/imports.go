package app

import (
	"context"

	"cordon/integration/radacct"
	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/acct"
	"cordon/radiusx/bng"
)

// imports hands rows of another program's sessions to the translator of
// accounting, as the records that its BNGs would have sent.
type imports struct{ accounting *bng.Accounting }

// Load implements what package radacct asks for.
func (im imports) Load(ctx context.Context, sessions []radacct.Session) []error {
	records := make([]acct.Record, len(sessions))
	for i := range sessions {
		records[i] = im.record(&sessions[i])
	}
	return im.accounting.Import(ctx, records)
}

func (im imports) record(s *radacct.Session) acct.Record {
	r := acct.Record{
		Status: acct.InterimUpdate, At: s.Seen, SessionTime: s.Seen.Sub(s.Start), SessionID: s.ID, UserName: s.User,
		NAS: acct.NAS{Identifier: s.NASName},
	}
	if !s.Stop.IsZero() {
		r.Status, r.At, r.SessionTime = acct.Stop, s.Stop, max(s.Stop.Sub(s.Start), 0)
	}
	if s.NAS.Is4() {
		r.NAS.IP = s.NAS
	} else {
		r.NAS.IPv6 = s.NAS
	}
	for _, a := range s.Addresses {
		if a.Kind == quarantine.FramedIP {
			r.FramedIP = a.Prefix.Addr()
			continue
		}
		r.Prefixes = append(r.Prefixes, acct.Prefix{Prefix: a.Prefix, Kind: prefixKinds[a.Kind]})
	}
	for _, a := range s.Attributes {
		r.Attributes = append(r.Attributes, radiusx.Attribute{Name: a.Name, Value: a.Value})
	}
	r.Subscriber = r.UserName
	r.Naming = namingValues(&r, r.Attributes)
	for _, a := range s.Naming {
		r.Naming = append(r.Naming, radiusx.Attribute{Name: a.Name, Value: a.Value})
	}
	return r
}

var prefixKinds = map[quarantine.AddressKind]acct.PrefixKind{
	quarantine.FramedIPv6Prefix: acct.FramedPrefix, quarantine.DelegatedIPv6Prefix: acct.DelegatedPrefix, quarantine.FramedIPv6Address: acct.FramedAddress,
}
