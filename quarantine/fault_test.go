package quarantine

import (
	"errors"
	"testing"
)

func TestFaultsCarryThePathFromTheValueThatHoldsThem(t *testing.T) {
	cause := errors.New("must be greater than 0")
	for _, c := range []struct{ outer, inner, want string }{
		{"policy", "rules[2].for", "policy.rules[2].for"},
		{"exemptions", "[1].reason", "exemptions[1].reason"},
		{"rules[0]", "", "rules[0]"},
		{"", "rules[0]", "rules[0]"},
		{"", "", ""},
	} {
		under := Faults{{c.inner, cause}}.Under(c.outer)
		if under[0].Path != c.want || !errors.Is(under[0], cause) {
			t.Errorf("%q under %q is at %q, want %q", c.inner, c.outer, under[0].Path, c.want)
		}
	}
	if got := (Faults{{"for", cause}}).Under("rules[%d]", 3)[0].Error(); got != "rules[3].for: must be greater than 0" {
		t.Errorf("fault reads %q", got)
	}
}

func TestAKeyThatLooksLikeAPathIsOneStep(t *testing.T) {
	for key, want := range map[string]string{
		"garden": "profiles.garden", "walled.garden": `profiles["walled.garden"]`, "a[0]": `profiles["a[0]"]`, `"`: `profiles["\""]`,
	} {
		if got := PathTo("profiles", key); got != want {
			t.Errorf("%s is at %s, want %s", key, got, want)
		}
	}
}

func TestNoFaultsAreNoError(t *testing.T) {
	if err := (Faults{}).Err(); err != nil {
		t.Errorf("error %v of a valid value", err)
	}
	if err := (Faults{{"a", errors.New("must be set")}, {"", errors.New("unknown b")}}).Err(); err == nil ||
		err.Error() != "a: must be set\nunknown b" {
		t.Errorf("error %v", err)
	}
}
