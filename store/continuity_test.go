package store

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
)

// second is a moment of these stories.
func second(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }

// repliedAt is a witness' knowledge of last answers, in seconds after noon.
func repliedAt(last map[string]int) func(string) (time.Time, bool) {
	return func(run string) (time.Time, bool) {
		n, ok := last[run]
		return second(n), ok
	}
}

// asOf is a witness that knows these masters since then and no last answers.
func asOf(known []master, published time.Time) witness {
	return witness{lastMet: known, publishedAt: published, lastReply: repliedAt(nil)}
}

// synced is a server that syncs its append-only file in this way.
func synced(run string, sync diskSync) []master {
	m := server(placeA, run, "history of "+run, noHistory)
	m.Sync = sync
	return []master{m}
}

var forget = noon.Add(-time.Hour)

func TestWhatInstancesPublishOfMasters(t *testing.T) {
	a, b := []master{server(placeA, "run1", historyA, noHistory)}, []master{server(placeB, "run9", historyB, historyA)}
	next := func(c continuity, known, seen []master, now time.Time) continuity {
		n, lost := c.next(asOf(known, now.Add(-time.Second)), seen, now, forget)
		if len(lost) > 0 {
			t.Fatalf("a failover is taken for a restart: %+v", lost)
		}
		return n
	}
	first := next(continuity{}, nil, a, noon)
	if len(first.Gaps) != 0 || first.At != noon.UnixMilli() {
		t.Fatalf("the first that is published is %+v", first)
	}
	met := next(first, a, b, second(10))
	want := []quarantine.Gap{quarantine.FailoverGap(noon, second(10))}
	if !slices.Equal(met.gaps(), want) {
		t.Fatalf("who meets the new master says %v, want %v", met.gaps(), want)
	}
	if again := next(met, b, b, second(11)); !slices.Equal(again.gaps(), want) {
		t.Fatalf("a second later: %v", again.gaps())
	}
	if started := next(met, nil, b, second(11)); !slices.Equal(started.gaps(), want) {
		t.Fatalf("an instance that starts afterwards: %v", started.gaps())
	}
	late := next(met, a, b, second(30))
	if end := late.gaps()[0].To; len(late.Gaps) != 1 || !end.Equal(second(30).Add(quarantine.NoticedWithin)) {
		t.Fatalf("an instance that wrote to the old master until 30 s later: %v", late.gaps())
	}
	if old, _ := met.next(asOf(b, noon), b, noon.Add(time.Hour), noon.Add(time.Hour)); len(old.Gaps) != 0 {
		t.Fatalf("after history it is remembered: %v", old.gaps())
	}
}

func TestAddressesOfOneServerAreRememberedWithinBounds(t *testing.T) {
	c := continuity{}
	for i := range 2 * maxAddrs {
		c, _ = c.next(asOf(nil, noon), []master{server(strings.Repeat("x", i+1), "run1", historyA, noHistory)}, noon, noon)
	}
	if len(c.Gaps) != 0 || len(c.Masters) != 1 || len(c.Masters[0].Addrs) != maxAddrs {
		t.Fatalf("%+v", c)
	}
}

func TestARestartIsAGapUnlessEveryWriteWasSynced(t *testing.T) {
	for name, c := range map[string]struct {
		was       diskSync
		published int // when this instance published last that it knew it; what came back is of second 100
		want      []quarantine.Gap
	}{
		"synced always":                           {syncAlways, 100, nil},
		"synced always, with older data":          {syncAlways, 116, []quarantine.Gap{{From: second(40), To: second(105)}}},
		"synced every second":                     {syncEverySecond, 101, []quarantine.Gap{{From: second(40), To: second(105)}}},
		"never synced, or CONFIG GET is not ours": {syncUnknown, 101, []quarantine.Gap{{From: second(40), To: second(105)}}},
	} {
		t.Run(name, func(t *testing.T) {
			stored := continuity{At: second(100).UnixMilli(), Masters: synced("run1", c.was)}
			w := asOf(synced("run1", c.was), second(c.published))
			w.lastReply = repliedAt(map[string]int{"run1": 103, "run2": 160})
			// How the new process syncs says nothing of the old one.
			for _, now := range []diskSync{syncAlways, syncUnknown} {
				next, lost := stored.next(w, synced("run2", now), second(160), forget)
				if !slices.Equal(next.gaps(), c.want) || len(lost) != len(c.want) {
					t.Fatalf("gaps %v of %d restarts, want %v", next.gaps(), len(lost), c.want)
				}
				w.lastMet, w.publishedAt, w.lost = next.Masters, second(160), lost
				if again, _ := next.next(w, synced("run2", now), second(170), forget); !slices.Equal(again.gaps(), c.want) {
					t.Fatalf("ten seconds later: %v, want %v", again.gaps(), c.want)
				}
				w = witness{lastMet: synced("run1", c.was), publishedAt: second(c.published), lastReply: w.lastReply}
			}
		})
	}
}

