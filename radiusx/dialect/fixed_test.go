package dialect

import (
	"errors"
	"testing"

	"cordon/radiusx"
)

// What is fixed and addressed later is what would be sent at once.
func TestFixedRequestsAreTheSameOctets(t *testing.T) {
	for name, of := range transcripts {
		for _, p := range of {
			d := get(t, name)
			r := Request{Action: Restore, Session: alice(), Profile: p.from, Options: siteOptions[name]}
			fixed, err := d.Fix(Request{Action: Restore, Profile: p.from, Options: siteOptions[name]}) // of no session yet
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			steps, err := d.Steps(r)
			if err != nil || len(steps) != len(fixed) {
				t.Fatalf("%s: %v, %d steps, %d fixed", name, err, len(steps), len(fixed))
			}
			dictionary, err := d.Dictionary(siteOptions[name])
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range fixed {
				step, err := d.Address(f, alice())
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				got := dictionary.Input(append(step.Attributes, dictionary.Decode(step.Encoded)...))
				if want := dictionary.Input(steps[i].Attributes); got != want || step.NAKsIfDone != steps[i].NAKsIfDone ||
					step.Code != steps[i].Code {
					t.Errorf("%s: fixed\n%s\nat once\n%s", name, got, want)
				}
				if _, err := d.Address(f, []radiusx.Attribute{{Name: "Calling-Station-Id", Value: "x"}}); !errors.Is(err,
					ErrIdentifierMissing) {
					t.Errorf("%s: addressed to nobody: %v", name, err)
				}
			}
		}
	}
}

func TestASetOfOurOwnIsNamedInBothDirectionsOrInNone(t *testing.T) {
	d := get(t, "accel-ppp")
	for _, options := range []map[string]string{{"l4_redirect_number": "243"}, {"l4_redirect_number": "243", "ipset": "cordon"}} {
		for _, r := range []Request{
			{Action: Restrict, Profile: Profile{"1", Overlay}}, {Action: Restore, Profile: Profile{"1", Overlay}},
			{Action: Change, From: Profile{"1", Overlay}, Profile: Profile{"2", Overlay}},
		} {
			r.Session, r.Options = alice(), options
			steps, err := d.Steps(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range steps {
				for s := &step; s != nil; s = s.Undo {
					if set, _ := radiusx.Find(s.Attributes, "L4-Redirect-ipset"); set != options["ipset"] {
						t.Errorf("%v: %v names the set %q, want %q", r.Action, s.Attributes, set, options["ipset"])
					}
				}
			}
		}
	}
	if _, err := d.Dictionary(map[string]string{"l4_redirect_number": "244"}); err != nil {
		t.Errorf("the set's number is taken though there is no set: %v", err)
	}
}
