package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
)

func holding(id, ip string, second int) quarantine.SessionEvent {
	ev := event(id, second)
	ev.Addresses = []quarantine.Address{{Prefix: netip.MustParsePrefix(ip + "/32"), Kind: quarantine.FramedIP}}
	return ev
}

func lines(t *testing.T, file string) (read []map[string]any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var one map[string]any
		if err := json.Unmarshal(line, &one); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		read = append(read, one)
	}
	return read
}

func TestAnUnstorableRecordIsADeadLetterAndItsAddressIsUnattributable(t *testing.T) {
	for _, spooled := range []bool{false, true} {
		store := &sessionStore{refuse: func(ev quarantine.SessionEvent) bool { return ev.Key.ID == "bad\xff" }}
		file := filepath.Join(t.TempDir(), "unstorable.ndjson")
		letters := NewDeadLetters(DeadLettersConfig{File: file, Next: store, Now: func() time.Time { return noon }})
		if letters.Pending() != "" {
			t.Error("a file is said to be there")
		}
		s := open(t, t.TempDir(), letters)
		if spooled {
			store.disconnect()
		}
		bad := holding("bad\xff", "198.51.100.7", 5)
		bad.Kind, bad.Attributes = quarantine.SessionEnded, []quarantine.Attribute{{Name: "User-Name", Value: "M\xfcller"}}
		mustRecord(t, s, event("a", 0), bad, event("b", 0))
		if spooled {
			store.reconnect()
			mustDrain(t, s)
		}
		if _, waits := s.Oldest(); waits {
			t.Errorf("spooled %t: it holds attribution back", spooled)
		}
		got := lines(t, file)
		if len(got) != 1 || got[0]["record"] != "Stop" || got[0]["acct_session_id"] != `bad\xff` || got[0]["subscriber"] != "alice" ||
			got[0]["bng"] != "bng1" ||
			!strings.Contains(got[0]["reason"].(string), "another program") || got[0]["attributes"].(map[string]any)["User-Name"] != `M\xfcller` {
			t.Errorf("spooled %t: %v", spooled, got)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v %v", info, err)
		}
		if got := letters.Stats(); got.Events != 1 || got.BNG != "bng1" || letters.Pending() != file {
			t.Errorf("spooled %t: %+v %s", spooled, got, letters.Pending())
		}
		var doubt *quarantine.SessionEvent
		for i := range store.stored {
			if ev := &store.stored[i]; !ev.Key.Identified() {
				doubt = ev
			}
		}
		if doubt == nil || doubt.Subscriber != "" || doubt.Kind != quarantine.SessionStarted || !doubt.At.Equal(bad.At) ||
			len(doubt.Addresses) != 1 {
			t.Errorf("spooled %t: no nameless holder of the address: %+v", spooled, doubt)
		}
	}
}

func TestADeadLetterThatCannotBeWrittenIsNotAnswered(t *testing.T) {
	store := &sessionStore{refuse: func(ev quarantine.SessionEvent) bool { return ev.Key.ID == "bad" }}
	letters := NewDeadLetters(DeadLettersConfig{File: filepath.Join(t.TempDir(), "no", "such", "folder"), Next: store})
	errs := letters.Record(t.Context(), []quarantine.SessionEvent{event("a", 0), event("bad", 0)})
	if errs[0] != nil || errs[1] == nil || errors.Is(errs[1], quarantine.ErrUnstorable) || letters.Stats().Events != 0 {
		t.Errorf("%v", errs)
	}
}

func TestTheFileOfDeadLettersIsBounded(t *testing.T) {
	store := &sessionStore{refuse: func(ev quarantine.SessionEvent) bool { return ev.Key.Identified() }}
	file := filepath.Join(t.TempDir(), "unstorable.ndjson")
	now := noon
	letters := NewDeadLetters(DeadLettersConfig{File: file, Max: 10_000, Next: store,
		Now: func() time.Time { now = now.Add(time.Minute); return now }})
	for i := range 200 {
		if err := letters.Record(t.Context(), []quarantine.SessionEvent{holding("bad", "198.51.100.7", i)})[0]; err != nil {
			t.Fatal(err)
		}
	}
	var octets int64
	for _, name := range []string{file, file + olderSuffix} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		octets += info.Size()
	}
	last := lines(t, file)
	if octets > 10_000 || last[len(last)-1]["event_time"] != noon.Add(199*time.Second).Format(time.RFC3339) {
		t.Errorf("%d octets, the last line is %v", octets, last[len(last)-1])
	}
}

