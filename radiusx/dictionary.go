package radiusx

import (
	_ "embed" // dictionary.yaml
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	yaml "go.yaml.in/yaml/v4"
)

// vendorSpecific is the attribute that wraps vendors' attributes (RFC 2865 section 5.26).
const vendorSpecific = 26

//go:embed dictionary.yaml
var builtinYAML []byte

// Dictionary knows attributes by name and by number. It never changes after
// it was made, so that any number of goroutines may use it.
type Dictionary struct {
	parent   *Dictionary // asked when this one does not know; nil for the built-in one
	byName   map[string]*Definition
	byNumber map[wireKey]*Definition
}

// wireKey is what an attribute is called on the wire.
type wireKey struct {
	vendor uint32
	number uint8
}

// Builtin returns the dictionary that comes with the program: the attributes
// Cordon uses, under FreeRADIUS' names. It is made once and shared.
func Builtin() *Dictionary { return builtin() }

var builtin = sync.OnceValue(func() *Dictionary {
	defs, err := parseDictionary(builtinYAML)
	if err != nil {
		panic("radiusx: built-in dictionary: " + err.Error()) // a test loads it
	}
	d, err := (*Dictionary)(nil).With(defs...)
	if err != nil {
		panic("radiusx: built-in dictionary: " + err.Error())
	}
	return d
})

