package dialect

import (
	"strings"
	"testing"
	"testing/fstest"

	"cordon/radiusx"
)

func TestWhatInterimsListNeedsASource(t *testing.T) {
	text, err := builtinFiles.ReadFile("filter-id.yaml")
	if err != nil {
		t.Fatal(err)
	}
	load := func(more string) (*Set, error) {
		return Load(fstest.MapFS{"filter-id.yaml": {Data: append(append([]byte(nil), text...), more...)}}, radiusx.Builtin())
	}
	for more, want := range map[string]string{
		"\ninterim_addresses: {list: all}\n":            "must have a source",
		"\ninterim_addresses: {list: most}\n":           "want some or all",
		"\ninterim_addresses: {source: \"a manual\"}\n": "list must be set",
		"\ninterim_addresses: all\n":                    "cannot construct",
	} {
		if _, err := load(more); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", more, err, want)
		}
	}
	set, err := load("\ninterim_addresses: {list: all, source: \"the maker's manual, p. 3\"}\n")
	if err != nil {
		t.Fatal(err)
	}
	d, _ := set.Get("filter-id")
	if !d.InterimAddresses.List.All() ||
		!strings.Contains(d.Text(), "interims list   all addresses that the session has (the maker's manual, p. 3)") {
		t.Errorf("%+v\n%s", d.InterimAddresses, d.Text())
	}
	if d, _ := Builtin().Get("filter-id"); d.InterimAddresses.List.All() {
		t.Error("a dialect that says nothing is taken to list all")
	}
}
