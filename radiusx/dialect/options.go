package dialect

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"cordon/radiusx"
)

// Option is something a site sets under dialect_options.
type Option struct {
	Name    string  `yaml:"name"`
	Default string  `yaml:"default"` // "" = must be set where it is used
	Pattern Pattern `yaml:"pattern"` // what a value looks like
	Help    string  `yaml:"help"`    // one sentence
	Unset   string  `yaml:"unset"`   // what to warn of where it is left out, in a form that uses it; "": nothing
}

// options returns set with the defaults filled in. An option that the
// dialect does not have, or whose value is not of its form, is [ErrOption]; all
// faults are joined.
func (d *Dialect) options(set map[string]string) (map[string]string, error) {
	full := make(map[string]string, len(d.Options))
	var faults []error
	for _, o := range d.Options {
		value, ok := set[o.Name]
		switch {
		case ok && !o.Pattern.matches(value):
			faults = append(faults, fmt.Errorf("%w %s: invalid value %q: must match %s: %s", ErrOption, o.Name, value, o.Pattern, o.Help))
		case ok:
			full[o.Name] = value
		case o.Default != "":
			full[o.Name] = o.Default
		}
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if !d.hasOption(name) {
			faults = append(faults, fmt.Errorf("%w %s: %s has no such option", ErrOption, name, d.Name))
		}
	}
	return full, errors.Join(faults...)
}

func (d *Dialect) hasOption(name string) bool {
	return slices.ContainsFunc(d.Options, func(o Option) bool { return o.Name == name })
}

// Dictionary returns the dictionary the dialect was loaded with, and the attributes that options
// define; those whose options are not set are not in it. Errors are
// [ErrOption], among them a number that belongs to another attribute.
func (d *Dialect) Dictionary(options map[string]string) (*radiusx.Dictionary, error) {
	full, err := d.options(options)
	if err != nil {
		return nil, err
	}
	return d.withSites(full)
}

// withSites is Dictionary for options that are complete.
func (d *Dialect) withSites(options map[string]string) (*radiusx.Dictionary, error) {
	var defs []radiusx.Definition
	for _, site := range d.Attributes {
		if _, wanted := options[site.When]; site.When != "" && !wanted || d.unsetOption(site.Name, options) != "" {
			continue
		}
		def, err := site.define(options)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrOption, err)
		}
		defs = append(defs, def)
	}
	if len(defs) == 0 {
		return d.base, nil
	}
	dictionary, err := d.base.With(defs...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOption, err)
	}
	return dictionary, nil
}

// define fills in the definition; options has all that it uses.
func (s SiteDefined) define(options map[string]string) (radiusx.Definition, error) {
	text := func(t Template) string {
		filled, _ := t.expand(values{options: options}) // unsetOption has checked
		return filled
	}
	vendor, err := strconv.ParseUint(text(s.Vendor), 10, 32)
	if err != nil {
		return radiusx.Definition{}, fmt.Errorf("%s: invalid vendor %q: must be a number", s.Name, text(s.Vendor))
	}
	number, err := strconv.ParseUint(text(s.Number), 10, 8)
	if err != nil {
		return radiusx.Definition{}, fmt.Errorf("%s: number %q must be from 1 to 255", s.Name, text(s.Number))
	}
	t, ok := radiusx.ParseType(text(s.Type))
	if !ok {
		return radiusx.Definition{}, fmt.Errorf("%s: unknown type %q", s.Name, text(s.Type))
	}
	return radiusx.Definition{Name: s.Name, Vendor: uint32(vendor), Number: uint8(number), Type: t}, nil
}

// unsetOption returns the first option that the site-defined attribute called
// name needs and does not have; "" if there is none.
func (d *Dialect) unsetOption(name string, options map[string]string) string {
	for _, s := range d.Attributes {
		if s.Name != name {
			continue
		}
		for _, t := range []Template{s.Vendor, s.Number, s.Type} {
			for _, o := range t.names(option) {
				if _, ok := options[o]; !ok {
					return o
				}
			}
		}
	}
	return ""
}

// Unset returns what to warn of: options that the form of p uses and that are left out,
// and what its normal name could say and does not.
func (d *Dialect) Unset(p Profile, options map[string]string) []string {
	form, err := d.form(p)
	if err != nil {
		return nil
	}
	var warnings nameList
	for _, o := range d.Options {
		uses := slices.ContainsFunc(form.sent(), func(a AttributeTemplate) bool { return slices.Contains(a.Value.names(option), o.Name) })
		if _, set := options[o.Name]; uses && !set && o.Unset != "" {
			warnings.add("dialect option " + o.Name + " is not set: " + o.Unset)
		}
	}
	for _, a := range form.sent() {
		for _, piece := range a.Value.pieces {
			if piece.kind == normal && piece.optional && partOf(p.Normal, piece.text) == "" {
				warnings.add(fmt.Sprintf("normal has no %s=: a release does not restore %s", piece.text, a.Name))
			}
		}
	}
	return warnings
}

// knownAs is the name of an attribute in the AAA server's dictionary: its own, or what
// the site says for one whose number it chose.
func (d *Dialect) knownAs(name string, options map[string]string) (string, error) {
	at := slices.IndexFunc(d.Attributes, func(s SiteDefined) bool { return s.Name == name })
	if at < 0 {
		return name, nil
	}
	known, err := d.Attributes[at].KnownAs.expand(values{options: options})
	if err != nil {
		return "", fmt.Errorf("%w: unknown name of %s in the AAA server's dictionary: %w", ErrUnsupported, name, err)
	}
	return known, nil
}
