package dialect

import "testing"

// An operator's own dialect may leave it open; those that come with the program
// say what they want at log-in, or why nothing.
func TestEveryFormSaysWhatItWantsAtLogIn(t *testing.T) {
	for _, name := range Builtin().Names() {
		for form, f := range get(t, name).Forms() {
			if f.Login == nil {
				t.Errorf("%s, %s: not a word about log-ins", name, form)
			}
		}
	}
}

func TestALogInNeedsTheSameNamesAndOptionsAsACoA(t *testing.T) {
	for _, test := range []struct {
		about, dialect string
		profile        Profile
	}{
		{"no name", "junos", Profile{"", Overlay}},
		{"a filter without a number", "nokia-sros", Profile{"garden", Overlay}},
		{"the normal profile for a restriction", "filter-id", Profile{"internet", "internet"}},
		{"a form that the platform does not have", "filter-id", Profile{"garden", Overlay}},
		{"a platform that only disconnects", "hostapd", Profile{"garden", "normal"}},
		{"a value longer than an attribute", "filter-id", Profile{string(make([]byte, 300)), "internet"}},
	} {
		if changes, err := get(t, test.dialect).Login(Request{Profile: test.profile}); err == nil {
			t.Errorf("%s: got %v, want a refusal", test.about, changes)
		}
	}
}
