package radiusx

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestASecretIsNeverPrinted(t *testing.T) {
	const canary = "canary-0123456789abcdef"
	s, err := NewSecret(canary)
	if err != nil {
		t.Fatal(err)
	}
	holder := struct {
		Name   string
		Secret Secret
	}{"bng1", s}
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	printed := []string{string(encoded), fmt.Sprint(holder)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed = append(printed, fmt.Sprintf(verb, s), fmt.Sprintf(verb, holder), fmt.Sprintf(verb, &holder))
	}
	for _, p := range printed {
		if strings.Contains(p, canary) || strings.Contains(p, fmt.Sprintf("%x", canary)) {
			t.Errorf("secret leaked in %q", p)
		}
		if !strings.Contains(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(p), masked) {
			t.Errorf("%q does not say that a secret is there", p)
		}
	}
}
