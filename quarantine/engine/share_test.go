package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// nobodys returns the n-th verdict of a source about an address that nobody holds.
func nobodys(source string, n int) quarantine.Verdict {
	return quarantine.Verdict{
		Source: source, SourceID: fmt.Sprint(n), ObservedAt: time.Now(), Category: "ddos",
		IP: netip.AddrFrom4([4]byte{198, byte(18 + n>>16), byte(n >> 8), byte(n)}),
	}
}

// flood hands in n verdicts about addresses that nobody holds, and returns how many
// were taken.
func flood(t *testing.T, e *running, source string, n int) (taken int) {
	t.Helper()
	for n > 0 {
		batch := make([]quarantine.Verdict, min(n, 1000))
		for i := range batch {
			batch[i] = nobodys(source, n-i)
		}
		n -= len(batch)
		answers, err := e.Accept(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range answers {
			switch {
			case a.Duplicate:
			case a.Throttled == "":
				taken++
			case a.RetryAfter <= 0 || !strings.Contains(a.Throttled, source):
				t.Fatalf("throttled without a time or a name: %+v", a)
			}
		}
	}
	return taken
}

// small makes a queue that tests fill quickly.
func small(c *Config) { c.Pending = 2000 }

func TestOneSourceFillsItsShareAndTheOthersAreAccepted(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.startWith(w.memory, "a", small)
		time.Sleep(time.Second)
		if taken := flood(t, e, "ddos-detector", 2500); taken != 500 {
			t.Errorf("%d taken of one source, want a quarter of 2000", taken)
		}
		_, address := w.login("alice")
		time.Sleep(3 * time.Second)
		if answers, err := e.Accept(t.Context(), []quarantine.Verdict{botnet(address)}); err != nil || answers[0].Throttled != "" {
			t.Fatalf("another source: %+v %v", answers, err)
		}
		time.Sleep(5 * time.Second)
		w.wantState("alice", quarantine.Restricted)
		waiting, fullest, throttled := e.Backlog()
		if waiting != 500 || fullest < 0.99 || throttled != 2000 {
			t.Errorf("%d wait, fullest %v, %d throttled", waiting, fullest, throttled)
		}
	})
}

func TestADuplicateOfAThrottledVerdictIsThrottledAndOfAnAcceptedOneADuplicate(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.startWith(w.memory, "a", func(c *Config) { c.Pending = 4 })
		time.Sleep(time.Second)
		one, two := nobodys("s", 1), nobodys("s", 2)
		answers, err := e.Accept(t.Context(), []quarantine.Verdict{one, one})
		if err != nil || answers[0].Throttled != "" || !answers[1].Duplicate {
			t.Fatalf("the first: %+v %v", answers, err)
		}
		answers, err = e.Accept(t.Context(), []quarantine.Verdict{two, one, two})
		if err != nil || answers[0].Throttled == "" || !answers[1].Duplicate || answers[2].Throttled == "" || answers[2].Duplicate {
			t.Fatalf("beyond the share: %+v %v", answers, err)
		}
		time.Sleep(36 * time.Minute) // the first is given up
		if answers, err = e.Accept(t.Context(), []quarantine.Verdict{two}); err != nil || answers[0].Throttled != "" || answers[0].Duplicate {
			t.Errorf("sent again once there is room: %+v %v", answers, err)
		}
	})
}

func TestVerdictsOfBeforeARestartCountInTheShare(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		before := w.startWith(w.memory, "a", small)
		flood(t, before, "ddos-detector", 2500)
		before.stop()
		after := w.startWith(w.memory, "a", small)
		if taken := flood(t, after, "ddos-detector", 3000); taken != 0 {
			t.Errorf("%d more taken after a restart", taken)
		}
	})
}

