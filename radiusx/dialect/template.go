package dialect

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"cordon/radiusx"
)

// pieceKind is what a piece of a template stands for.
type pieceKind int

const (
	literal    pieceKind = iota // its own text
	restricted                  // Profile.Restricted of the request
	normal                      // Profile.Normal of the request
	previous                    // From.Restricted of the request
	session                     // a session attribute, by name
	option                      // an option of the BNG, by name
)

// placeholders is the one table of what may stand between braces.
var placeholders = map[string]pieceKind{"restricted": restricted, "normal": normal, "previous restricted": previous}

// named placeholders take a name after a blank: {session User-Name}.
var namedPlaceholders = map[string]pieceKind{"session": session, "option": option}

// piece is literal text or a placeholder; text is the literal, the session
// attribute's or option's name, or which part of a profile's name is meant.
type piece struct {
	kind     pieceKind
	text     string
	optional bool // without a value, what it stands in is left out
}

// Template is text with placeholders between braces:
//
//	{restricted} {normal} {previous restricted} {session NAME} {option NAME}
//	{normal 2}: the second of the parts of the name, which a / keeps apart
//	{normal timeout}: what follows "timeout=" behind the parts: 2000/10000 timeout=86400
//	{normal timeout?} {option NAME?}: likewise; an attribute for which there is none is left out
//
// A value that is put in is never read as a template or as an attribute.
type Template struct {
	source string // as it stands in the file
	pieces []piece
}

// String returns the template as it stands in the file.
func (t Template) String() string { return t.source }

// UnmarshalYAML reads the template's syntax; what it refers to is checked later.
func (t *Template) UnmarshalYAML(n *yaml.Node) error {
	pieces, err := parseTemplate(n.Value)
	if err != nil {
		return err
	}
	*t = Template{n.Value, pieces}
	return nil
}

// parseTemplate splits s at its braces.
func parseTemplate(s string) ([]piece, error) {
	var pieces []piece
	for s != "" {
		text, rest, found := strings.Cut(s, "{")
		if strings.Contains(text, "}") {
			return nil, fmt.Errorf("} without { in %q", s)
		}
		if text != "" {
			pieces = append(pieces, piece{kind: literal, text: text})
		}
		if !found {
			break
		}
		inside, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, fmt.Errorf("{ without } in %q", s)
		}
		p, err := parsePlaceholder(inside)
		if err != nil {
			return nil, err
		}
		pieces = append(pieces, p)
		s = after
	}
	return pieces, nil
}

// partName is how a part of a profile's name is asked for: by its number or its word.
var partName = regexp.MustCompile(`^([1-9]|[a-z]+)$`)

func parsePlaceholder(inside string) (piece, error) {
	name, optional := strings.CutSuffix(inside, "?")
	if kind, ok := placeholders[name]; ok && !optional {
		return piece{kind: kind}, nil
	}
	if at := strings.LastIndexByte(name, ' '); at > 0 && partName.MatchString(name[at+1:]) {
		if kind, ok := placeholders[name[:at]]; ok {
			return piece{kind, name[at+1:], optional}, nil
		}
	}
	word, name, _ := strings.Cut(name, " ")
	if kind, ok := namedPlaceholders[word]; ok && name != "" {
		return piece{kind, name, optional}, nil
	}
	return piece{}, fmt.Errorf("unknown placeholder {%s}: want {restricted}, {normal}, {previous restricted}, "+
		"{session NAME} or {option NAME}", inside)
}

// AttributeTemplate is an attribute whose value is a template, written
// `Name=value` or `Name:tag=value`.
type AttributeTemplate struct {
	Name  string
	Tag   int
	Value Template
}

// String returns the template as it stands in the file.
func (a AttributeTemplate) String() string {
	return radiusx.Attribute{Name: a.Name, Tag: a.Tag}.Label() + "=" + a.Value.source
}

