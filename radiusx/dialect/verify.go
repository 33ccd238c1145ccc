package dialect

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"layeh.com/radius"

	"cordon/radiusx"
)

// Verification is one way of finding out whether a restriction is in force. With In
// it is one that a program can carry out ([Dialect.Checks]); without, About
// says what a person has to check.
type Verification struct {
	About      string              `yaml:"about"`      // what to do and to look at
	Query      []AttributeTemplate `yaml:"query"`      // a CoA-Request that changes nothing, to be sent first; none: wait
	In         Place               `yaml:"in"`         // where the answer stands
	Reports    Reports             `yaml:"reports"`    // how to read it
	Restricted []AttributeTemplate `yaml:"restricted"` // there while {restricted} is in force, and only then
	Restored   []AttributeTemplate `yaml:"restored"`   // there when it is not
}

// Place is where the platform shows what is in force. The words stand in the files.
type Place string

// The places.
const (
	InACK     Place = "ack"     // the CoA-ACK of the query
	InInterim Place = "interim" // Accounting-Requests of the session that it sent after the change
)

// Reports says what a message shows by what it does not carry. The words stand
// in the files.
type Reports string

// The ways of reporting.
const (
	ReportsAll  Reports = "all"  // everything in force: what is missing is not in force
	ReportsOne  Reports = "one"  // the one value in force, or none at all: another value contradicts, none says nothing
	ReportsSome Reports = "some" // a part: what is missing may be in force
)

func (v Verification) lists() []attributeList {
	return []attributeList{{"query", v.Query}, {"restricted", v.Restricted}, {"restored", v.Restored}}
}

// Check is a verification for one session.
type Check struct {
	About   string
	Query   *Step // to be sent first; its ACK is the answer if In is InACK
	In      Place
	reports Reports
	names   []string // of the attributes that count
	present []string // must be there, as text of written
	absent  []string // must not be there, likewise
	written func(radiusx.Attribute) string
}

// Finding is what a message says about a change.
type Finding int

// The findings.
const (
	SaysNothing  Finding = iota // go on waiting, or leave it at the ACK
	Shown                       // the change is in force
	Contradicted                // it is not, whatever the ACK said
)

// findingNames is the one table of finding names, by number.
var findingNames = [...]string{SaysNothing: "says nothing", Shown: "shown", Contradicted: "contradicted"}

// String returns the finding in words.
func (f Finding) String() string {
	if f < SaysNothing || f > Contradicted {
		return fmt.Sprintf("finding %d", int(f))
	}
	return findingNames[f]
}

// Checks returns the ways in which a program can find out whether r, which the
// BNG acknowledged, is in force; none where nothing can verify it. Errors
// are those of [Dialect.Steps]. Disconnecting needs no check: the session ends.
func (d *Dialect) Checks(r Request) ([]Check, error) {
	if r.Action == Disconnect {
		return nil, nil
	}
	b, err := d.newBuilder(r)
	if err != nil {
		return nil, err
	}
	form, err := d.form(r.Profile)
	if err != nil {
		return nil, err
	}
	var checks []Check
	for _, v := range form.Verify {
		if v.In == "" {
			continue
		}
		check, err := b.check(v)
		if err != nil {
			return nil, fmt.Errorf("verify: %w", err)
		}
		checks = append(checks, check)
	}
	return checks, nil
}

func (b *builder) check(v Verification) (Check, error) {
	c := Check{About: v.About, In: v.In, reports: v.Reports}
	c.written = func(a radiusx.Attribute) string {
		a.Tag = 0 // a tag groups attributes of one message and may differ in another
		return b.dictionary.Format(a)
	}
	if len(v.Query) > 0 {
		query, err := b.step(radius.CodeCoARequest, v.Query, true)
		if err != nil {
			return c, err
		}
		c.Query = &query
	}
	for _, a := range slices.Concat(v.Restricted, v.Restored) {
		c.names = append(c.names, a.Name)
	}
	wanted, gone := v.Restricted, []AttributeTemplate(nil)
	if b.request.Action == Restore {
		wanted, gone = v.Restored, v.Restricted
	}
	var err error
	if c.present, err = c.filled(wanted, b.values); err != nil {
		return c, err
	}
	c.absent, err = c.filled(gone, b.values)
	if err == nil && b.request.Action == Change && b.request.From.Restricted != b.request.Profile.Restricted {
		from := b.values
		from.profile = b.request.From
		c.absent, err = c.filled(v.Restricted, from)
	}
	return c, err
}