func TestUnderPressureUnknownAddressesAreGivenUpSooner(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.startWith(w.memory, "a", small)
		time.Sleep(time.Second)
		quiet, err := e.Accept(t.Context(), []quarantine.Verdict{nobodys("quiet", 1)})
		if err != nil {
			t.Fatal(err)
		}
		first, err := e.Accept(t.Context(), []quarantine.Verdict{nobodys("ddos-detector", 0)})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		flood(t, e, "ddos-detector", 2500)
		time.Sleep(100 * time.Second)
		w.wantReason(e, first[0].ID, quarantine.VerdictUnknown)
		if waiting, _, _ := e.Backlog(); waiting != 501 {
			t.Errorf("%d wait after 100 s, want all: accounting may be late by that", waiting)
		}
		time.Sleep(90 * time.Second)
		s, err := e.Verdict(t.Context(), first[0].ID)
		if err != nil || !s.Final || s.State != quarantine.VerdictUnknown || !strings.Contains(s.Reason, "instead of 35m") ||
			!strings.Contains(s.Reason, "too many verdicts wait") {
			t.Errorf("the oldest of the flood: settled %v %s %q %v", s.Final, s.State, s.Reason, err)
		}
		if flood(t, e, "ddos-detector", 3000) < 40 {
			t.Error("no room in the share after three minutes")
		}
		if s, err := e.Verdict(t.Context(), quiet[0].ID); err != nil || s.Final {
			t.Errorf("the quiet source's: settled %v %q %v", s.Final, s.Reason, err)
		}
	})
}

func TestWhatARecordMayStillTellIsNotGivenUpSooner(t *testing.T) {
	full := quarantine.Share{Source: 500, All: 500, Most: 2000, Listed: true}
	for name, c := range map[string]struct {
		found   quarantine.Attribution
		stopped bool
		gap     bool
		want    time.Duration
	}{
		"nobody holds it": {want: 2 * time.Minute},
		"its holder is not confirmed yet": {
			found: quarantine.Attribution{Bindings: []quarantine.Binding{{Subscriber: "alice"}}}, want: 35 * time.Minute,
		},
		"a source has stopped":      {stopped: true, want: 35 * time.Minute},
		"the store has failed over": {gap: true, want: 35 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				e := w.startWith(w.memory, "a", func(of *Config) { of.Stopped = func(time.Time) bool { return c.stopped } })
				time.Sleep(5 * time.Minute)
				if c.gap {
					w.memory.FailOver()
				}
				now := time.Now()
				v := quarantine.Verdict{ObservedAt: now, ReceivedAt: now.Add(-3 * time.Minute)}
				got, err := e.unknownRetry(t.Context(), &v, &c.found, full, now)
				if err != nil || got != c.want {
					t.Errorf("%s, %v; want %s", got, err, c.want)
				}
			})
		})
	}
}

func TestAVerdictThatWaitsForASilentInstanceIsNotGivenUpSooner(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, _ := w.startListening(w.memory, "a", small)
		cable := &line{Memory: w.memory}
		b, _ := w.startListening(cable, "b")
		time.Sleep(5 * time.Second)
		cable.kill(b)
		time.Sleep(quarantine.InstanceSilentAfter + 5*time.Second)
		flood(t, a, "ddos-detector", 2500)
		time.Sleep(20 * time.Minute)
		if waiting, _, _ := a.Backlog(); waiting != 500 {
			t.Errorf("%d of 500 still wait for the silent instance", waiting)
		}
	})
}

func TestSourcesTakeTurns(t *testing.T) {
	now := time.Now()
	s := newSchedule(func() time.Time { return now })
	for i := range 5000 {
		s.push(fmt.Sprint("flood", i), "flood", now.Add(-time.Minute))
	}
	s.push("one", "quiet", now)
	s.push("two", "quiet", now)
	place := map[string]int{}
	for n := range 5002 {
		id, _ := s.next(t.Context())
		place[id] = n
	}
	if len(place) != 5002 || place["one"] > 2 || place["two"] > 4 {
		t.Errorf("%d different ids; the quiet source was served as number %d and %d", len(place), place["one"], place["two"])
	}
	if place["flood0"] > place["flood1"] || place["flood1"] > place["flood4999"] {
		t.Error("the verdicts of one source are not worked in their order")
	}
}

// hangingJournal is a disk that takes nothing until it is let go.
type hangingJournal struct {
	*quarantinetest.Journal
	hang    atomic.Bool
	release chan struct{}
	waiting atomic.Int64
}

func (l *hangingJournal) Append(ctx context.Context, entries ...quarantine.JournalEntry) error {
	if l.hang.Load() && entries[0].Kind == entryAccepted {
		l.waiting.Add(1)
		<-l.release
	}
	return l.Journal.Append(ctx, entries...)
}

