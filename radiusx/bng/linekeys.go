package bng

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"cordon/quarantine"
)

// A key says whose it is only if no two lines have it. Between the values of a
// template stands text, so a value that holds that text has its first character
// escaped; and a name that looks like a line's key has the text escaped by which it
// does. A name never holds an escape of its own: [quarantine.EscapeName] doubles its \.

// key writes a rendering so that no other values of its template have the same key.
// Value is what an attribute's value becomes.
func (r *rendering) key(value func(attribute, value string) string) string {
	var key strings.Builder
	for i, text := range r.parts {
		if part := &r.template.parts[i]; part.attribute != "" {
			text = value(part.attribute, text)
		}
		if i == len(r.parts)-1 {
			key.WriteString(quarantine.EscapeName(text))
			continue
		}
		if r.template.parts[i].attribute == "" {
			key.WriteString(closed(quarantine.EscapeName(text)))
			continue
		}
		key.WriteString(without(text, firstOf(r.template.parts[i+1].literal)))
	}
	return key.String()
}

// alike reports whether two templates make the same key where the attributes in the
// same places have the same values.
func (t *KeyTemplate) alike(other *KeyTemplate) bool {
	return slices.EqualFunc(t.parts, other.parts, func(a, b keyPart) bool {
		return a.literal == b.literal && (a.attribute == "") == (b.attribute == "")
	})
}

// without writes a value with a character escaped.
func without(value, character string) string {
	pieces := strings.Split(value, character)
	for i, piece := range pieces {
		pieces[i] = closed(quarantine.EscapeName(piece))
	}
	return strings.Join(pieces, escaped(character))
}

// closed escapes a \ at the end of a text, which would make an escape of what follows.
func closed(text string) string {
	bare := strings.TrimRight(text, `\`)
	return bare + strings.Repeat(escaped(`\`), len(text)-len(bare))
}

func escaped(text string) string {
	var b strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&b, `\x%02x`, text[i])
	}
	return b.String()
}

// firstOf is the first character of a text.
func firstOf(text string) string {
	_, size := utf8.DecodeRuneInString(text)
	return text[:size]
}

// lineKeys are the templates of a configuration that have text of their own.
type lineKeys struct {
	templates []KeyTemplate
	nas       map[string]bool // what its BNGs call themselves
}

// lineKeysOf lists those of all BNGs, and of common.
func (f *Fleet) lineKeysOf(common SubscriberKey) *lineKeys {
	l := &lineKeys{nas: map[string]bool{}}
	add := func(key SubscriberKey) {
		for _, t := range key {
			if len(t.parts) > 1 {
				l.templates = append(l.templates, t)
			}
		}
	}
	add(common)
	for _, m := range f.bngs {
		add(m.SubscriberKey)
		l.nas[m.Address.String()] = true
		for _, n := range m.NAS {
			l.nas[n.Identifier], l.nas[n.IP.String()] = true, true
		}
	}
	return l
}

// escapeAsName writes a name as a key that no line has: what it has in common with a line's
// is escaped. Name is as it comes from the record.
func (l *lineKeys) escapeAsName(name string) string {
	var forced []bool // octets of name to be escaped; nil: none
	for i := 0; i < len(l.templates); i++ {
		at, size, fits := l.fits(&l.templates[i], name, forced)
		if !fits {
			continue
		}
		if forced == nil {
			forced = make([]bool, len(name))
		}
		for n := range size {
			forced[at+n] = true
		}
		i = -1 // from the start: it ends, for each time there is one octet more
	}
	return write(name, forced)
}

// write is [quarantine.EscapeName] with more octets to escape.
func write(name string, forced []bool) string {
	if forced == nil {
		return quarantine.EscapeName(name)
	}
	var key strings.Builder
	for from := 0; from < len(name); {
		to := from + 1
		for to < len(name) && forced[to] == forced[from] {
			to++
		}
		switch {
		case forced[from]:
			key.WriteString(escaped(name[from:to]))
		case to < len(name):
			key.WriteString(closed(quarantine.EscapeName(name[from:to])))
		default:
			key.WriteString(quarantine.EscapeName(name[from:]))
		}
		from = to
	}
	return key.String()
}

// fits reports whether the template may make the text of some line, and where the
// first character of its own text is.
func (l *lineKeys) fits(t *KeyTemplate, name string, forced []bool) (first, size int, fits bool) {
	first = -1
	at := 0
	for i := range t.parts {
		part := &t.parts[i]
		if part.attribute == "" {
			if indexText(name[at:], tail(forced, at), part.literal, false) != 0 {
				return 0, 0, false
			}
			if first < 0 {
				first, size = at, len(firstOf(part.literal))
			}
			at += len(part.literal)
			continue
		}
		value := name[at:]
		if i < len(t.parts)-1 {
			end := indexText(value, tail(forced, at), t.parts[i+1].literal, i == len(t.parts)-2)
			if end < 0 {
				return 0, 0, false
			}
			value = value[:end]
		}
		if value == "" || namesNAS(part.attribute) && !l.nas[value] {
			return 0, 0, false
		}
		at += len(value)
	}
	return first, size, at == len(name)
}

// indexText is where a text is first of which no octet is forced; ends: where it is
// at the end. -1: nowhere.
func indexText(name string, forced []bool, text string, ends bool) int {
	for at := 0; at+len(text) <= len(name); at++ {
		if ends && at+len(text) != len(name) || name[at:at+len(text)] != text {
			continue
		}
		if forced == nil || !slices.Contains(forced[at:at+len(text)], true) {
			return at
		}
	}
	return -1
}

func tail(forced []bool, at int) []bool {
	if forced == nil {
		return nil
	}
	return forced[at:]
}

func namesNAS(attribute string) bool {
	return attribute == "NAS-Identifier" || attribute == "NAS-IP-Address" || attribute == "NAS-IPv6-Address"
}