// With returns a dictionary that knows defs too; d itself does not change.
// Site-defined attributes come in this way, such as accel-ppp's L4-Redirect.
// Every definition is checked and all faults are returned at once: a name or
// number that is already taken (which would let a site-defined flag pose as
// User-Name), a name no parser reads, a tag on a type that has none.
func (d *Dictionary) With(defs ...Definition) (*Dictionary, error) {
	with := &Dictionary{
		parent:   d,
		byName:   make(map[string]*Definition, len(defs)),
		byNumber: make(map[wireKey]*Definition, len(defs)),
	}
	var faults []error
	for _, def := range defs {
		if err := with.add(def); err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return with, nil
}

var (
	namePattern    = regexp.MustCompile(`^[0-9]*[A-Za-z][A-Za-z0-9_./-]*$`)
	unknownPattern = regexp.MustCompile(`^(?i:attr-[0-9.]+|vendor-[0-9]+-attr-[0-9]+)$`)
)

// add checks def and enters a copy of it.
func (d *Dictionary) add(def Definition) error {
	key := wireKey{def.Vendor, def.Number}
	if err := def.check(); err != nil {
		return err
	}
	if taken, ok := d.Lookup(def.Name); ok {
		return fmt.Errorf("%s: name is already attribute %s", def.Name, unknownName(taken.Vendor, taken.Number))
	}
	if taken := d.lookupNumber(key); taken != nil {
		return fmt.Errorf("%s: %s is already %s", def.Name, unknownName(def.Vendor, def.Number), taken.Name)
	}
	d.enter(def)
	return nil
}

// enter makes a copy of def known under its name, and as what its number means.
func (d *Dictionary) enter(def Definition) {
	def.Values = slices.Clone(def.Values)
	d.byName[strings.ToLower(def.Name)] = &def
	d.byNumber[wireKey{def.Vendor, def.Number}] = &def
}

// check says what is wrong with the definition by itself.
func (d *Definition) check() error {
	switch {
	case !namePattern.MatchString(d.Name) || unknownPattern.MatchString(d.Name):
		return fmt.Errorf("attribute name %q: want letters, digits and -_./, not the form of an unknown attribute", d.Name)
	case d.Number == 0:
		return fmt.Errorf("%s: number must be from 1 to 255", d.Name)
	case d.Vendor == 0 && d.Number == vendorSpecific:
		return fmt.Errorf("%s: number %d is Vendor-Specific itself", d.Name, vendorSpecific)
	case d.Type < TypeOctets || d.Type > TypeSigned:
		return fmt.Errorf("%s: no type", d.Name)
	case d.Tagged && d.Type != TypeString && d.Type != TypeInteger:
		return fmt.Errorf("%s: %s cannot carry a tag (RFC 2868)", d.Name, d.Type)
	case len(d.Values) > 0 && !d.Type.named():
		return fmt.Errorf("%s: only integers have named values", d.Name)
	case slices.ContainsFunc(d.Values, func(v Value) bool { return uint64(v.Number)>>d.Type.bits() > 0 }):
		return fmt.Errorf("%s: a named value is too large for %s", d.Name, d.Type)
	case d.Length != 0 && (d.Type != TypeOctets || d.Length < 0 || d.Length > MaxValueLength):
		return fmt.Errorf("%s: length %d: only octets have one, of 1..%d", d.Name, d.Length, MaxValueLength)
	}
	return nil
}

// Lookup returns the definition called name; case does not matter. The forms of
// unknown attributes (`Attr-240`, `Attr-26.4874.65`, `Vendor-4874-Attr-65`)
// are found too, always as octets.
func (d *Dictionary) Lookup(name string) (Definition, bool) {
	def, ok := d.lookup(name)
	if !ok {
		return Definition{}, false
	}
	return *def, true
}

func (d *Dictionary) lookup(name string) (*Definition, bool) {
	lower := strings.ToLower(name)
	for at := d; at != nil; at = at.parent {
		if def, ok := at.byName[lower]; ok {
			return def, true
		}
	}
	key, ok := parseUnknownName(lower)
	if !ok {
		return nil, false
	}
	return &Definition{Name: unknownName(key.vendor, key.number), Vendor: key.vendor, Number: key.number, Type: TypeOctets}, true
}

func (d *Dictionary) lookupNumber(key wireKey) *Definition {
	for at := d; at != nil; at = at.parent {
		if def, ok := at.byNumber[key]; ok {
			return def
		}
	}
	return nil
}

// Definitions returns all definitions, by vendor and number.
func (d *Dictionary) Definitions() []Definition {
	var defs []Definition
	for at := d; at != nil; at = at.parent {
		for _, def := range at.byNumber {
			defs = append(defs, *def)
		}
	}
	slices.SortFunc(defs, func(a, b Definition) int {
		if a.Vendor != b.Vendor {
			return int(int64(a.Vendor) - int64(b.Vendor))
		}
		return int(a.Number) - int(b.Number)
	})
	return defs
}

// unknownName is FreeRADIUS 3's name of an attribute that no dictionary names.
func unknownName(vendor uint32, number uint8) string {
	if vendor == 0 {
		return fmt.Sprintf("Attr-%d", number)
	}
	return fmt.Sprintf("Attr-%d.%d.%d", vendorSpecific, vendor, number)
}

// parseUnknownName reads the names that unknownName writes, and FreeRADIUS 2's
// form of the second. lower is in lower case.
func parseUnknownName(lower string) (wireKey, bool) {
	if rest, ok := strings.CutPrefix(lower, "vendor-"); ok {
		vendor, number, found := strings.Cut(rest, "-attr-")
		return wireKeyOf(vendor, number, found)
	}
	rest, ok := strings.CutPrefix(lower, "attr-")
	if !ok {
		return wireKey{}, false
	}
	if inner, ok := strings.CutPrefix(rest, "26."); ok {
		vendor, number, found := strings.Cut(inner, ".")
		return wireKeyOf(vendor, number, found)
	}
	n, err := strconv.ParseUint(rest, 10, 8)
	return wireKey{number: uint8(n)}, err == nil && n > 0
}

func wireKeyOf(vendor, number string, found bool) (wireKey, bool) {
	v, err1 := strconv.ParseUint(vendor, 10, 32)
	n, err2 := strconv.ParseUint(number, 10, 8)
	return wireKey{uint32(v), uint8(n)}, found && err1 == nil && err2 == nil && v > 0 && n > 0
}

// dictionaryGroup is one entry of dictionary.yaml.
type dictionaryGroup struct {
	Source     string                       `yaml:"source"`     // the document that defines the attributes
	Vendor     uint32                       `yaml:"vendor"`     // 0 = standard
	Attributes map[string]string            `yaml:"attributes"` // name: number type [tagged]
	Values     map[string]map[string]uint32 `yaml:"values"`     // attribute: {value name: number}
}

// parseDictionary reads dictionary.yaml's form. All faults are returned at once.
func parseDictionary(data []byte) ([]Definition, error) {
	var groups []dictionaryGroup
	if err := yaml.Load(data, &groups, yaml.WithKnownFields()); err != nil {
		return nil, err
	}
	var defs []Definition
	var faults []error
	for _, g := range groups {
		d, err := g.definitions()
		defs = append(defs, d...)
		faults = append(faults, err)
	}
	return defs, errors.Join(faults...)
}

func (g dictionaryGroup) definitions() ([]Definition, error) {
	var defs []Definition
	var faults []error
	for name, line := range g.Attributes {
		def, err := parseDefinition(name, g.Vendor, line)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		for value, number := range g.Values[name] {
			def.Values = append(def.Values, Value{value, number})
		}
		slices.SortFunc(def.Values, func(a, b Value) int { return int(int64(a.Number) - int64(b.Number)) })
		defs = append(defs, def)
	}
	for name := range g.Values {
		if _, ok := g.Attributes[name]; !ok {
			faults = append(faults, fmt.Errorf("%s: values of %s, which is not defined there", g.Source, name))
		}
	}
	return defs, errors.Join(faults...)
}

// parseDefinition reads "65 string tagged".
func parseDefinition(name string, vendor uint32, line string) (Definition, error) {
	words := strings.Fields(line)
	if len(words) < 2 || len(words) > 3 || len(words) == 3 && words[2] != "tagged" {
		return Definition{}, fmt.Errorf("%s: invalid definition %q: must be number, type and perhaps the word tagged", name, line)
	}
	number, err := strconv.ParseUint(words[0], 10, 8)
	if err != nil {
		return Definition{}, fmt.Errorf("%s: number %q must be from 1 to 255", name, words[0])
	}
	t, ok := ParseType(words[1])
	if !ok {
		return Definition{}, fmt.Errorf("%s: unknown type %q", name, words[1])
	}
	return Definition{Name: name, Vendor: vendor, Number: uint8(number), Type: t, Tagged: len(words) == 3}, nil
}
