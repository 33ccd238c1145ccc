package dialect

import (
	"fmt"
	"regexp"
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
	kind pieceKind
	text string
}

// Template is text with placeholders between braces:
//
//	{restricted} {normal} {previous restricted} {session NAME} {option NAME}
//	{normal 2}: the second of the parts of the name, which a / keeps apart
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
			pieces = append(pieces, piece{literal, text})
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

func parsePlaceholder(inside string) (piece, error) {
	if kind, ok := placeholders[inside]; ok {
		return piece{kind: kind}, nil
	}
	if at := strings.LastIndexByte(inside, ' '); at > 0 && len(inside) == at+2 && '1' <= inside[at+1] && inside[at+1] <= '9' {
		if kind, ok := placeholders[inside[:at]]; ok {
			return piece{kind, inside[at+1:]}, nil
		}
	}
	word, name, _ := strings.Cut(inside, " ")
	if kind, ok := namedPlaceholders[word]; ok && name != "" {
		return piece{kind, name}, nil
	}
	return piece{}, fmt.Errorf("unknown placeholder {%s}: want {restricted}, {normal}, {previous restricted}, {session NAME} or {option NAME}", inside)
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
		return fmt.Errorf("%q is not of the form Name=value", n.Value)
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

// expand fills the template. A placeholder for which there is nothing is an error.
func (t Template) expand(v values) (string, error) {
	var b strings.Builder
	for _, p := range t.pieces {
		text, err := v.of(p)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	return b.String(), nil
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
		return "", fmt.Errorf("%w %s is not set", ErrOption, p.text)
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
	parts, number := strings.Split(name, "/"), int(p.text[0]-'0')
	if number > len(parts) || parts[number-1] == "" {
		return "", fmt.Errorf("%w: %s, %q, has no part %d", ErrUnsupported, whose, name, number)
	}
	return parts[number-1], nil
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
