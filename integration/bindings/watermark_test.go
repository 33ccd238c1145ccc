package bindings

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"cordon/integration/wire"
)

func TestALogsProgressIsItsNewestTime(t *testing.T) {
	line := func(fields string) string {
		return `{"ip":"203.0.113.5","ports":"1024-2047","subscriber":"x",` + fields + `}`
	}
	for name, c := range map[string]struct {
		body string
		want time.Time // zero: nothing is noted
	}{
		"a block that is given":  {line(`"from":"2026-03-01T11:00:00Z"`), noon.Add(-time.Hour)},
		"one that is given back": {line(`"from":"2026-03-01T11:00:00Z","to":"2026-03-01T11:50:00Z"`), noon.Add(-10 * time.Minute)},
		"one that is renewed":    {line(`"from":"2026-03-01T11:00:00Z","renewed_at":"2026-03-01T11:55:00Z"`), noon.Add(-5 * time.Minute)},
		"a heartbeat":            {`{"complete_to":"2026-03-01T11:59:00Z"}`, noon.Add(-time.Minute)},
		"the newest of several": {`{"complete_to":"2026-03-01T11:59:00Z"}` + "\n" + line(`"from":"2026-03-01T11:00:00Z"`),
			noon.Add(-time.Minute)},
		"a clock that is ahead":   {`{"complete_to":"2026-03-01T12:00:02Z"}`, noon},
		"a line that is no good":  {line(`"from":"2026-03-01"`), time.Time{}},
		"no good but for another": {line(`"from":"2026-03-01"`) + "\n" + line(`"from":"2026-03-01T11:00:00Z"`), noon.Add(-time.Hour)},
	} {
		s := &shelf{}
		if w := push(t, s, c.body); w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", name, w.Code, w.Body)
		}
		switch {
		case c.want.IsZero() && len(s.heard) > 0, !c.want.IsZero() && len(s.heard) != 1:
			t.Errorf("%s: noted %+v", name, s.heard)
		case len(s.heard) == 1 && (s.heard[0].Source != "log:operator" || !s.heard[0].Reported.Equal(c.want) || !s.heard[0].Last.Equal(noon)):
			t.Errorf("%s: noted %+v, want %s", name, s.heard[0], c.want)
		}
	}
}

func TestALogThatCouldNotBeStoredHasNotComeFurther(t *testing.T) {
	s := &shelf{err: errors.New("away")}
	if w := push(t, s, `{"complete_to":"2026-03-01T11:59:00Z"}`+"\n"+good); w.Code == http.StatusOK {
		t.Errorf("nothing was stored: %d %s", w.Code, w.Body)
	}
	if len(s.heard) > 0 {
		t.Errorf("noted %+v", s.heard)
	}
}

func TestAHeartbeatCountsAsTaken(t *testing.T) {
	w := push(t, &shelf{}, "\n"+`{"complete_to":"2026-03-01T11:59:00Z"}`+"\n\n"+`{"complete_to":"x"}`+"\n"+good)
	var recorded struct {
		Stored, Failed int
		Errors         []wire.LineFault
	}
	if err := json.Unmarshal(w.Body.Bytes(), &recorded); err != nil || recorded.Stored != 2 || recorded.Failed != 1 || recorded.Errors[0].Line != 4 {
		t.Errorf("%v %s", err, w.Body)
	}
}

func TestABodyOfLineBreaksIsRefusedBeforeAnythingIsMadeOfThem(t *testing.T) {
	for name, body := range map[string]string{
		"between": "{" + string(bytes.Repeat([]byte("\n"), MaxBody-2)) + "}",
		"before":  string(bytes.Repeat([]byte("\n"), MaxBody-2)) + "{}",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w := push(t, &shelf{}, body)
		runtime.ReadMemStats(&after)
		if w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 16*MaxBody { // reading the body is most of it; split, it was 112 MiB
			t.Errorf("%s: a body of %d octets cost %d MiB", name, MaxBody, spent>>20)
		}
	}
	w := push(t, &shelf{}, strings.Repeat(good+"\n", MaxLines))
	if w.Code != http.StatusOK {
		t.Errorf("%d lines with a line break at the end: %d %.200s", MaxLines, w.Code, w.Body)
	}
}
