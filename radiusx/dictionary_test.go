package radiusx

import (
	"strings"
	"testing"
)

func TestTheBuiltInDictionaryLoads(t *testing.T) {
	defs, err := parseDictionary(builtinYAML)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(Builtin().Definitions()); got != len(defs) {
		t.Errorf("%d definitions after loading, the file has %d", got, len(defs))
	}
}

func TestLookupKnowsNamesAndTheFormsOfUnknownAttributes(t *testing.T) {
	tests := []struct {
		name string
		want Definition // Values aside
	}{
		{"User-Name", Definition{Name: "User-Name", Number: 1, Type: TypeString}},
		{"erx-service-activate", Definition{Name: "ERX-Service-Activate", Vendor: 4874, Number: 65, Type: TypeString, Tagged: true}},
		{"Attr-240", Definition{Name: "Attr-240", Number: 240, Type: TypeOctets}},
		{"Attr-1", Definition{Name: "Attr-1", Number: 1, Type: TypeOctets}},
		{"Attr-26.4874.65", Definition{Name: "Attr-26.4874.65", Vendor: 4874, Number: 65, Type: TypeOctets}},
		{"Vendor-4874-Attr-65", Definition{Name: "Attr-26.4874.65", Vendor: 4874, Number: 65, Type: TypeOctets}},
	}
	for _, test := range tests {
		got, ok := Builtin().Lookup(test.name)
		got.Values = nil
		if !ok || !sameDefinition(got, test.want) {
			t.Errorf("%s: got %+v, %v; want %+v", test.name, got, ok, test.want)
		}
	}
	for _, name := range []string{"", "User", "Attr-0", "Attr-256", "Attr-26.0.1", "Attr-26.9.0", "Attr-26.9", "Vendor-9-Attr-256",
		"Attr-26.4294967296.1"} {
		if def, ok := Builtin().Lookup(name); ok {
			t.Errorf("%q: got %+v, want nothing", name, def)
		}
	}
}

func sameDefinition(a, b Definition) bool {
	return a.Name == b.Name && a.Vendor == b.Vendor && a.Number == b.Number && a.Type == b.Type && a.Tagged == b.Tagged
}

func TestASiteDefinedAttributeComesOnTopAndLeavesTheBuiltInDictionaryAlone(t *testing.T) {
	with, err := Builtin().With(Definition{Name: "L4-Redirect", Number: 243, Type: TypeInteger})
	if err != nil {
		t.Fatal(err)
	}
	attrs, err := with.EncodeAll([]Attribute{{Name: "User-Name", Value: "a"}, {Name: "L4-Redirect", Value: "1"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := with.Input(with.Decode(attrs)); got != "User-Name = \"a\"\nL4-Redirect = 1\n" {
		t.Errorf("decoded as %q", got)
	}
	if got := Builtin().Decode(attrs)[1]; got.Name != "Attr-243" {
		t.Errorf("the built-in dictionary knows %v now", got)
	}
}

func TestADefinitionThatCouldPoseAsAnotherIsRefused(t *testing.T) {
	valid := Definition{Name: "Site-Flag", Number: 243, Type: TypeString}
	tests := []struct {
		name    string
		change  func(*Definition)
		problem string
	}{
		{"a number that is taken", func(d *Definition) { d.Number = 1 }, "is already User-Name"},
		{"a vendor's number that is taken", func(d *Definition) { d.Vendor, d.Number = 4874, 65 }, "is already ERX-Service-Activate"},
		{"a name that is taken", func(d *Definition) { d.Name = "user-name" }, "name is already attribute Attr-1"},
		{"the name of an unknown attribute", func(d *Definition) { d.Name = "Attr-243" }, "form of an unknown attribute"},
		{"a name that cannot be read", func(d *Definition) { d.Name = "a b" }, "want letters"},
		{"no number", func(d *Definition) { d.Number = 0 }, "number must be from 1 to 255"},
		{"Vendor-Specific itself", func(d *Definition) { d.Number = 26 }, "Vendor-Specific itself"},
		{"no type", func(d *Definition) { d.Type = 0 }, "no type"},
		{"a tag on an address", func(d *Definition) { d.Type, d.Tagged = TypeIPAddr, true }, "cannot carry a tag"},
		{"a length of a number", func(d *Definition) { d.Type, d.Length = TypeInteger, 4 }, "only octets have one"},
		{"a value name that is too large", func(d *Definition) { d.Type, d.Values = TypeByte, []Value{{"on", 256}} }, "too large for byte"},
		{"value names for text", func(d *Definition) { d.Values = []Value{{"on", 1}} }, "only integers"},
	}
	for _, test := range tests {
		def := valid
		test.change(&def)
		if _, err := Builtin().With(def); err == nil || !strings.Contains(err.Error(), test.problem) {
			t.Errorf("%s: got %v, want an error with %q", test.name, err, test.problem)
		}
	}
	_, err := Builtin().With(valid, Definition{Name: "Other", Number: 243, Type: TypeString}, Definition{Name: "Third", Type: TypeString})
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("two wrong definitions of three: got %v, want both faults", err)
	}
}

func TestAWrongDictionaryFileIsRefused(t *testing.T) {
	tests := []struct{ in, problem string }{
		{"- {source: x, atributes: {A: 1 string}}", "atributes"},
		{"- {source: x, attributes: {A: 1 text}}", "unknown type"},
		{"- {source: x, attributes: {A: 256 string}}", "must be from 1 to 255"},
		{"- {source: x, attributes: {A: string}}", "must be number, type"},
		{"- {source: x, attributes: {A: 1 string maybe}}", "must be number, type"},
		{"- {source: x, attributes: {A: 1 integer}, values: {B: {on: 1}}}", "not defined there"},
	}
	for _, test := range tests {
		if _, err := parseDictionary([]byte(test.in)); err == nil || !strings.Contains(err.Error(), test.problem) {
			t.Errorf("%s: got %v, want an error with %q", test.in, err, test.problem)
		}
	}
}