// A script of ours that fails is not somebody's key: nothing is to be answered then.
func TestAStoreThatRefusesEverybodyIsNotAnsweredFor(t *testing.T) {
	store := &sessionStore{refuse: func(quarantine.SessionEvent) bool { return true }}
	now := noon
	letters := NewDeadLetters(DeadLettersConfig{File: filepath.Join(t.TempDir(), "unstorable.ndjson"), Next: store,
		Now: func() time.Time { return now }})
	n := 0
	record := func() error {
		n++
		return letters.Record(t.Context(), []quarantine.SessionEvent{event("a", n)})[0]
	}
	for range maxDeadLetters {
		if err := record(); err != nil {
			t.Fatal(err)
		}
	}
	if err := record(); err == nil || errors.Is(err, quarantine.ErrUnstorable) {
		t.Errorf("one more: %v", err)
	}
	if err := letters.Record(t.Context(), []quarantine.SessionEvent{event("a", n-1)})[0]; err != nil ||
		letters.Stats().Events != maxDeadLetters {
		t.Errorf("one that stands in the file already, again: %v, %d are counted", err, letters.Stats().Events)
	}
	now = now.Add(deadLettersPer)
	if err := record(); err != nil {
		t.Errorf("later: %v", err)
	}
}

// A spool that is full of what the store cannot hold, such as one that was put back
// after the store's keys had gone to another program: far more than are set aside in
// one period, and more in one batch.
func TestASpoolOfUnstorableRecordsIsDrainedInTheEnd(t *testing.T) {
	for name, bad := range map[string]func(i int) bool{
		"all of it":     func(int) bool { return true },
		"every second":  func(i int) bool { return i%2 == 0 },
		"a row of them": func(i int) bool { return i >= 300 && i < 1000 },
	} {
		t.Run(name, func(t *testing.T) {
			const records = 6 * maxDeadLetters
			store := &sessionStore{}
			store.disconnect()
			now, dir := noon, t.TempDir()
			file := filepath.Join(dir, "unstorable.ndjson")
			letters := NewDeadLetters(DeadLettersConfig{File: file, Next: store, Now: func() time.Time { return now }})
			s := open(t, filepath.Join(dir, "spool"), letters)
			var want, kept []string
			for i := range records {
				id := fmt.Sprint(i)
				mustRecord(t, s, holding(id, "198.51.100.7", i))
				if bad(i) {
					want = append(want, id)
				} else {
					kept = append(kept, id)
				}
			}
			if err := errors.Join(s.Close(), os.Rename(filepath.Join(dir, "spool"), filepath.Join(dir, "spool.damaged-1")),
				os.Rename(filepath.Join(dir, "spool.damaged-1"), filepath.Join(dir, "spool"))); err != nil {
				t.Fatal(err)
			}
			s = open(t, filepath.Join(dir, "spool"), letters)
			store.reconnect()
			store.set(func(s *sessionStore) {
				s.refuse = func(ev quarantine.SessionEvent) bool {
					i, err := strconv.Atoi(ev.Key.ID)
					return err == nil && bad(i)
				}
			})
			drainInPeriods(t, s, letters, &now, len(want)/maxDeadLetters+2)
			var got []string
			for _, line := range lines(t, file) {
				got = append(got, line["acct_session_id"].(string))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d lines, want %d, each once and in order", len(got), len(want))
			}
			var took []string
			for _, id := range store.ids() {
				if _, err := strconv.Atoi(id); err == nil && !slices.Contains(took, id) {
					took = append(took, id)
				}
			}
			if !slices.Equal(took, kept) {
				t.Errorf("the store has %d of %d that it can hold", len(took), len(kept))
			}
			if _, waits := s.Oldest(); waits {
				t.Error("attribution still waits")
			}
		})
	}
}

// drainInPeriods drains a spool in at most so many periods, of each of which no more
// become dead letters than a period allows.
func drainInPeriods(t *testing.T, s *Spool, letters *DeadLetters, now *time.Time, most int) {
	t.Helper()
	for periods := 0; s.Stats().Waiting > 0; {
		for range 3 { // the pauses between are shorter than a period
			_ = s.RunOnce(t.Context()) // says that there are too many
		}
		if n := letters.Stats().Events; n > uint64((periods+1)*maxDeadLetters) {
			t.Fatalf("%d dead letters in %d periods", n, periods+1)
		}
		*now = now.Add(deadLettersPer)
		if periods++; periods > most {
			t.Fatalf("%d still wait after %d periods, %d dead letters", s.Stats().Waiting, periods, letters.Stats().Events)
		}
	}
}
