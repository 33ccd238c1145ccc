package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/radiusx"
)

const testSecret = "a secret of decent length"

// responderOn runs a responder until the test ends, and returns a small run
// against it.
func responderOn(t *testing.T, address string) Config {
	t.Helper()
	secret, err := radiusx.NewSecret(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Listen(t.Context(), address, secret)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("responder: %v", err)
		}
	})
	return Config{Target: r.Addr(), Secret: secret, N: 500, InFlight: 16}
}

func TestEveryClientGetsEveryExchangeAcknowledged(t *testing.T) {
	c := responderOn(t, "127.0.0.1:0")
	for _, who := range rivals {
		f, err := who.run(t.Context(), c)
		if errors.Is(err, ErrNoRadclient) {
			continue // this host has none, and its error says so
		}
		if err != nil {
			t.Errorf("%s: %v", who.name, err)
			continue
		}
		if f.Lost != 0 || f.Acked < c.N-c.InFlight || f.Acked > c.N || f.PerSecond <= 0 {
			t.Errorf("%s: %+v", who.name, f)
		}
	}
}

func TestTheFiguresHaveExactlyTheirSixNames(t *testing.T) {
	f, err := Cordon(t.Context(), responderOn(t, "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]float64
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"acked", "lost", "per_second", "p50_us", "p99_us", "cpu_us_per_exchange"} {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is missing: %s", name, text)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("too many: %v", got)
	}
	if f.Acked != 500 || f.P50 <= 0 || f.P99 < f.P50 {
		t.Errorf("figures: %s", text)
	}
}

func TestAResponderThatIsNotThereEndsTheRunWithTheReason(t *testing.T) {
	there := responderOn(t, "127.0.0.1:0")
	wrong, gone := there, there
	wrong.Secret, _ = radiusx.NewSecret("another")
	gone.Target = netip.MustParseAddrPort("127.0.0.1:9")
	for name, c := range map[string]Config{"another secret": wrong, "nobody there": gone} {
		c.Timeout = 50 * time.Millisecond
		if _, err := Cordon(t.Context(), c); !errors.Is(err, ErrNoReply) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheResponderChecksWhatItAcknowledges(t *testing.T) {
	c := responderOn(t, "127.0.0.1:0")
	r := &Responder{key: radiusx.NewKey([]byte(testSecret))}
	good := rawRequest(&c)
	if answer := r.answer(nil, good); len(answer) == 0 || answer[0] != 44 || !r.key.CheckResponse(answer, good[4:20]) {
		t.Errorf("a good request gets %x", answer)
	}
	for at := range good {
		bad := bytes.Clone(good)
		bad[at] ^= 1
		if answer := r.answer(nil, bad); len(answer) > 0 && at != 2 {
			t.Errorf("octet %d changed: acknowledged", at)
		}
	}
}

func TestAFaultyConfigurationIsRefusedWithAllFaults(t *testing.T) {
	_, err := Cordon(t.Context(), Config{})
	for _, word := range []string{"target", "secret", "exchanges", "in flight"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v does not name %s", err, word)
		}
	}
}

func TestAFleetIsMeasuredBesideItsSilentBNGs(t *testing.T) {
	c := responderOn(t, "0.0.0.0:0")
	f, err := MeasureFleet(t.Context(), c, 200)
	if err != nil {
		t.Fatal(err)
	}
	if f.Silent != 2 || f.With.Acked != c.N || f.Without.Acked != c.N || f.With.Lost+f.Without.Lost != 0 {
		t.Errorf("%+v", f)
	}
	var text bytes.Buffer
	if err := f.Write(&text); err != nil || !strings.Contains(text.String(), "while 2 are silent") {
		t.Errorf("%v: %s", err, text.String())
	}
	if _, err := MeasureFleet(t.Context(), c, 99); err == nil {
		t.Error("too few BNGs are accepted")
	}
}

func TestTheTableSaysWhichFloorIsNotMet(t *testing.T) {
	rates := func(r ...float64) (runs []Figures) {
		for _, n := range r {
			runs = append(runs, Figures{PerSecond: n})
		}
		return runs
	}
	m := &Comparison{Runs: [][]Figures{rates(90, 1000, 95), rates(100, 100, 100), rates(30, 30, 30), rates(10, 10, 10), rates(9, 9, 9)},
		load: "0 0 0"}
	var text bytes.Buffer
	if err := m.Write(&text); err != nil {
		t.Fatal(err)
	}
	verdicts := []bool{}
	for line := range strings.Lines(text.String()) {
		if strings.HasPrefix(line, "floor") || strings.HasPrefix(line, "goal") {
			verdicts = append(verdicts, !strings.Contains(line, "NOT MET"))
		}
	}
	if want := []bool{true, false, true, false, true}; !slices.Equal(verdicts, want) {
		t.Errorf("%v, want %v:\n%s", verdicts, want, text.String())
	}
}
