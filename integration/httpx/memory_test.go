package httpx

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

func TestAValueOfMillionsOfPartsCostsLittleMemory(t *testing.T) {
	const size = 4 << 20
	keys := []byte("{")
	for n := 0; len(keys) < size; n++ {
		keys = fmt.Appendf(keys, `"%x":0,`, n)
	}
	keys = append(keys, `"z":0}`...)
	for name, body := range map[string][]byte{
		"members":  keys,
		"elements": append(append([]byte(`{"a":[0`), bytes.Repeat([]byte(",0"), size/2)...), "]}"...),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := CheckJSON(body)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "more than") {
			t.Errorf("%s: %v", name, err)
		}
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 2*size {
			t.Errorf("%s: a body of %d octets cost %d MiB", name, len(body), spent>>20)
		}
	}
	if err := CheckJSON([]byte("[" + strings.Repeat("0,", maxValues-2) + "0]")); err != nil {
		t.Errorf("%d values: %v", maxValues, err)
	}
}
