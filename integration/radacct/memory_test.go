package radacct

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

func TestARowOfFarTooManyColumnsCostsLittleMemory(t *testing.T) {
	keys := []byte("{")
	for n := 0; len(keys) < MaxBody-32; n++ {
		keys = fmt.Appendf(keys, `"%x":0,`, n)
	}
	for contentType, body := range map[string][]byte{
		"application/x-ndjson": append(keys, `"z":0}`...),
		"text/csv":             append([]byte("acctsessionid"), bytes.Repeat([]byte(",a"), MaxBody/2-16)...),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := (&reader{}).decode(contentType, body)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "line 1 is longer than") {
			t.Errorf("%s: %v", contentType, err)
		}
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 2*MaxBody {
			t.Errorf("%s: %d octets cost %d MiB", contentType, len(body), spent>>20)
		}
	}
}