func (c *Check) filled(list []AttributeTemplate, v values) ([]string, error) {
	var filled []string
	for _, t := range list {
		value, err := t.Value.expand(v)
		switch {
		case errors.Is(err, errLeftOut):
			continue
		case err != nil:
			return nil, err
		}
		filled = append(filled, c.written(radiusx.Attribute{Name: t.Name, Value: value}))
	}
	return filled, nil
}

// Judge says what attrs, those of a message from In, verify. The caller sees to
// it that the message is the session's and younger than the change.
func (c Check) Judge(attrs []radiusx.Attribute) Finding {
	var reported []string
	for _, a := range attrs {
		if containsFold(c.names, a.Name) {
			reported = append(reported, c.written(a))
		}
	}
	has := func(text string) bool { return slices.Contains(reported, text) }
	switch {
	case slices.ContainsFunc(c.absent, has):
		return Contradicted
	case len(reported) == 0: // the platform does not report, or not here
		return SaysNothing
	case len(c.present) == 0 && c.reports == ReportsSome:
		return SaysNothing
	case !slices.ContainsFunc(c.present, func(text string) bool { return !has(text) }):
		return Shown
	case c.reports == ReportsSome:
		return SaysNothing
	}
	return Contradicted
}

// checkVerify checks how a form is verified.
func (v *validator) checkVerify(name string, f *Form) {
	if len(f.Verify) == 0 {
		v.fault(keys(name), "%s: verify must be set: say how to find out, or that there is no way", name)
	}
	allowed := []pieceKind{restricted, session, option}
	if name != Overlay {
		allowed = append(allowed, normal)
	}
	for i, how := range f.Verify {
		at := keys(name, "verify", i)
		byProgram := how.In != ""
		switch {
		case how.About == "":
			v.fault(at, "about must be set")
		case byProgram && how.In != InACK && how.In != InInterim:
			v.fault(below(at, "in"), "in: want ack, interim or nothing")
		case byProgram && !slices.Contains([]Reports{ReportsAll, ReportsOne, ReportsSome}, how.Reports):
			v.fault(at, "reports: want all, one or some")
		case byProgram && len(how.Restricted) == 0:
			v.fault(at, "restricted must be set: what shows it")
		case byProgram && how.In == InACK && len(how.Query) == 0:
			v.fault(at, "query must be set: whose ACK shows it")
		case !byProgram && len(how.Query)+len(how.Restricted)+len(how.Restored) > 0:
			v.fault(at, "in must be set: where it shows")
		}
		for _, list := range how.lists() {
			for j, a := range list.attributes {
				v.checkShown(below(at, list.key, j), a, allowed)
			}
		}
	}
}

// checkShown checks an attribute of a verification, which changes nothing.
func (v *validator) checkShown(at []any, a AttributeTemplate, allowed []pieceKind) {
	v.checkPlaceholders(at, a.Value, allowed...)
	if def, ok := v.lookup(at, a.Name); ok {
		if err := v.encodesLiterals(def, a); err != nil {
			v.fault(at, "%v", err)
		}
	}
}

// text writes how to verify, for people.
func (v Verification) text(b *strings.Builder) {
	fmt.Fprintf(b, "  verify: %s\n", v.About)
	if len(v.Query) > 0 {
		fmt.Fprintf(b, "    send: CoA-Request%s\n", written(v.Query, asIs))
	}
	where := map[Place]string{InACK: "its ACK", InInterim: "the next accounting"}[v.In]
	if len(v.Restricted) > 0 {
		fmt.Fprintf(b, "    restricted: %s has%s\n", where, written(v.Restricted, asIs))
	}
	if len(v.Restored) > 0 {
		fmt.Fprintf(b, "    restored: %s has%s\n", where, written(v.Restored, asIs))
	}
}
