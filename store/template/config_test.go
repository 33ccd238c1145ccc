package template

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestEveryFaultOfATemplateIsNamedAtItsPlace(t *testing.T) {
	for _, c := range []struct {
		name string
		form Template
		want string // place: part of the message
	}{
		{"nothing", Template{}, "by_subscriber: must be set"},
		{"an unknown placeholder", Template{BySubscriber: Lookup{Key: "u:{user}", Value: "{session}"}},
			"by_subscriber key: unknown placeholder {user}: must be one of {subscriber}"},
		{"a placeholder of another look-up", Template{BySubscriber: Lookup{Key: "u:{address}", Value: "{session}"}},
			"by_subscriber key: unknown placeholder {address}"},
		{"a lone brace", Template{BySubscriber: Lookup{Key: "u:{subscriber", Value: "{session}"}}, "by_subscriber key: unbalanced brace"},
		{"no placeholder", Template{BySubscriber: Lookup{Key: "users", Value: "{session}"}}, "by_subscriber key: must have a placeholder"},
		{"side by side", Template{BySubscriber: Lookup{Key: "{subscriber}", Value: "{nas_ip}{session}"}},
			"by_subscriber value: must have placeholders, with"},
		{"an unknown type", Template{BySubscriber: Lookup{Key: "{subscriber}", Type: "zset", Value: "{session}"}},
			"by_subscriber type: must be string"},
		{"a hash with a value", Template{BySubscriber: Lookup{Key: "{subscriber}", Type: Hash, Value: "{session}",
			Fields: map[string]string{"session": "x"}}}, "by_subscriber value: must be left out for a hash"},
		{"a hash without fields", Template{BySubscriber: Lookup{Key: "{subscriber}", Type: Hash}}, "by_subscriber fields: must be set"},
		{"an unknown field", Template{BySubscriber: Lookup{Key: "{subscriber}", Fields: map[string]string{"mac": "x"}}},
			`by_subscriber fields mac: unknown field "mac"`},
		{"a dead end", Template{BySubscriber: Lookup{Key: "{subscriber}", Value: "{session}"}},
			"by_subscriber: must lead to another look-up or be a session's record: bng or nas_ip"},
		{"no time", Template{BySubscriber: Lookup{Key: "{subscriber}", Value: "{session},{nas_ip}"}},
			"by_subscriber: must lead to another look-up or be a session's record: started or updated"},
		{"no address of its own", Template{
			BySubscriber: Lookup{Key: "{subscriber}", Value: "{session},{nas_ip},{updated}"},
			ByAddress:    Lookup{Key: "{address}", Value: "{subscriber}"},
		}, "by_address: leads to records without an address"},
		{"prefixes without lengths", Template{BySubscriber: rediswho.BySubscriber,
			ByPrefix: Lookup{Key: "{prefix}", Value: "{subscriber}"}}, "prefix_lengths: must be set with by_prefix"},
		{"a length that is none", Template{BySubscriber: rediswho.BySubscriber, PrefixLengths: []int{129}}, "prefix_lengths 0: must be from"},
		{"an unknown format", Template{BySubscriber: rediswho.BySubscriber, TimeFormat: "epoch"}, "time_format: must be unix"},
	} {
		var items []string
		for _, f := range c.form.Check() {
			items = append(items, strings.Trim(fmt.Sprint(f.At), "[]")+": "+f.Message)
		}
		if !slices.ContainsFunc(items, func(s string) bool { return strings.HasPrefix(s, c.want) }) {
			t.Errorf("%s: %q, want %q", c.name, items, c.want)
		}
	}
	if faults := rediswho.Check(); len(faults) > 0 {
		t.Errorf("rediswho: %v", faults)
	}
}

func TestAPatternTakesApartWhatItPutsTogether(t *testing.T) {
	p, err := parsePattern("{{x}}/{nas_ip}:{session};", sessionKeyNames)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := p.expand(map[string]string{"nas_ip": "192.0.2.1", "session": "a:1;"})
	if !ok || text != "{x}/192.0.2.1:a:1;;" {
		t.Fatalf("%q %v", text, ok)
	}
	if values, ok := p.match(text); !ok || values["nas_ip"] != "192.0.2.1" || values["session"] != "a:1;" {
		t.Errorf("%v %v", values, ok)
	}
	if _, ok := p.expand(map[string]string{"nas_ip": "192.0.2.1"}); ok {
		t.Error("a key without the session was made")
	}
	for _, other := range []string{"", "{x}/", "{x}/192.0.2.1;", "{x}/192.0.2.1:a", "x"} {
		if values, ok := p.match(other); ok {
			t.Errorf("%q matched: %v", other, values)
		}
	}
}
