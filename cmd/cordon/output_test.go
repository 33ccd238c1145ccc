package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/integration/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

// output runs one command line against a stub at the moment born.
func output(t *testing.T, args ...string) string {
	t.Helper()
	server := httptest.NewServer(newStub())
	defer server.Close()
	var out, errs bytes.Buffer
	sh := &shell{out: &out, err: &errs, getenv: func(string) string { return "" }, now: func() time.Time { return born }}
	if code := run(t.Context(), sh, append(args, "--addr", server.URL)); code != exitDone && code != exitFailed {
		t.Fatalf("%q: exit code %d, %s", args, code, errs.String())
	}
	return out.String()
}

func TestOutputIsAsItWasAgreed(t *testing.T) {
	for name, args := range map[string]string{
		"list.table":    "quarantine list --limit 0",
		"list.wide":     "quarantine list --limit 0 -o wide",
		"show.text":     "quarantine show c-1",
		"show.closed":   "quarantine show c-3",
		"show.stuck":    "quarantine show c-5",
		"show.deferred": "quarantine show c-6",
		"show.yaml":     "quarantine show c-1 -o yaml",
		"verdict.text":  "verdict show v-2",
		"session.table": "session find --ip 192.0.2.17",
		"session.none":  "session find --ip 192.0.2.18",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name+".golden")
			got := output(t, strings.Fields(args)...)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("cordon %s (-want +got):\n%s", args, diff)
			}
		})
	}
}

func TestYAMLKeepsTextThatLooksLikeSomethingElse(t *testing.T) {
	var out bytes.Buffer
	if err := writeYAML(&out, json.RawMessage(`{"z":"010","a":"true","k":"null","t":"2026-03-01","e":"","l":[],"m":{},"x":null,"i":7,"w":"a: b # c\nd"}`)); err != nil {
		t.Fatal(err)
	}
	want := "z: \"010\"\na: \"true\"\nk: \"null\"\nt: \"2026-03-01\"\ne: \"\"\nl: []\nm: {}\nx: null\ni: 7\nw: |-\n    a: b # c\n    d\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestForeignTextIsHarmlessOnATerminal(t *testing.T) {
	for in, want := range map[string]string{
		"alice@isp":     "alice@isp",
		"Zoë":           "Zoë",
		"\x1b[31mred":   `\x1b[31mred`,
		"two\nlines\r":  `two\nlines\r`,
		"\u202egnp.exe": `\u202egnp.exe`,
		"a\tb\x00\x7f":  `a\tb\x00\x7f`,
		"\u009b2J":      `\u009b2J`,
		"bad\xff":       `bad\ufffd`,
	} {
		if got := safe(in); got != want {
			t.Errorf("safe(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSpansShowTheTwoLargestUnits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 59 * time.Second: "59s", -90 * time.Second: "1m", time.Hour: "1h", 61 * time.Minute: "1h1m",
		24*time.Hour - time.Second: "1d", 24 * time.Hour: "1d", 49 * time.Hour: "2d1h", 400 * 24 * time.Hour: "400d",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%s) = %s, want %s", d, got, want)
		}
	}
}

func TestLinesGoInBatchesThatTheAPITakes(t *testing.T) {
	line := `{"source":"s1"}` + "\n"
	long := `{"source":"` + strings.Repeat("s", 400<<10) + `"}` + "\n"
	for _, c := range []struct {
		name, body string
		lines      []int
	}{
		{"one value", strings.TrimSpace(line), nil},
		{"several lines of one value", "[\n" + line + "]", nil},
		{"not JSON", "hello\nworld", nil},
		{"2500 lines", strings.Repeat(line, 2500), []int{1000, 1000, 500}},
		{"blank lines", "\n" + line + "\n\n" + line, []int{2}},
		{"long lines", strings.Repeat(long, 5), []int{2, 2, 1}},
		{"no break at the end", line + strings.TrimSpace(line), []int{2}},
	} {
		got := batches([]byte(c.body))
		if c.lines == nil {
			if len(got) != 1 || got[0].contentType != "application/json" || string(got[0].body) != c.body {
				t.Errorf("%s: %d batches", c.name, len(got))
			}
			continue
		}
		var counts []int
		for _, b := range got {
			counts = append(counts, len(strings.Fields(string(b.body))))
			if len(b.body) > batchBytes || b.contentType != "application/x-ndjson" {
				t.Errorf("%s: a batch of %d octets, %s", c.name, len(b.body), b.contentType)
			}
		}
		if diff := cmp.Diff(c.lines, counts); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestAnInterruptedCommandEndsWith130(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	sh := &shell{out: &out, err: &errs, getenv: func(string) string { return "" }, now: time.Now}
	if code := run(ctx, sh, []string{"quarantine", "list"}); code != exitInterrupted {
		t.Errorf("exit code %d, want %d: %s", code, exitInterrupted, errs.String())
	}
}

func TestEveryRefusalNamesANextStep(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 409, 413, 418, 422, 429, 500} {
		code, next := explain(&wire.Problem{Status: status, Detail: "x"}, "cordon")
		if code != exitFailed || next == "" {
			t.Errorf("status %d: code %d, next step %q", status, code, next)
		}
	}
}
