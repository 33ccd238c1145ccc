package dialect

import (
	"slices"

	"layeh.com/radius"
)

// Probe returns a CoA-Request that changes nothing, whoever it may hit: the identifiers
// of the session and, where the platform has one that stands for itself, the
// query by which a restriction is verified. It is for finding out whether a BNG
// answers. Errors are those of [Dialect.Steps].
func (d *Dialect) Probe(r Request) (Step, error) {
	r.Profile, r.From = Profile{}, Profile{}
	b, err := d.newBuilder(r)
	if err != nil {
		return Step{}, err
	}
	return b.step(radius.CodeCoARequest, d.plainQuery(), false)
}

// plainQuery returns the first query of the dialect that needs no profile.
func (d *Dialect) plainQuery() []AttributeTemplate {
	ofProfile := func(p piece) bool { return p.kind == restricted || p.kind == normal || p.kind == previous }
	for _, form := range []*Form{d.Overlay, d.Swap} {
		if form == nil {
			continue
		}
		for _, v := range form.Verify {
			names := slices.ContainsFunc(v.Query, func(a AttributeTemplate) bool { return slices.ContainsFunc(a.Value.pieces, ofProfile) })
			if len(v.Query) > 0 && !names {
				return v.Query
			}
		}
	}
	return nil
}
