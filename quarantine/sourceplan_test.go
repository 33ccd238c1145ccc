package quarantine

import (
	"strings"
	"testing"
	"time"
)

// heardSources is one report after another, every five seconds, by the only instance.
type heardSources struct {
	known AccountingSources
	now   time.Time
	plan  SourcePlan
}

var midnight = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func newHearing() *heardSources {
	return &heardSources{now: midnight, plan: SourcePlan{
		Rule: DefaultSilenceRule, Interim: map[string]time.Duration{"bng1": 10 * time.Minute, "bng2": 10 * time.Minute, "mute": 0},
		Relays: []AccountingRelay{{Name: "relay1", For: []string{"bng1", "mute"}}, {Name: "relay2", For: []string{"bng1", "bng2"}}},
	}}
}

// pass lets d go by while an instance reports every minute, and the sources speak
// once every pause, late by delay.
func (h *heardSources) pass(d, pause, delay time.Duration, sources ...string) {
	end := h.now.Add(d)
	for next := h.now.Add(pause); h.now.Before(end); {
		step := min(20*time.Second, end.Sub(h.now))
		h.now = h.now.Add(step)
		r := SourceReport{At: h.now, Listening: true, Rule: h.plan.Rule}
		if len(sources) > 0 && !h.now.Before(next) {
			for _, s := range sources {
				r.Activity = append(r.Activity, SourceActivity{Source: s, First: h.now, Last: h.now, Reported: h.now.Add(-delay), Behind: delay, Records: 1})
			}
			next = next.Add(pause)
		}
		h.known.Add(r)
	}
}

// quiet lets d go by in which our instances hear nothing.
func (h *heardSources) quiet(d time.Duration) { h.pass(d, d, 0) }

// gone lets d go by without any instance.
func (h *heardSources) gone(d time.Duration) { h.now = h.now.Add(d) }

func (h *heardSources) silent() string {
	var said []string
	for _, s := range h.plan.Silent(&h.known, h.now) {
		said = append(said, s.Name)
	}
	return strings.Join(said, " ")
}

func (h *heardSources) wantSilent(t *testing.T, want string) {
	t.Helper()
	if got := h.silent(); got != want {
		t.Fatalf("silent at +%s: %q, want %q", h.now.Sub(midnight), got, want)
	}
}

// overdue is why a moment so long ago is not judged for a session of the BNG.
func (h *heardSources) overdue(bng string, ago time.Duration) string {
	return h.plan.Overdue(&h.known, []Binding{{Session: SessionKey{BNG: bng}}}, h.now.Add(-ago), h.now)
}

func TestABNGIsSilentAfterThreeTimesItsLongestGapAndHalfAnHourAtLeast(t *testing.T) {
	for _, c := range []struct{ pause, silentAfter time.Duration }{
		{time.Minute, 30 * time.Minute}, {10 * time.Minute, 30 * time.Minute}, {20 * time.Minute, time.Hour}, {2 * time.Hour, 6 * time.Hour},
	} {
		h := newHearing()
		h.pass(48*time.Hour, c.pause, 0, "bng2")
		h.quiet(c.silentAfter)
		h.wantSilent(t, "")
		h.quiet(time.Minute)
		h.wantSilent(t, "bng2")
		if reason := h.overdue("bng2", 0); !strings.Contains(reason, "BNG bng2 has sent no accounting since 2026-03-03T00:00:00Z") {
			t.Errorf("reason %q", reason)
		}
		if reason := h.overdue("bng2", c.silentAfter+2*time.Minute); reason != "" {
			t.Errorf("a moment before its last record waits: %s", reason)
		}
		h.pass(c.pause, c.pause, 0, "bng2")
		h.wantSilent(t, "")
	}
}

func TestABNGWithoutInterimIsNeverSilent(t *testing.T) {
	h := newHearing()
	h.pass(48*time.Hour, time.Minute, 0, "mute", "unconfigured")
	h.quiet(100 * time.Hour)
	h.wantSilent(t, "")
	h.pass(48*time.Hour, time.Minute, 0, "mute", "relay1", "bng1")
	h.quiet(time.Hour)
	h.wantSilent(t, "relay1")
	if reason := h.overdue("mute", 0); reason != "" {
		t.Errorf("waits: %s", reason)
	}
	if reason := h.overdue("bng1", 0); !strings.Contains(reason, "relay relay1 ") {
		t.Errorf("reason %q", reason)
	}
	if reason := h.overdue("nas:192.0.2.9", 0); reason != "" {
		t.Errorf("an unconfigured BNG waits: %s", reason)
	}
	h.plan.Interim["bng1"] = 0 // now the relay speaks for nobody who is expected to speak
	h.wantSilent(t, "")
}

func TestASourceWithLessThanADayOfHistoryIsNeverSilent(t *testing.T) {
	h := newHearing()
	h.pass(24*time.Hour-time.Minute, time.Minute, 0, "bng2")
	h.quiet(100 * time.Hour)
	h.wantSilent(t, "")
	h.quiet(100 * time.Hour) // so long that it counts as new
	h.pass(time.Hour, time.Minute, 0, "bng2")
	h.quiet(time.Hour)
	h.wantSilent(t, "")
}

func TestOurOwnOutageIsNeitherASourcesSilenceNorItsGap(t *testing.T) {
	h := newHearing()
	h.pass(48*time.Hour, time.Minute, 0, "bng2")
	h.gone(5 * time.Hour)
	h.wantSilent(t, "") // while it lasts, seen by an instance that takes no accounting
	h.quiet(20 * time.Second)
	h.wantSilent(t, "")
	h.quiet(29 * time.Minute)
	h.wantSilent(t, "")
	h.quiet(2 * time.Minute)
	h.wantSilent(t, "bng2")
	h.pass(time.Minute, time.Minute, 0, "bng2")
	h.gone(5 * time.Hour)
	h.pass(time.Hour, time.Minute, 0, "bng2")
	h.quiet(2 * time.Hour) // were the gap of five hours its habit, this would be normal
	h.wantSilent(t, "bng2")
}

