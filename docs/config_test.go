package docs_test

import (
	"encoding"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cordon/cmd/cordon/app"
)

var unmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// configKeys lists the keys of the configuration: groups as redis.addrs, lists
// as bngs[].name, maps with names of their own as bngs[].profiles.*.normal. A
// group itself is not a key, a list and a map are.
func configKeys(t reflect.Type, prefix string) []string {
	var keys []string
	for field := range t.Fields() {
		name, option, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if option == "inline" {
			keys = append(keys, configKeys(field.Type, prefix)...)
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		keys = append(keys, keysOf(field.Type, prefix+name)...)
	}
	return keys
}

func keysOf(t reflect.Type, name string) []string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	below := func(joint string) []string {
		inner := t.Elem()
		if inner.Kind() != reflect.Struct || reflect.PointerTo(inner).Implements(unmarshaler) {
			return []string{name}
		}
		return append([]string{name}, configKeys(inner, name+joint)...)
	}
	switch {
	case reflect.PointerTo(t).Implements(unmarshaler):
		return []string{name}
	case t.Kind() == reflect.Struct:
		return configKeys(t, name+".")
	case t.Kind() == reflect.Slice:
		return below("[].")
	case t.Kind() == reflect.Map:
		return below(".*.")
	}
	return []string{name}
}

// undocumented compares the keys with the first cells of the manual's tables of
// keys: which are missing there, and which are there and do not exist.
func undocumented(manual string, keys []string) (missing, unknown []string) {
	_, part, _ := strings.Cut(manual, "\n## Configuration reference\n")
	part, _, _ = strings.Cut(part, "\n## ")
	var named []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(part, -1) {
		named = append(named, m[1])
	}
	for _, key := range keys {
		leads := slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(k, key+"[].") })
		if !slices.Contains(named, key) && !leads {
			missing = append(missing, key)
		}
	}
	for _, key := range named {
		if !slices.Contains(keys, key) {
			unknown = append(unknown, key)
		}
	}
	return missing, unknown
}

func TestTheManualExplainsEveryKeyOfTheConfiguration(t *testing.T) {
	keys := configKeys(reflect.TypeFor[app.Config](), "")
	if len(keys) < 60 || !slices.Contains(keys, "bngs[].profiles.*.normal") || !slices.Contains(keys, "policy.rules[].threshold.within") {
		t.Fatalf("the keys are not found as they should be: %q", keys)
	}
	manual := readPage(t, "operators-manual.md")
	missing, unknown := undocumented(manual, keys)
	for _, key := range missing {
		t.Errorf("operators-manual.md does not explain %s", key)
	}
	for _, key := range unknown {
		t.Errorf("operators-manual.md explains %s, which does not exist", key)
	}
	missing, unknown = undocumented(strings.Replace(manual, "| `redis.db` |", "| `redis.base` |", 1), keys)
	if !slices.Equal(missing, []string{"redis.db"}) || !slices.Equal(unknown, []string{"redis.base"}) {
		t.Errorf("the check does not bite: missing %q, unknown %q", missing, unknown)
	}
}
