package bindings

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"cordon/integration/httpx"
	"cordon/quarantine"
)

type noRecorder struct{}

func (noRecorder) RecordBindings(_ context.Context, b []quarantine.Binding) []error {
	return make([]error, len(b))
}

func TestABodyOfNothingCostsLittleMemory(t *testing.T) {
	s, err := httpx.New(httpx.Config{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Config{Recorder: noRecorder{}, History: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	e.Mount(s)
	keys := []byte("{")
	for n := 0; len(keys) < MaxBody-32; n++ {
		keys = fmt.Appendf(keys, `"%x":0,`, n)
	}
	for name, c := range map[string]struct {
		body []byte
		code int
	}{
		"line breaks": {append(append([]byte("{"), bytes.Repeat([]byte("\n"), MaxBody-2)...), '}'), 413},
		"short lines": {bytes.Repeat([]byte("0\n"), MaxBody/2), 413},
		"one line":    {append(keys, `"z":0}`...), 200},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := httptest.NewRequest("POST", "http://localhost/api/v1/bindings", bytes.NewReader(c.body))
		r.Header.Set("Content-Type", "application/x-ndjson")
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		runtime.ReadMemStats(&after)
		if w.Code != c.code {
			t.Errorf("%s: %d %.200s", name, w.Code, w.Body)
		}
		// The body itself is read into a buffer that grows: some three times its size, and
		// more with the race detector. Split first, line breaks cost 28 times theirs.
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 16*MaxBody {
			t.Errorf("%s: a body of %d octets cost %d MiB", name, len(c.body), spent>>20)
		}
	}
}
