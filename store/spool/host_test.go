package spool

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/store/journal"
	"cordon/store/storetest"
)

// openHost opens what a host keeps in dir before a store that is unreachable.
func openHost(t *testing.T, dir string, most int64) *Host {
	t.Helper()
	unreachable := &sessionStore{}
	unreachable.disconnect()
	j, err := journal.Open(journal.Config{Dir: t.TempDir(), ReserveBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	h, err := Open(t.Context(), HostConfig{Dir: dir, Max: most, Next: unreachable, Journal: j})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(h.Close(), j.Close()) }) // a second time does nothing
	return h
}

// leave has a host spool two events and end.
func leave(t *testing.T, dir string) {
	t.Helper()
	h := openHost(t, dir, MinMax)
	for _, id := range []string{"1", "2"} { // two records: damage to the last one of a journal may be a torn write
		if errs := h.Recorder().Record(t.Context(), events(id)); errs[0] != nil {
			t.Fatal(errs[0])
		}
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}

// events are Starts at noon.
func events(ids ...string) (list []quarantine.SessionEvent) {
	for _, id := range ids {
		list = append(list, event(id, 0))
	}
	return list
}

func TestADamagedSpoolIsMovedAsideAndAccountingIsIncompleteUntilItIsRemoved(t *testing.T) {
	dir := t.TempDir()
	leave(t, dir)
	storetest.DamageFile(t, filepath.Join(dir, "spool"), "alice")
	for run := range 3 {
		h := openHost(t, dir, MinMax)
		if (h.MovedAside != nil) != (run == 0) || run == 0 && !strings.Contains(h.MovedAside.Error(), h.Damaged()) {
			t.Errorf("run %d: moved: %v", run, h.MovedAside)
		}
		oldest, some := h.Oldest(func() (time.Time, bool) { return noon, true })
		if want := run < 2; want != (some && oldest.Before(noon)) || want != (h.Damaged() != "") || h.Empty() {
			t.Errorf("run %d: complete up to %s, %t; damaged %q", run, oldest, some, h.Damaged())
		}
		if run == 0 {
			for _, err := range h.Recorder().Record(t.Context(), events("3")) {
				if err != nil {
					t.Errorf("accounting does not go on: %v", err)
				}
			}
		}
		if run == 1 {
			if err := os.RemoveAll(h.Damaged()); err != nil {
				t.Fatal(err)
			}
			if got := h.Damaged(); got != "" {
				t.Errorf("%s after it was removed", got)
			}
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestASpoolThatIsTurnedOffIsKeptUntilNothingWaitsInIt(t *testing.T) {
	dir := t.TempDir()
	if h := openHost(t, dir, 0); h.Spool != nil || !h.Empty() || h.Recorder() != h.DeadLetters || h.Waiting() != 0 {
		t.Fatalf("a spool that nobody asked for: %+v", h)
	}
	leave(t, dir)
	h := openHost(t, dir, 0)
	if h.Spool == nil || h.Waiting() != 2 || h.Recorder() != h.Spool {
		t.Fatalf("two records that were answered are forgotten: %+v", h)
	}
	h.Spool.cfg.Next = &sessionStore{}
	mustDrain(t, h.Spool)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if h := openHost(t, dir, 0); h.Spool != nil {
		t.Error("an empty spool that is turned off stays open")
	}
}

func TestAccountingIsCompleteUpToTheOldestRecordThatArrivedOrIsSpooled(t *testing.T) {
	h := openHost(t, t.TempDir(), MinMax)
	arrived := func(second int) func() (time.Time, bool) {
		return func() (time.Time, bool) { return noon.Add(time.Duration(second) * time.Second), true }
	}
	none := func() (time.Time, bool) { return time.Time{}, false }
	if oldest, some := h.Oldest(nil); some {
		t.Errorf("nothing arrived: %s", oldest)
	}
	if errs := h.Recorder().Record(t.Context(), events("1")); errs[0] != nil { // at noon
		t.Fatal(errs[0])
	}
	for name, c := range map[string]struct {
		arrived func() (time.Time, bool)
		want    int
	}{"no listener": {nil, 0}, "an idle listener": {none, 0}, "a later record": {arrived(5), 0}, "an earlier record": {arrived(-5), -5}} {
		if oldest, some := h.Oldest(c.arrived); !some || !oldest.Equal(noon.Add(time.Duration(c.want)*time.Second)) {
			t.Errorf("%s: %s, %t", name, oldest, some)
		}
	}
	stored := false // a record that is spooled while the listener is asked is seen in the spool
	h = openHost(t, t.TempDir(), MinMax)
	_, some := h.Oldest(func() (time.Time, bool) {
		if errs := h.Recorder().Record(t.Context(), events("1")); errs[0] != nil {
			t.Error(errs[0])
		}
		stored = true
		return time.Time{}, false
	})
	if !stored || !some {
		t.Error("a record fell between the listener and the spool")
	}
}

func TestASpoolLeavesTheDiskToTheJournal(t *testing.T) {
	h := openHost(t, t.TempDir(), MinMax)
	if err := h.Spool.cfg.Room(); err != nil {
		t.Fatalf("this disk is full: %v", err)
	}
	if err := roomBeside(h.Spool.journal, filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a disk that cannot be read has room")
	}
}