// UnmarshalYAML reads the syntax; names are looked up later.
func (a *AttributeTemplate) UnmarshalYAML(n *yaml.Node) error {
	label, value, found := strings.Cut(n.Value, "=")
	if !found {
		return fmt.Errorf("invalid attribute %q: must be Name=value", n.Value)
	}
	attribute, err := radiusx.ParseAttribute(label + "=x")
	if err != nil {
		return fmt.Errorf("%q: %w", n.Value, err)
	}
	pieces, err := parseTemplate(value)
	if err != nil {
		return err
	}
	if len(pieces) == 0 {
		return fmt.Errorf("%q sets nothing: RADIUS has no empty attributes", n.Value)
	}
	*a = AttributeTemplate{attribute.Name, attribute.Tag, Template{value, pieces}}
	return nil
}

// names returns the names in the template's placeholders of that kind.
func (t Template) names(kind pieceKind) []string {
	var names []string
	for _, p := range t.pieces {
		if p.kind == kind {
			names = append(names, p.text)
		}
	}
	return names
}

// values is what a template is filled from.
type values struct {
	dialect *Dialect
	profile Profile
	from    Profile
	session []radiusx.Attribute
	options map[string]string // complete with defaults
}

// errLeftOut: an optional placeholder has no value.
var errLeftOut = errors.New("left out")

// expand fills the template. A placeholder for which there is nothing is an error:
// errLeftOut if it is optional.
func (t Template) expand(v values) (string, error) {
	var b strings.Builder
	for _, p := range t.pieces {
		text, err := v.of(p)
		switch {
		case err != nil && p.optional:
			return "", errLeftOut
		case err != nil:
			return "", err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// isOptional reports whether the template may come to nothing.
func (t Template) isOptional() bool {
	return slices.ContainsFunc(t.pieces, func(p piece) bool { return p.optional })
}

func (v values) of(p piece) (string, error) {
	switch p.kind {
	case restricted:
		return nameOf(p, v.profile.Restricted, "the restricted profile")
	case normal:
		return nameOf(p, v.profile.Normal, "the normal profile")
	case previous:
		return nameOf(p, v.from.Restricted, "the profile in force")
	case session:
		return v.dialect.identifier(v.session, p.text)
	case option:
		if set, ok := v.options[p.text]; ok {
			return set, nil
		}
		return "", fmt.Errorf("%w %s must be set", ErrOption, p.text)
	}
	return p.text, nil
}

// nameOf returns name, or the part of it that p asks for, unless that is empty.
func nameOf(p piece, name, whose string) (string, error) {
	if name == "" {
		return "", fmt.Errorf("%w: %s has no name", ErrUnsupported, whose)
	}
	if p.text == "" {
		return name, nil
	}
	if part := partOf(name, p.text); part != "" {
		return part, nil
	}
	return "", fmt.Errorf("%w: %s, %q, has no part %s", ErrUnsupported, whose, name, p.text)
}

// words are what may stand behind the parts of a name: " timeout=86400".
var words = regexp.MustCompile(` +([a-z]+)=(\S*)`)

// partOf returns the part of a name under its number or its word, "" if there is none.
func partOf(name, which string) string {
	if number := int(which[0] - '0'); number <= 9 {
		first := name
		if at := words.FindStringIndex(name); at != nil {
			first = name[:at[0]]
		}
		if parts := strings.Split(first, "/"); number <= len(parts) {
			return parts[number-1]
		}
		return ""
	}
	for _, w := range words.FindAllStringSubmatch(name, -1) {
		if w[1] == which {
			return w[2]
		}
	}
	return ""
}

// Pattern is a regular expression (RE2); ^ and $ tie it to the ends. The zero
// Pattern matches everything.
type Pattern struct{ re *regexp.Regexp }

// UnmarshalYAML compiles the expression.
func (p *Pattern) UnmarshalYAML(n *yaml.Node) error {
	re, err := regexp.Compile(n.Value)
	if err != nil {
		return fmt.Errorf("pattern: %w", err)
	}
	p.re = re
	return nil
}

// String returns the expression, "" for none.
func (p Pattern) String() string {
	if p.re == nil {
		return ""
	}
	return p.re.String()
}

func (p Pattern) matches(s string) bool { return p.re == nil || p.re.MatchString(s) }

// isOne reports whether the expression matches one text only.
func (p Pattern) isOne() bool {
	if p.re == nil {
		return false
	}
	inner, starts := strings.CutPrefix(p.re.String(), "^")
	inner, ends := strings.CutSuffix(inner, "$")
	return starts && ends && inner != "" && regexp.QuoteMeta(inner) == inner
}
