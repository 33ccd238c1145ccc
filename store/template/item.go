package template

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"cordon/quarantine"
)

// item is what one value holds, by the names of the template.
type item struct {
	key        string // where it was read
	values     map[string]string
	attributes []quarantine.Attribute
}

// longestText is more than any value of a session has: RADIUS attributes have
// 253 octets.
const longestText = 1024

// isText reports whether a value can be shown and compared: UTF-8 without
// control characters.
func isText(s string) bool {
	return len(s) <= longestText && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f })
}

// newItem joins what the key says and what was read under it. What both say must
// agree; false if it does not, or is no text.
func newItem(key string, asked, values map[string]string, attributes []quarantine.Attribute) (item, Reason, bool) {
	t := item{key: key, values: values, attributes: attributes}
	for name, value := range values {
		if name == nameSubscriber {
			value = strings.ToValidUTF8(value, "?") // RADIUS names are not text always
		}
		if !isText(value) {
			return t, Malformed, false
		}
	}
	for name, want := range asked {
		have, items := values[name]
		switch {
		case !items:
			values[name] = want
		case have != want && !(slices.Contains(addressNames, name) && sameAddress(have, want)):
			return t, Contradicts, false
		}
	}
	return t, 0, true
}

// fromFields reads a structured value.
func (l *lookup) fromFields(field func(string) (string, bool)) (map[string]string, []quarantine.Attribute) {
	values := make(map[string]string, len(l.Fields))
	for name, where := range l.Fields {
		values[name], _ = field(where) // a name that is mapped and missing is empty: the record contradicts
	}
	var attributes []quarantine.Attribute
	for name, where := range l.Attributes {
		if value, ok := field(where); ok && value != "" && isText(value) {
			attributes = append(attributes, quarantine.Attribute{Name: name, Value: value})
		}
	}
	return values, attributes
}

// object reads a JSON object for fromFields; false if it is none.
func object(text string) (func(path string) (string, bool), bool) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var root map[string]any
	if err := d.Decode(&root); err != nil || root == nil {
		return nil, false
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, false
	}
	return func(path string) (string, bool) { return inside(root, path) }, true
}

// inside follows a dotted path; a key with dots of its own is found before.
func inside(o map[string]any, path string) (string, bool) {
	if value, ok := o[path]; ok {
		return scalar(value)
	}
	first, rest, deeper := strings.Cut(path, ".")
	inner, ok := o[first].(map[string]any)
	if !deeper || !ok {
		return "", false
	}
	return inside(inner, rest)
}

func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	}
	return "", false
}