// Data that are but a second older than what this instance published to a server
// that syncs always were not written by it last.
func TestDataWithoutWhatThisInstancePublishedLastAreOlder(t *testing.T) {
	run1, run2 := synced("run1", syncAlways), synced("run2", syncAlways)
	for confirmed, want := range map[int]int{99: 1, 100: 0, 101: 0} {
		stored := continuity{At: second(100).UnixMilli(), Masters: run1,
			Met: map[string]meeting{"a": {At: second(confirmed).UnixMilli(), Masters: run1}}}
		w := asOf(run1, second(100))
		w.instance = "a"
		if next, _ := stored.next(w, run2, second(160), forget); len(next.Gaps) != want {
			t.Errorf("it confirmed second %d there, and published at 100: gaps %v", confirmed, next.gaps())
		}
	}
}

func TestOnlyAnAppendOnlyFileThatIsAlwaysSyncedLosesNothing(t *testing.T) {
	for settings, want := range map[string]diskSync{
		"":                        syncUnknown, // CONFIG GET is forbidden
		"yes always no":           syncAlways,
		"yes always yes":          syncEverySecond,
		"yes always":              syncEverySecond,
		"no always no":            syncUnknown,
		"yes everysec no":         syncEverySecond,
		"yes everysec yes":        syncEverySecond,
		"yes no yes":              syncUnknown,
		"yes something-newer yes": syncUnknown,
	} {
		config := map[string]string{}
		for i, value := range strings.Fields(settings) {
			config[[]string{"appendonly", "appendfsync", "no-appendfsync-on-rewrite"}[i]] = value
		}
		if got := syncOf(config); got != want {
			t.Errorf("%q: %q, want %q", settings, got, want)
		}
	}
}

// b is cut off first, Redis answers a until it crashes, and b is back first.
func TestEachInstanceExtendsTheGapOfARestartByItsOwnLastAnswer(t *testing.T) {
	stored := continuity{At: second(100).UnixMilli(), Masters: synced("run1", syncEverySecond)}
	seen := synced("run2", syncEverySecond)
	b := asOf(synced("run1", syncEverySecond), second(19))
	b.instance, b.lastReply = "b", repliedAt(map[string]int{"run1": 20})
	byB, _ := stored.next(b, seen, second(120), forget)
	if want := []quarantine.Gap{{From: second(40), To: second(102)}}; !slices.Equal(byB.gaps(), want) {
		t.Fatalf("b says %v, want %v: the old process was alive when it was confirmed last", byB.gaps(), want)
	}
	byB.At = second(500).UnixMilli() // b goes on
	a := asOf(synced("run1", syncEverySecond), second(180))
	a.instance, a.lastReply = "a", repliedAt(map[string]int{"run1": 181})
	byA, lost := byB.next(a, seen, second(501), forget)
	if want := []quarantine.Gap{{From: second(40), To: second(183)}}; !slices.Equal(byA.gaps(), want) {
		t.Fatalf("a extends it to %v, want %v", byA.gaps(), want)
	}
	// An answer that had come in before the crash is read later still.
	a.lastMet, a.publishedAt, a.lost = byA.Masters, second(501), lost
	if a.lateReplies() {
		t.Fatal("there is more to publish although no reply came in")
	}
	a.lastReply = repliedAt(map[string]int{"run1": 184, "run2": 502})
	if !a.lateReplies() {
		t.Fatal("a later reply of the old process is not to be published")
	}
	again, _ := byA.next(a, seen, second(502), forget)
	if want := []quarantine.Gap{{From: second(40), To: second(186)}}; !slices.Equal(again.gaps(), want) {
		t.Fatalf("then %v, want %v", again.gaps(), want)
	}
}

