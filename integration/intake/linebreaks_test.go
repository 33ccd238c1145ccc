package intake

import (
	"bytes"
	"errors"
	"runtime"
	"testing"
)

func TestEmptyLinesCostNoMemory(t *testing.T) {
	body := append(append([]byte(`{"a":1}`), bytes.Repeat([]byte("\n"), MaxBody-16)...), "{}"...)
	for _, media := range []string{ndjson, "application/json"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		items, _, err := decodeBody(media, body)
		runtime.ReadMemStats(&after)
		if err != nil || len(items) != 2 {
			t.Errorf("%s: %d items, %v", media, len(items), err)
		}
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 4*MaxBody {
			t.Errorf("%s: %d octets of line breaks cost %d MiB", media, len(body), spent>>20)
		}
	}
}

func TestAnArrayOfFarTooManyCostsNoMemory(t *testing.T) {
	body := append(append([]byte("[0"), bytes.Repeat([]byte(",0"), MaxBody/2-8)...), ']')
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := decodeBody("application/json", body)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, errTooMany) {
		t.Errorf("%v", err)
	}
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 4*MaxBody {
		t.Errorf("%d octets cost %d MiB", len(body), spent>>20)
	}
}