func TestASilenceThatWasNoticedDoesNotBecomeAHabitAtOnce(t *testing.T) {
	h := newHearing()
	h.pass(48*time.Hour, time.Minute, 0, "bng2")
	h.quiet(20 * time.Hour)
	h.wantSilent(t, "bng2")
	h.pass(time.Hour, time.Minute, 0, "bng2")
	h.quiet(90 * time.Minute)
	h.wantSilent(t, "")
	h.quiet(time.Minute)
	h.wantSilent(t, "bng2")
}

func TestABNGThatAnotherRelayStillReportsDoesNotWait(t *testing.T) {
	h := newHearing()
	h.pass(48*time.Hour, time.Minute, 0, "relay1", "relay2", "bng1", "bng2")
	h.pass(2*time.Hour, time.Minute, 0, "relay2", "bng1", "bng2")
	h.wantSilent(t, "relay1")
	if reason := h.overdue("bng1", 0); reason != "" {
		t.Errorf("waits: %s", reason)
	}
	h.quiet(2 * time.Hour)
	h.wantSilent(t, "relay1 relay2")
	if reason := h.overdue("bng1", 0); !strings.Contains(reason, "relay2") {
		t.Errorf("reason %q", reason)
	}
	if reason := h.overdue("bng2", 0); !strings.Contains(reason, "relay2") {
		t.Errorf("reason %q", reason)
	}
}

func TestARelayThatSendsOldRecordsIsWaitedForUntilItHasCaughtUp(t *testing.T) {
	h := newHearing()
	h.pass(time.Hour, time.Minute, 0, "relay1", "mute")
	h.quiet(time.Hour)
	h.pass(time.Minute, 20*time.Second, time.Hour, "relay1", "mute")
	if reason := h.overdue("mute", 30*time.Minute); !strings.Contains(reason, "relay relay1 is still sending older records") {
		t.Errorf("reason %q", reason)
	}
	if reason := h.overdue("mute", 61*time.Minute); reason != "" {
		t.Errorf("a moment that it has passed waits: %s", reason)
	}
	if reason := h.overdue("bng2", 30*time.Minute); reason != "" {
		t.Errorf("a BNG of another relay waits: %s", reason)
	}
	h.pass(time.Minute, 20*time.Second, 0, "relay1", "mute")
	if reason := h.overdue("mute", 30*time.Minute); reason != "" {
		t.Errorf("waits after it has caught up: %s", reason)
	}
	h.pass(20*time.Second, 20*time.Second, 5*time.Minute, "relay1", "mute") // one that was repeated
	h.quiet(3 * time.Minute)
	if reason := h.overdue("mute", 0); reason != "" {
		t.Errorf("one late record, and waits for ever: %s", reason)
	}
}

func TestAHolderWhomALogNamesWaitsForTheLog(t *testing.T) {
	h := newHearing()
	h.pass(20*time.Second, 20*time.Second, 10*time.Second, LogSource("cgn1"))
	for _, c := range []struct {
		bng  string
		ago  time.Duration
		late bool
	}{
		{"log:cgn1", 0, true}, {"log:cgn1", 9 * time.Second, true}, {"log:cgn1", 10 * time.Second, false},
		{"log:cgn1", time.Hour, false}, {"log:cgn2", time.Hour, true},
	} {
		if reason := h.overdue(c.bng, c.ago); (reason != "") != c.late || c.late &&
			!strings.Contains(reason, strings.Replace(c.bng, ":", " ", 1)) {
			t.Errorf("%s, %s ago: %q", c.bng, c.ago, reason)
		}
	}
}

func TestAHolderOnTwoBNGsIsProvedByTheOneThatSpeaks(t *testing.T) {
	h := newHearing()
	h.pass(48*time.Hour, time.Minute, 0, "bng1", "bng2")
	h.pass(time.Hour, time.Minute, 0, "bng1")
	held := []Binding{{Session: SessionKey{BNG: "bng2"}}, {Session: SessionKey{BNG: "bng1"}}}
	if reason := h.plan.Overdue(&h.known, held, h.now, h.now); reason != "" {
		t.Errorf("waits: %s", reason)
	}
	if reason := h.plan.Overdue(&h.known, held[:1], h.now, h.now); reason == "" {
		t.Error("bng2 alone does not wait")
	}
}

func TestAGroupIsHeardThroughTheBNGThatSpokeLast(t *testing.T) {
	h := newHearing()
	h.plan.Relays, h.plan.Groups = nil, map[string][]string{"pair": {"bng1", "bng2"}}
	h.pass(48*time.Hour, time.Minute, 0, "bng1")
	h.pass(48*time.Hour, time.Minute, 0, "bng2") // after a switch-over
	h.wantSilent(t, "")
	if reason := h.overdue("pair", 0); reason != "" {
		t.Errorf("waits: %s", reason)
	}
	h.quiet(time.Hour)
	h.wantSilent(t, "bng2")
	if reason := h.overdue("pair", 0); !strings.Contains(reason, "BNG bng2") {
		t.Errorf("reason %q", reason)
	}
}

func TestTheUsualRateIsThatOfTheDaysThatAreKnown(t *testing.T) {
	h := newHearing()
	h.pass(36*time.Hour, time.Minute, 0, "bng1")
	bng1 := h.known.Sources["bng1"]
	if rate := bng1.Rate(h.now) * 60; rate < 0.99 || rate > 1.01 {
		t.Errorf("%v records a minute", rate)
	}
}
