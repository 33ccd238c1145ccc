package bng

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/acct"
)

// SubscriberKey is how a BNG's records name their subscriber: the first template
// whose attributes a record has, all of them and none empty, makes the key. One
// BNG may serve PPPoE names, IPoE circuits and tower log-ins.
type SubscriberKey []KeyTemplate

// KeyTemplate makes a key of attributes, as FreeRADIUS writes it: literal text
// and %{Attribute}; %% is a percent sign. It never changes after
// [ParseKeyTemplate].
type KeyTemplate struct {
	text  string
	parts []keyPart
}

// keyPart is literal text, or an attribute's value.
type keyPart struct {
	literal   string
	attribute string // the dictionary's spelling; empty: literal
	octets    bool   // its text form is hexadecimal digits
}

// ParseKeyTemplate reads a template, or an attribute's bare name. The error says
// what is wrong with it, attributes that the dictionary does not know among it.
func ParseKeyTemplate(text string, d *radiusx.Dictionary) (KeyTemplate, error) {
	t := KeyTemplate{text: text}
	if !strings.Contains(text, "%") {
		part, err := attributePart(text, d)
		t.parts = []keyPart{part}
		return t, err
	}
	if err := t.parse(text, d); err != nil {
		return t, fmt.Errorf("invalid template %q: %w", text, err)
	}
	return t, nil
}

// ParseSubscriberKey reads the templates of a key. Nil is no key; an empty list, a
// template that is invalid and one that is there twice are faults, at its index.
func ParseSubscriberKey(texts []string, d *radiusx.Dictionary) (key SubscriberKey, faults, warnings quarantine.Faults) {
	if texts != nil && len(texts) == 0 {
		faults = append(faults, fault("", "must not be empty: records would name nobody"))
	}
	for i, text := range texts {
		path := fmt.Sprintf("[%d]", i)
		template, err := ParseKeyTemplate(text, d)
		if err != nil {
			faults = append(faults, quarantine.Fault{Path: path, Err: err})
			continue
		}
		if slices.Contains(texts[:i], text) {
			faults = append(faults, fault(path, "duplicate template %q", text))
		}
		for n := range key {
			if key[n].alike(&template) {
				warnings = append(warnings, fault(path, "%s and %s make the same keys of the same values, so one's line may be another's: "+
					"write text that distinguishes them, such as line:%%{…}", key[n], template))
			}
		}
		key = append(key, template)
	}
	return key, faults, warnings
}

