package engine

import (
	"fmt"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestAnOutageIsLoggedOnceAMinuteAndWhenItIsResolved(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		core, lines := observer.New(zapcore.InfoLevel)
		e, _ := w.startListening(w.memory, "a", func(c *Config) { c.Logger = zap.New(core) })
		_, address := w.login("alice")
		time.Sleep(5 * time.Second)
		if n := lines.FilterLevelExact(zap.WarnLevel).Len(); n != 0 {
			t.Fatalf("%d warnings although nothing happened", n)
		}
		w.memory.SetUnavailable(true)
		for i := range 20 {
			v := botnet(address)
			v.SourceID = fmt.Sprint(i)
			w.accept(e, v)
		}
		time.Sleep(5*time.Minute - time.Second)
		kinds := map[string]int{
			"sender election failed": 5, "verdict waits for the store": 5, "due cases could not be leased": 1, // no sender any more
			"heartbeat does not reach the store: other instances count this one as silent": 5,
		}
		for message, want := range kinds {
			logged := lines.FilterMessage(message).All()
			if len(logged) != want || logged[0].ContextMap()["times"] != nil {
				t.Errorf("%q: %d lines in 5 min, want %d: %v", message, len(logged), want, logged)
			}
			for _, line := range logged[min(1, len(logged)):] {
				if n, _ := line.ContextMap()["times"].(int64); n < 50 {
					t.Errorf("%q: times %d, want what a minute holds", message, n)
				}
			}
			if n := lines.FilterMessage("resolved: " + message).Len(); n != 0 {
				t.Errorf("%q is over although the store is unreachable", message)
			}
		}
		w.memory.SetUnavailable(false)
		time.Sleep(time.Minute)
		for message, n := range kinds {
			if over := lines.FilterMessage("resolved: " + message).Len(); over != 1 || lines.FilterMessage(message).Len() != n {
				t.Errorf("%q: %d lines say that it is over, want 1", message, over)
			}
		}
	})
}

func TestAConditionThatComesBackIsLoggedAtOnce(t *testing.T) {
	now := time.Unix(0, 0)
	core, lines := observer.New(zapcore.InfoLevel)
	x := newLimitedLogger(zap.New(core), func() time.Time { return now })
	x.log(zap.WarnLevel, "it fails")
	now = now.Add(resolvedAfter - 1)
	x.logResolved()
	x.log(zap.WarnLevel, "it fails")
	now = now.Add(resolvedAfter)
	x.logResolved()
	x.logResolved()
	x.log(zap.WarnLevel, "it fails")
	var got []string
	for _, line := range lines.All() {
		got = append(got, fmt.Sprint(line.Message, " ", line.ContextMap()["times"]))
	}
	if want := "[it fails <nil> resolved: it fails 2 it fails <nil>]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
}