func TestADiskThatHangsPilesUpABoundedNumberOfCalls(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		l := &hangingJournal{Journal: w.log, release: make(chan struct{})}
		e := w.startWith(w.memory, "a", func(c *Config) { c.Journal = l })
		time.Sleep(time.Second)
		l.hang.Store(true)
		var refused, taken atomic.Int64
		var calls sync.WaitGroup
		for n := range 3000 {
			calls.Go(func() {
				switch _, err := e.Accept(t.Context(), []quarantine.Verdict{nobodys("s", n)}); {
				case errors.Is(err, errAccepting):
					refused.Add(1)
				case err == nil:
					taken.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		time.Sleep(time.Minute)
		if got := l.waiting.Load(); got > maxAccepting/4 || refused.Load()+got < 2990 {
			t.Errorf("%d calls wait for the journal, %d were refused", got, refused.Load())
		}
		other := make(chan error)
		go func() {
			_, err := e.Accept(t.Context(), []quarantine.Verdict{nobodys("other", 1)})
			other <- err
		}()
		time.Sleep(time.Second)
		l.hang.Store(false)
		close(l.release)
		if err := <-other; err != nil {
			t.Errorf("another source is refused: %v", err)
		}
		calls.Wait()
		if taken.Load()+refused.Load() != 3000 || taken.Load() == 0 {
			t.Errorf("%d taken, %d refused", taken.Load(), refused.Load())
		}
		if _, err := e.Accept(t.Context(), []quarantine.Verdict{nobodys("s", 5000)}); err != nil {
			t.Errorf("after the disk came back: %v", err)
		}
	})
}

func TestAJournalThatRefusesFreesThePlaceInTheQueue(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.startWith(w.memory, "a", small)
		time.Sleep(time.Second)
		w.log.Refuse(true)
		for n := range 1000 {
			if _, err := e.Accept(t.Context(), []quarantine.Verdict{nobodys("s", n)}); err == nil {
				t.Fatal("accepted without a journal")
			}
		}
		w.log.Refuse(false)
		if taken := flood(t, e, "s", 600); taken != 500 {
			t.Errorf("%d taken, want 500", taken)
		}
	})
}

func TestAnAcceptedVerdictIsRememberedInFewBytes(t *testing.T) {
	const n = 200_000
	l := newLedger("a", quarantine.BNGNames{})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range n {
		id := fmt.Sprintf("v-%024d", i)
		l.accept(quarantine.Verdict{ID: id, ReceivedAt: time.Unix(1e9, 0)})
		l.removeVerdict(id)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := float64(after.HeapAlloc-min(before.HeapAlloc, after.HeapAlloc)) / n
	t.Logf("%.0f octets for each", each)
	if len(l.accepted) != n || each > 80 {
		t.Errorf("%d remembered, %.0f octets for each", len(l.accepted), each)
	}
	if _, known := l.arrive(fmt.Sprintf("v-%024d", n/2)); !known {
		t.Error("a verdict is forgotten")
	}
	l.forget(time.Unix(1e9+1, 0))
	if len(l.accepted) != 0 {
		t.Errorf("%d left", len(l.accepted))
	}
}

func TestAFloodOfHeldCasesIsBounded(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.rules.Policy.Mode = quarantine.ModeApprove
		e := w.start("a")
		time.Sleep(time.Second)
		last := ""
		for n := range quarantine.MaxHeldPerDay + 50 {
			last = w.accept(e, quarantine.Verdict{Source: "ids", ObservedAt: time.Now(), Subscriber: fmt.Sprint("sub", n), Category: "botnet"})
			if n%100 == 0 {
				time.Sleep(time.Second)
			}
		}
		other := w.accept(e, quarantine.Verdict{Source: "other", ObservedAt: time.Now(), Subscriber: "zoe", Category: "botnet"})
		time.Sleep(30 * time.Second)
		w.wantReason(e, last, quarantine.VerdictRecorded, "1000 held cases per source per day (ids)")
		w.wantReason(e, other, quarantine.VerdictHeld)
		held := 0
		for f := (quarantine.CaseFilter{State: quarantine.CaseHeld, Limit: 1000}); ; {
			page, err := w.memory.Cases(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			held += len(page.Cases)
			if f.Cursor = page.Next; f.Cursor == "" {
				break
			}
		}
		if held != quarantine.MaxHeldPerDay+1 {
			t.Errorf("%d cases held, want %d of one source and one of another", held, quarantine.MaxHeldPerDay)
		}
	})
}
