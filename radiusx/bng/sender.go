package bng

import (
	"net/netip"

	"cordon/radiusx/acct"
)

// speaker finds the BNG that a record is about, and whether its sender may report
// for it. One that names its NAS twice is about the BNG that sent it, if its address
// alone says which that is; a relay cannot be asked.
func (a *Accounting) speaker(r *acct.Record) (bng string, allowed bool) {
	if !r.Conflicts.Has(acct.ConflictingNAS) {
		return a.fleet.speaker(r)
	}
	m := a.fleet.sender(r)
	return nameOf(m, r.NAS, r.From.Addr()), m != nil
}

// sender finds the BNG that a record came from by the sender's address, if that is
// one BNG's alone and nothing else in the record says otherwise; nil for a relay and
// for an address that is no BNG's.
func (f *Fleet) sender(r *acct.Record) *member {
	if r.Client.Relay {
		return nil
	}
	own := f.at(r.From.Addr())
	if m, how := f.identify(r.NAS, r.From.Addr()); how != identified || m != own {
		return nil
	}
	return own
}

// notAllowed says why a record's sender may not report it.
func (f *Fleet) notAllowed(r *acct.Record) string {
	switch {
	case r.Conflicts.Has(acct.ConflictingNAS):
		return "nas_unknown" // nobody can say which BNG it is about
	case r.Client.Relay && f.unidentifiable(r.NAS):
		return "unidentified_nas" // its names are every box's
	case r.Client.Relay:
		return "nas_not_allowed" // a BNG that this relay may not report
	}
	return "forbidden" // a BNG reported for another
}

// BNGOf names the configured BNG that a record claims to be about, whoever sent it;
// "" for none.
func (f *Fleet) BNGOf(r *acct.Record) string {
	source := r.From.Addr()
	if r.Client.Relay {
		source = netip.Addr{}
	}
	if m, _ := f.identify(r.NAS, source); m != nil {
		return m.Name
	}
	return ""
}