func TestWithoutALastAnswerTheGapOfARestartReachesToItsNoticing(t *testing.T) {
	stored := continuity{At: second(100).UnixMilli(), Masters: synced("run1", syncEverySecond)}
	started, lost := stored.next(asOf(nil, time.Time{}), synced("run2", syncEverySecond), second(200), forget)
	want := []quarantine.Gap{{From: second(40), To: second(215)}}
	if !slices.Equal(started.gaps(), want) {
		t.Fatalf("%v, want %v", started.gaps(), want)
	}
	w := asOf(started.Masters, second(200))
	w.lost = lost
	if later, _ := started.next(w, started.Masters, second(300), forget); !slices.Equal(later.gaps(), want) {
		t.Fatalf("it grows while time passes: %v, want %v", later.gaps(), want)
	}
}

// a dies together with Redis; b, which was cut off before, is back first and
// publishes what it knows. What a had acknowledged may be lost all the same.
func TestAnInstanceThatWasStartedAnewKnowsWhichProcessItHadAnswersOf(t *testing.T) {
	run1, run2 := synced("run1", syncEverySecond), synced("run2", syncEverySecond)
	stored := continuity{At: second(100).UnixMilli(), Masters: run1,
		Met: map[string]meeting{"a": {At: second(100).UnixMilli(), Masters: run1}}}
	b := asOf(run1, second(30))
	b.instance, b.lastReply = "b", repliedAt(map[string]int{"run1": 30})
	byB, _ := stored.next(b, run2, second(120), forget)
	for name, c := range map[string]struct {
		instance string
		now      int
		to       int
	}{
		"a soon":                         {"a", 130, 145},
		"a much later":                   {"a", 3000, 162},
		"an instance that was not there": {"c", 3000, 102},
		"without a name":                 {"", 3000, 102},
	} {
		w := asOf(nil, time.Time{})
		w.instance = c.instance
		next, _ := byB.next(w, run2, second(c.now), forget)
		if want := []quarantine.Gap{{From: second(40), To: second(c.to)}}; !slices.Equal(next.gaps(), want) {
			t.Errorf("%s: %v, want %v", name, next.gaps(), want)
		}
		// The next process of that instance has met run2 before and changes nothing.
		if again, _ := next.next(w, run2, second(c.now+5000), forget); !slices.Equal(again.gaps(), next.gaps()) {
			t.Errorf("%s: started once more, it says %v, before %v", name, again.gaps(), next.gaps())
		}
	}
	unknown := synced("run1", syncUnknown)
	stored.Masters, stored.Met["a"] = run2, meeting{At: second(100).UnixMilli(), Masters: unknown}
	w := asOf(nil, time.Time{})
	w.instance = "a"
	if next, _ := stored.next(w, run2, second(3000), forget); len(next.Gaps) != 1 || !next.gaps()[0].To.Equal(second(3015)) {
		t.Errorf("a server of which it is not known how it syncs: %v", next.gaps())
	}
}

func TestInstancesThatAreGoneForLongAreForgotten(t *testing.T) {
	run1 := synced("run1", syncEverySecond)
	stored := continuity{Met: map[string]meeting{"old": {At: forget.Add(-time.Second).UnixMilli(), Masters: run1},
		"b": {At: forget.UnixMilli(), Masters: run1}}}
	w := asOf(run1, noon)
	w.instance = "a"
	next, _ := stored.next(w, run1, noon, forget)
	if _, ok := next.Met["old"]; ok || len(next.Met) != 2 {
		t.Fatalf("%+v", next.Met)
	}
}

func TestARestartOfOneMasterOfAClusterIsAGap(t *testing.T) {
	other := server(placeB, "run8", historyB, noHistory)
	before := append(synced("run1", syncEverySecond), other)
	w := asOf(before, second(100))
	w.lastReply = repliedAt(map[string]int{"run1": 101, "run8": 160})
	next, lost := continuity{At: second(100).UnixMilli(), Masters: before}.next(w, append(synced("run2", syncEverySecond), other),
		second(160), forget)
	if want := []quarantine.Gap{{From: second(40), To: second(103)}}; !slices.Equal(next.gaps(), want) || len(lost) != 1 {
		t.Fatalf("%v, want %v", next.gaps(), want)
	}
}
