package dialect

import (
	"errors"
	"slices"

	"cordon/radiusx"
)

// Wants returns the names of all session attributes that the dialect reads, in the
// order of need; a session store that keeps these keeps enough.
func (d *Dialect) Wants() []string {
	var wants nameList
	wants.add(d.Identifiers.Must...)
	wants.add(d.Disconnect.Must...)
	wants.add(d.Identifiers.IfKnown...)
	wants.add(d.Disconnect.IfKnown...)
	if d.Renames != nil {
		wants.add(d.Renames.Identifiers.Must...)
		wants.add(d.Renames.Identifiers.IfKnown...)
	}
	if d.SendsNAS {
		wants.add(nasAttributes...)
	}
	for _, f := range []*Form{d.Overlay, d.Swap} {
		if f != nil {
			f.sessionAttributes(&wants)
		}
	}
	return wants
}

// Shows returns the names of the attributes by which accounting of this platform
// may show what is in force; see [InInterim].
func (d *Dialect) Shows() []string {
	var names nameList
	for _, f := range d.Forms() {
		for _, v := range f.Verify {
			if v.In != InInterim {
				continue
			}
			for _, a := range slices.Concat(v.Restricted, v.Restored) {
				names.add(a.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// Carries returns the names of the attributes by which a profile is put in force: one
// of them may show, in accounting or at log-in, what is.
func (d *Dialect) Carries() []string {
	var names nameList
	for _, f := range d.Forms() {
		for _, a := range f.sent() {
			names.add(a.Name)
		}
	}
	slices.Sort(names)
	return names
}

// nameList is a list of names without repetition.
type nameList []string

func (w *nameList) add(names ...string) {
	for _, name := range names {
		if !containsFold(*w, name) {
			*w = append(*w, name)
		}
	}
}

func (f *Form) sessionAttributes(w *nameList) {
	for _, no := range f.Refuses {
		w.add(no.Attribute)
	}
	for _, steps := range f.lists() {
		for _, s := range steps.steps {
			for _, list := range s.lists() {
				for _, a := range list.attributes {
					w.add(a.Value.names(session)...)
				}
			}
		}
	}
	for _, check := range f.Verify {
		for _, list := range check.lists() {
			for _, a := range list.attributes {
				w.add(a.Value.names(session)...)
			}
		}
	}
}

// Check says, when a configuration is read, whether this platform can put p in force
// and release it, on a session that accounting described completely: a
// normal name that is missing, names that are too long or that the platform does not take,
// options that are missing or wrong. All faults are returned, none is fine.
// A p.Normal that is only known later is checked with its fallback.
func (d *Dialect) Check(p Profile, options map[string]string) []error {
	if _, err := d.options(options); err != nil {
		return joined(err)
	}
	reported := d.exampleSession()
	var faults []error
	seen := make(map[string]bool)
	for _, action := range []Action{Restrict, Restore, Disconnect} {
		_, err := d.Steps(Request{Action: action, Session: reported, Profile: p, Options: options})
		if err != nil && !seen[err.Error()] {
			seen[err.Error()] = true
			faults = append(faults, err)
		}
	}
	return faults
}

// joined takes apart what errors.Join put together.
func joined(err error) []error {
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) {
		return several.Unwrap()
	}
	return []error{err}
}

// examples is a value of each type that singles out a session.
var examples = map[radiusx.Type]string{
	radiusx.TypeOctets: "0x01", radiusx.TypeString: "example", radiusx.TypeIPAddr: "192.0.2.1",
	radiusx.TypeIPv6Addr: "2001:db8::1", radiusx.TypeIPv6Prefix: "2001:db8::/64", radiusx.TypeIfID: "0:0:0:1",
	radiusx.TypeInteger: "1", radiusx.TypeInteger64: "1", radiusx.TypeDate: "1",
}

// exampleSession is a session that has everything the dialect reads, except
// what it refuses to restrict.
func (d *Dialect) exampleSession() []radiusx.Attribute {
	var reported []radiusx.Attribute
	for _, name := range d.Wants() {
		if def, ok := d.base.Lookup(name); ok && !d.refusesBy(name) {
			reported = append(reported, radiusx.Attribute{Name: name, Value: examples[def.Type]})
		}
	}
	return reported
}

func (d *Dialect) refusesBy(name string) bool {
	for _, f := range d.Forms() {
		for _, no := range f.Refuses {
			if no.Attribute == name {
				return true
			}
		}
	}
	return false
}
