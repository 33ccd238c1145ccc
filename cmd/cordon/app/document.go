package app

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"cordon/quarantine"
)

// Fault is one thing wrong with a configuration file, at its place.
type Fault struct {
	File         string
	Line, Column int // from 1; 0: the file as a whole
	Message      string
}

func (f Fault) Error() string {
	if f.Line == 0 {
		return f.File + ": " + f.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
}

// Faults are all that is wrong with a configuration file, in its order.
type Faults []Fault

func (f Faults) Error() string {
	errs := make([]error, len(f))
	for i := range f {
		errs[i] = f[i]
	}
	return errors.Join(errs...).Error()
}

// path leads to a value in the file: keys (string) and indexes (int).
type path []any

func (p path) to(steps ...any) path { return append(slices.Clone(p), steps...) }

// String writes the path as in messages: bngs[0].address.
func (p path) String() string {
	s := ""
	for _, step := range p {
		switch step := step.(type) {
		case int:
			s += "[" + strconv.Itoa(step) + "]"
		case string:
			if s != "" {
				s += "."
			}
			s += step
		}
	}
	return s
}

// below appends a path as the domain writes it: rules[2].match.category; see
// quarantine.PathTo.
func (p path) below(written string) path {
	all := slices.Clone(p)
	for written != "" {
		if quoted, err := strconv.QuotedPrefix(written[1:]); err == nil && written[0] == '[' {
			key, _ := strconv.Unquote(quoted) // a quoted prefix is valid
			all, written = append(all, key), strings.TrimPrefix(written[len(quoted)+len("[]"):], ".")
			continue
		}
		step := written
		if inside, rest, indexed := strings.Cut(written, "]"); indexed && written[0] == '[' {
			if i, err := strconv.Atoi(inside[1:]); err == nil {
				all, written = append(all, i), strings.TrimPrefix(rest, ".")
				continue
			}
		}
		if end := strings.IndexAny(written[1:], ".["); end >= 0 {
			step = written[:end+1]
		}
		all, written = append(all, step), strings.TrimPrefix(written[len(step):], ".")
	}
	return all
}

// document is a parsed file that knows the line and column of its values.
type document struct {
	file   string
	data   []byte
	root   yaml.Node
	faults Faults
	warned Faults
	trial  bool // the configuration is read to prove what it needs proved
}

// fail notes a fault at the value that p leads to, or at the innermost value
// around it that the file has.
func (d *document) fail(p path, format string, args ...any) {
	d.faults = append(d.faults, d.at(p, fmt.Sprintf(format, args...)))
}

// warn notes something that works and deserves attention.
func (d *document) warn(p path, format string, args ...any) {
	d.warned = append(d.warned, d.at(p, fmt.Sprintf(format, args...)))
}

// add notes the faults of the value that p leads to.
func (d *document) add(p path, faults quarantine.Faults) {
	for _, f := range faults {
		d.faults = append(d.faults, d.at(p.below(f.Path), f.Err.Error()))
	}
}

// addWarnings notes what works at that value and deserves attention.
func (d *document) addWarnings(p path, warnings quarantine.Faults) {
	for _, w := range warnings {
		d.warned = append(d.warned, d.at(p.below(w.Path), w.Err.Error()))
	}
}

func (d *document) at(p path, message string) Fault {
	node := &d.root
	if node.Kind == yaml.DocumentNode && len(node.Content) > 0 {
		node = node.Content[0]
	}
	for _, step := range p {
		inner := child(node, step)
		if inner == nil {
			break
		}
		node = inner
	}
	if len(p) > 0 {
		message = p.String() + ": " + message
	}
	return Fault{File: d.file, Line: node.Line, Column: node.Column, Message: message}
}

func child(node *yaml.Node, step any) *yaml.Node {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch step := step.(type) {
	case int:
		if node.Kind == yaml.SequenceNode && step < len(node.Content) {
			return node.Content[step]
		}
	case string:
		if node.Kind != yaml.MappingNode {
			return nil
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == step {
				return node.Content[i+1]
			}
		}
	}
	return nil
}

// unknownKey is how the YAML library reports an unknown key.
var unknownKey = regexp.MustCompile(`^field (\S+) not found in type \S+$`)

// What else the YAML library, and what it calls, reports in terms of Go.
var (
	wrongKind   = regexp.MustCompile("^cannot construct !!(\\w+)(?: (`.*`))? into (\\S+)$")
	wrongPrefix = regexp.MustCompile(`^netip\.ParsePrefix\(("[^"]*")\): .*$`)
	wrongAddr   = regexp.MustCompile(`^ParseAddr\(("[^"]*")\): .*$`)
)

// inWords puts a message of the YAML library in terms of the configuration.
func inWords(text string) string {
	if m := wrongKind.FindStringSubmatch(text); m != nil {
		has := map[string]string{"str": "text", "int": "a number", "float": "a number", "bool": "true or false", "seq": "a list",
			"map": "a mapping of keys"}[m[1]]
		wants := "a mapping of keys"
		switch {
		case strings.HasPrefix(m[3], "[]"):
			wants = "a list, [A, B]"
		case strings.HasPrefix(m[3], "int"), strings.HasPrefix(m[3], "uint"), strings.HasPrefix(m[3], "float"):
			wants = "a number"
		case m[3] == "bool":
			wants = "true or false"
		case m[3] == "string":
			wants = "text"
		}
		if has == "" {
			has = m[1]
		}
		return "must be " + strings.TrimSuffix(wants, ",") + ", not " + strings.TrimSpace(has+" "+m[2])
	}
	text = unknownKey.ReplaceAllString(text, "unknown key $1")
	text = wrongPrefix.ReplaceAllString(text, "invalid prefix $1: must be like 198.51.100.0/24 or 2001:db8::/32")
	return wrongAddr.ReplaceAllString(text, "invalid IP address $1")
}

// decode notes the YAML library's own faults.
func (d *document) decode(err error) {
	var several *yaml.LoadErrors
	var one *yaml.LoadError
	switch {
	case err == nil:
	case errors.As(err, &several):
		for _, e := range several.Errors {
			d.decodeOne(e)
		}
	case errors.As(err, &one):
		d.decodeOne(one)
	default:
		d.faults = append(d.faults, Fault{File: d.file, Message: err.Error()})
	}
}

// decodeOne notes one of them. The library counts bytes, and not lines, of what is
// no text: a control character, half a UTF-16 character.
func (d *document) decodeOne(e *yaml.LoadError) {
	line, column := e.Mark.Line, e.Mark.Column
	if line == 0 {
		before := d.data[:min(e.Mark.Index, len(d.data))]
		line, column = 1+bytes.Count(before, []byte("\n")), len(before)-bytes.LastIndexByte(before, '\n')
	}
	d.faults = append(d.faults, Fault{d.file, line, column, inWords(e.Message)})
}

// sorted returns faults in the order of the file, one a line at most from the
// checks behind decoding: what could not be decoded is not worth checking.
func (d *document) sorted(decoded int) Faults {
	broken := map[int]bool{}
	for _, f := range d.faults[:decoded] {
		broken[f.Line] = true
	}
	faults := slices.Clone(d.faults[:decoded])
	for _, f := range d.faults[decoded:] {
		if !broken[f.Line] {
			faults = append(faults, f)
		}
	}
	slices.SortStableFunc(faults, func(a, b Fault) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	return faults
}
