package dialect

import (
	"errors"
	"slices"
	"testing"

	"layeh.com/radius"

	"cordon/radiusx"
)

func TestAProbeNamesTheSessionAndChangesNothing(t *testing.T) {
	queries := map[string]string{
		"cisco-isg":  `Cisco-AVPair = "subscriber:command=account-status-query"`,
		"nokia-sros": `Alc-Trigger-Acct-Interim = "cordon"`,
	}
	for _, name := range Builtin().Names() {
		d, _ := Builtin().Get(name)
		step, err := d.Probe(Request{Session: d.exampleSession()})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if step.Code != radius.CodeCoARequest || step.Undo != nil {
			t.Errorf("%s: %+v is no plain CoA-Request", name, step)
		}
		identifiers := slices.Concat(nasAttributes, d.Identifiers.Must, d.Identifiers.IfKnown)
		var more []string
		for _, a := range step.Attributes {
			if !slices.Contains(identifiers, a.Name) {
				more = append(more, radiusx.Builtin().Format(a))
			}
		}
		if want := slices.DeleteFunc([]string{queries[name]}, func(s string) bool { return s == "" }); !slices.Equal(more, want) {
			t.Errorf("%s: beside identifiers it sends %q, want %q", name, more, want)
		}
		for _, must := range d.Identifiers.Must {
			without := slices.DeleteFunc(d.exampleSession(), func(a radiusx.Attribute) bool { return a.Name == must })
			if step, err := d.Probe(Request{Session: without}); !errors.Is(err, ErrIdentifierMissing) {
				t.Errorf("%s without %s: got %v, %v", name, must, step, err)
			}
		}
	}
}
