package dialect

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"sync"

	yaml "go.yaml.in/yaml/v4"

	"cordon/radiusx"
)

//go:embed *.yaml
var builtinFiles embed.FS

// Set is a number of dialects by name. It does not change after loading.
type Set struct{ byName map[string]*Dialect }

// Builtin returns the dialects that come with the program. They are loaded
// once and shared.
func Builtin() *Set { return builtin() }

var builtin = sync.OnceValue(func() *Set {
	set, err := Load(builtinFiles, radiusx.Builtin())
	if err != nil {
		panic("dialect: built-in files: " + err.Error()) // a test loads them
	}
	return set
})

// Load reads every *.yaml file at the top of fsys as a dialect; dictionary knows
// the attributes that they name. It is strict: an unknown key or attribute, a
// template that refers to nothing, a value too long for its type, and a form
// that cannot be undone are errors with their place ([Fault]). All faults of all
// files are returned at once, joined.
func Load(fsys fs.FS, dictionary *radiusx.Dictionary) (*Set, error) {
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list dialects: %w", err)
	}
	set := &Set{byName: make(map[string]*Dialect, len(names))}
	var faults []error
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			faults = append(faults, fmt.Errorf("read dialect: %w", err))
			continue
		}
		d, found := parse(name, data, dictionary)
		if found == nil && set.byName[d.Name] != nil {
			found = []error{Fault{File: name, Problem: fmt.Sprintf("another file has dialect %s too", d.Name)}}
		}
		if found != nil {
			faults = append(faults, found...)
			continue
		}
		set.byName[d.Name] = d
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return set, nil
}

// Get returns the dialect called name.
func (s *Set) Get(name string) (*Dialect, bool) {
	d, ok := s.byName[name]
	return d, ok
}

// With returns a set that has the dialects of both; s and own do not change. An own
// dialect whose name s has too is an error, unless it says so (replaces) and
// then names the session at least as exactly: with all the identifiers of the
// one it replaces, and with none that this platform never takes. Errors are
// [Fault]s with the place in own's file, joined.
func (s *Set) With(own *Set) (*Set, error) {
	with := &Set{byName: maps.Clone(s.byName)}
	var faults []error
	for _, name := range own.Names() {
		d := own.byName[name]
		faults = append(faults, d.replacing(s.byName[name])...)
		with.byName[name] = d
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return with, nil
}

// replacing says why d cannot take the place of old, which is nil where d is new.
func (d *Dialect) replacing(old *Dialect) []error {
	switch {
	case old == nil && d.Replaces == "":
		return nil
	case old == nil:
		return []error{d.source.fault(keys("replaces"), "unknown dialect %s: replaces must name one that there is", d.Replaces)}
	case d.Replaces == "":
		return []error{d.source.fault(keys("name"), "there is a dialect %s already: choose another name, or say replaces: %s",
			d.Name, d.Name)}
	}
	return slices.Concat(
		d.source.narrower("identifiers", d.Identifiers, old.Identifiers),
		d.source.narrower("disconnect", d.Disconnect, old.Disconnect),
		d.source.narrower("renames_session", d.identification(inForce), old.identification(inForce)),
		d.sending(old.Identifiers.Never))
}

// sending says which of never d's steps, queries or NAS attributes send.
func (d *Dialect) sending(never []Never) []error {
	var faults []error
	v := validator{source: d.source, dialect: d}
	for _, n := range never {
		if d.SendsNAS && slices.Contains(nasAttributes, n.Attribute) {
			faults = append(faults, d.source.fault(keys("sends_nas"), "never %s: %s", n.Attribute, n.Reason))
		}
		for name, form := range d.Forms() {
			for _, a := range form.sent() {
				if def, ok := d.base.Lookup(a.Name); ok && v.means(n.Attribute, def) {
					faults = append(faults, d.source.fault(keys(name), "%s: never %s: %s", name, n.Attribute, n.Reason))
				}
			}
		}
	}
	return faults
}

// narrower says where id distinguishes sessions less well than old.
func (s source) narrower(key string, id, old Identification) []error {
	var faults []error
	for _, name := range old.Must {
		if !containsFold(id.Must, name) {
			faults = append(faults, s.fault(keys(key), "%s: must have %s, by which this platform knows a session", key, name))
		}
	}
	for _, never := range old.Never {
		if containsFold(id.Must, never.Attribute) || containsFold(id.IfKnown, never.Attribute) {
			faults = append(faults, s.fault(keys(key), "%s: never %s: %s", key, never.Attribute, never.Reason))
		}
	}
	return faults
}

// Names returns the names of all dialects, sorted.
func (s *Set) Names() []string { return slices.Sorted(maps.Keys(s.byName)) }

// Fault is one thing wrong in a dialect's file.
type Fault struct {
	File         string
	Line, Column int // counted from 1; 0 = the file as a whole
	Problem      string
}

// Error returns file:line:column: problem.
func (f Fault) Error() string {
	if f.Line == 0 {
		return f.File + ": " + f.Problem
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Problem)
}

// parse reads one file. What is wrong with its form is reported before what it
// has is checked.
func parse(file string, data []byte, dictionary *radiusx.Dictionary) (*Dialect, []error) {
	d := &Dialect{MessageAuthenticator: SignSend, EventTimestamp: StampSend, base: dictionary}
	if err := yaml.Load(data, d, yaml.WithKnownFields()); err != nil {
		return nil, yamlFaults(file, data, err)
	}
	var root yaml.Node
	if err := yaml.Load(data, &root); err != nil {
		return nil, yamlFaults(file, data, err)
	}
	d.source = source{file, &root}
	v := validator{source: d.source, dialect: d}
	v.check()
	return d, v.faults
}

// unknownKey is how the library words an unknown key, with our Go type's name.
var unknownKey = regexp.MustCompile(`^field (\S+) not found in type \S+$`)

// yamlFaults gives the library's errors their place in our form.
func yamlFaults(file string, data []byte, err error) []error {
	var several *yaml.LoadErrors
	var one *yaml.LoadError
	switch {
	case errors.As(err, &several):
	case errors.As(err, &one):
		several = &yaml.LoadErrors{Errors: []*yaml.LoadError{one}}
	default:
		return []error{Fault{file, 1, 1, err.Error()}}
	}
	var faults []error
	for _, e := range several.Errors {
		line, column := e.Mark.Line, e.Mark.Column
		if line == 0 {
			line, column = placeOf(data, e.Mark.Index)
		}
		faults = append(faults, Fault{file, line, column, unknownKey.ReplaceAllString(e.Message, "unknown key $1")})
	}
	return faults
}

// placeOf returns the line and column of an octet, from 1. The library counts
// octets, and not lines, of what is no text: a control character, half a
// UTF-16 character.
func placeOf(data []byte, offset int) (line, column int) {
	before := data[:min(offset, len(data))]
	return 1 + bytes.Count(before, []byte("\n")), len(before) - bytes.LastIndexByte(before, '\n')
}