func (t *KeyTemplate) parse(rest string, d *radiusx.Dictionary) error {
	for rest != "" {
		literal, after, found := strings.Cut(rest, "%")
		t.literal(literal)
		switch {
		case !found:
			rest = ""
		case strings.HasPrefix(after, "%"):
			t.literal("%")
			rest = after[1:]
		case strings.HasPrefix(after, "{"):
			name, behind, closed := strings.Cut(after[1:], "}")
			if !closed {
				return errors.New("%{ without }")
			}
			if err := t.attribute(name, d); err != nil {
				return err
			}
			rest = behind
		default:
			return errors.New("% must be followed by {Attribute} or by another %")
		}
	}
	if slices.ContainsFunc(t.parts, func(p keyPart) bool { return strings.Contains(p.literal, `\`) }) {
		return errors.New(`text must not hold a \, which begins an escape`)
	}
	if len(t.attributes()) == 0 {
		return errors.New("must name an attribute, or everybody is one subscriber")
	}
	return nil
}

func (t *KeyTemplate) literal(text string) {
	if text == "" {
		return
	}
	if n := len(t.parts); n > 0 && t.parts[n-1].attribute == "" {
		t.parts[n-1].literal += text
		return
	}
	t.parts = append(t.parts, keyPart{literal: text})
}

func (t *KeyTemplate) attribute(name string, d *radiusx.Dictionary) error {
	part, err := attributePart(name, d)
	if err != nil {
		return err
	}
	if n := len(t.parts); n > 0 && t.parts[n-1].attribute != "" {
		return fmt.Errorf("must have text between %s and %s: 1 and 11 would be the same as 11 and 1", t.parts[n-1].attribute,
			part.attribute)
	}
	t.parts = append(t.parts, part)
	return nil
}

func attributePart(name string, d *radiusx.Dictionary) (keyPart, error) {
	def, known := d.Lookup(name)
	if !known {
		return keyPart{}, fmt.Errorf("unknown attribute %q", name)
	}
	return keyPart{attribute: def.Name, octets: def.Type == radiusx.TypeOctets}, nil
}

// String returns the template as it was written.
func (t KeyTemplate) String() string { return t.text }

func (t *KeyTemplate) attributes() (names []string) {
	for _, p := range t.parts {
		if p.attribute != "" {
			names = append(names, p.attribute)
		}
	}
	return names
}

// isUserName reports whether the key is User-Name as it is.
func (t *KeyTemplate) isUserName() bool {
	return len(t.parts) == 1 && t.parts[0].attribute == userNameAttribute
}

const userNameAttribute = "User-Name"

// attributes lists what the templates read, each once.
func (k SubscriberKey) attributes() (names []string) {
	for i := range k {
		for _, name := range k[i].attributes() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// plain reports whether a subscriber's key is always the User-Name.
func (k SubscriberKey) plain() bool { return len(k) == 1 && k[0].isUserName() }

// equal reports whether two make the same key of any record.
func (k SubscriberKey) equal(other SubscriberKey) bool {
	return slices.EqualFunc(k, other, func(a, b KeyTemplate) bool { return slices.Equal(a.parts, b.parts) })
}

// keyValues returns the values that a record has of an attribute, in its text
// form.
type keyValues func(attribute string) []string

// Why a record names nobody, by no other template either.
var (
	errTwice = errors.New("two values of an attribute that names the subscriber")
	errLong  = errors.New("the subscriber's key is too long, and a part of it would be another's")
)

// rendering is what a template makes of a record. The zero rendering names nobody.
type rendering struct {
	template *KeyTemplate
	parts    []string // literal text and values, by the template's parts, as they are in the record
}

// String is the text as it is, octets that are no text among it; "" if it names
// nobody.
func (r *rendering) String() string { return strings.Join(r.parts, "") }

// of returns what the first template makes whose attributes are there, and which one
// it is; the zero rendering if the record names nobody.
func (k SubscriberKey) of(values keyValues) (made rendering, template int, err error) {
	for i := range k {
		made, err := k[i].of(values)
		switch {
		case err != nil:
			return rendering{}, i, err
		case len(made.String()) > quarantine.MaxSubscriberKey/4: // octets that are no text become four
			return rendering{}, i, errLong
		case made.parts != nil:
			return made, i, nil
		}
	}
	return rendering{}, len(k), nil
}

// of returns the zero rendering if an attribute is missing or empty.
func (t *KeyTemplate) of(values keyValues) (rendering, error) {
	parts := make([]string, len(t.parts))
	for i, p := range t.parts {
		if parts[i] = p.literal; p.attribute == "" {
			continue
		}
		reported := values(p.attribute)
		if len(reported) == 0 || reported[0] == "" {
			return rendering{}, nil
		}
		if slices.ContainsFunc(reported[1:], func(v string) bool { return v != reported[0] }) {
			return rendering{}, errTwice
		}
		parts[i] = p.readable(reported[0])
	}
	return rendering{t, parts}, nil
}

// readable writes octets that are printable ASCII as the text they are: a circuit
// is "eth 0/1" in accounting, where the dictionary has octets, and in other
// programs' tables. Text that begins like hexadecimal digits stays in them.
func (p *keyPart) readable(value string) string {
	digits, is := strings.CutPrefix(value, "0x")
	if !p.octets || !is {
		return value
	}
	octets, err := hex.DecodeString(digits)
	if err != nil || strings.HasPrefix(string(octets), "0x") ||
		slices.ContainsFunc(octets, func(b byte) bool { return b < ' ' || b > '~' }) {
		return value
	}
	return string(octets)
}

// nameSubscriber finds out whom the record is about: r.Subscriber becomes the text
// that names him, as it is.
func (a *Accounting) nameSubscriber(r *acct.Record, m *member) rendering {
	key := a.keyOf(m)
	if key == nil || key.plain() && r.Naming == nil {
		return userNamed(r.Subscriber) // the record says it, as acct.Config has it
	}
	made, _, err := key.of(a.fleet.valuesOf(r.UserName, r.Naming))
	r.Subscriber = made.String()
	if errors.Is(err, errTwice) && !r.Conflicts.Has(acct.ConflictingUserName|acct.ConflictingSubscriber) { // else counted before
		r.Conflicts |= acct.ConflictingSubscriber
		a.countFault(acct.TwoSubscriberKeys.String(), r)
	}
	return made
}

// userNameTemplate is the template of a key that is the User-Name.
var userNameTemplate = KeyTemplate{text: userNameAttribute, parts: []keyPart{{attribute: userNameAttribute}}}

// userNamed is what that template makes of a name.
func userNamed(name string) rendering {
	if name == "" {
		return rendering{}
	}
	return rendering{&userNameTemplate, []string{name}}
}

// fallsBack reports whether a record is not named by the first template, and may
// lack what its session's Start had: a session that is known keeps its name then
// (see [quarantine.SessionEvent.Fallback]).
func (a *Accounting) fallsBack(r *acct.Record, bng string) bool {
	key := a.keyOf(a.fleet.named[bng])
	if len(key) < 2 || r.Status == acct.Start || r.Subscriber == "" {
		return false
	}
	first, err := key[0].of(a.fleet.valuesOf(r.UserName, r.Naming))
	return err == nil && first.parts == nil
}

// valuesOf reads the attributes that a subscriber's key is made of; user is the
// User-Name where they have none. What a NAS calls itself is no value where it is no
// name of one NAS: two lines would have one key.
func (f *Fleet) valuesOf(user string, naming []radiusx.Attribute) keyValues {
	return func(attribute string) (values []string) {
		if f.vagueName(attribute, naming) {
			return nil
		}
		for _, a := range naming {
			if strings.EqualFold(a.Name, attribute) {
				values = append(values, a.Value)
			}
		}
		if values == nil && attribute == userNameAttribute {
			return []string{user}
		}
		return values
	}
}

// vagueName reports whether the attribute is a name of the NAS that does not
// distinguish it from others.
func (f *Fleet) vagueName(attribute string, reported []radiusx.Attribute) bool {
	value, _ := radiusx.Find(reported, attribute)
	switch attribute {
	case "NAS-Identifier":
		return f.shared[value]
	case "NAS-IP-Address", "NAS-IPv6-Address":
		return !distinctive(parseNAS(value))
	}
	return false
}

// NamingAttributes lists the attributes that subscriber keys are made of, of all
// BNGs and, for those without a key of their own, of common; none if that is
// User-Name alone.
func (f *Fleet) NamingAttributes(common SubscriberKey) []string {
	all := slices.Clone(common)
	for _, m := range f.bngs {
		all = append(all, m.SubscriberKey...)
	}
	names := all.attributes()
	if len(names) == 1 && names[0] == userNameAttribute {
		return nil
	}
	return names
}
