package template

import (
	"fmt"
	"slices"
	"strings"
)

// anything is the placeholder of a value that is not of interest.
const anything = "*"

// pattern is text with placeholders: literals[i] stands before names[i], the
// last literal at the end.
type pattern struct {
	literals []string
	names    []string
}

// parsePattern reads a pattern. {name} is a placeholder, {{ and }} stand for the
// braces themselves.
func parsePattern(text string, allowed []string) (pattern, error) {
	var p pattern
	literal := ""
	for text != "" {
		at := strings.IndexAny(text, "{}")
		if at < 0 {
			literal += text
			break
		}
		literal += text[:at]
		brace, rest := text[at:at+1], text[at+1:]
		if strings.HasPrefix(rest, brace) {
			literal, text = literal+brace, rest[1:]
			continue
		}
		name, after, closed := strings.Cut(rest, "}")
		switch {
		case brace == "}" || !closed:
			return p, fmt.Errorf("unbalanced brace: write {{ or }} for the brace itself")
		case !slices.Contains(allowed, name):
			return p, fmt.Errorf("unknown placeholder {%s}: must be one of {%s}", name, strings.Join(allowed, "}, {"))
		case name != anything && slices.Contains(p.names, name):
			return p, fmt.Errorf("duplicate placeholder {%s}", name)
		}
		p.literals, p.names = append(p.literals, literal), append(p.names, name)
		literal, text = "", after
	}
	p.literals = append(p.literals, literal)
	return p, nil
}

// ambiguous reports whether two placeholders stand side by side, so that nothing
// says where one value ends.
func (p *pattern) ambiguous() bool {
	return len(p.names) > 1 && slices.Contains(p.literals[1:len(p.names)], "")
}

// expand puts values in; false if one is missing or empty.
func (p *pattern) expand(values map[string]string) (string, bool) {
	var b strings.Builder
	for i, name := range p.names {
		value := values[name]
		if value == "" {
			return "", false
		}
		b.WriteString(p.literals[i])
		b.WriteString(value)
	}
	b.WriteString(p.literals[len(p.names)])
	return b.String(), true
}

// match takes text apart; false if it does not have the pattern's form. Each
// value reaches up to the next literal, the last one as far as it can.
func (p *pattern) match(text string) (map[string]string, bool) {
	rest, ok := strings.CutPrefix(text, p.literals[0])
	if !ok {
		return nil, false
	}
	values := make(map[string]string, len(p.names))
	for i, name := range p.names {
		value, after, found := strings.Cut(rest, p.literals[i+1])
		if i == len(p.names)-1 {
			value, found = strings.CutSuffix(rest, p.literals[i+1])
		}
		if !found {
			return nil, false
		}
		if name != anything {
			values[name] = value
		}
		rest = after
	}
	return values, len(p.names) > 0 || rest == ""
}
