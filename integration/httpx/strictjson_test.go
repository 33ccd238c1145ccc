package httpx

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestJSONThatReadersUnderstandDifferentlyIsRefused(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for body, fault := range map[string]string{
		`{"a":1,"b":{"a":2}}`: "",
		`[{"a":1},{"a":1}]`:   "",
		`"x"`:                 "",
		nested(16):            "",
		nested(17):            "deeper",
		`{"a":1,"a":2}`:       "twice",
		`{"a":1,"\u0061":2}`:  "twice",
		`{"x":{"a":1,"a":2}}`: "twice",
		`{} {}`:               "something after",
		`{}x`:                 "something after",
		`{"a":`:               "ends too early",
		``:                    "ends too early",
		`{"a" 1}`:             "not JSON",
		`[1 2]`:               "not JSON",
		`{1:2}`:               "not JSON",
		"\"\xff\"":            "UTF-8",
	} {
		err := CheckJSON([]byte(body))
		if (err == nil) != (fault == "") || (err != nil && !strings.Contains(err.Error(), fault)) {
			t.Errorf("%.40q: %v, want %q", body, err, fault)
		}
	}
}

func FuzzCheckedJSONIsJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2,{"b":null}]}`, `[`, `{"a":1,"a":2}`, `1 2`, "\xff", `{"a":1,}`, `tru`, ` "\ud800" `} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if CheckJSON(data) == nil && !json.Valid(data) {
			t.Errorf("%q passes and is not JSON", data)
		}
	})
}
