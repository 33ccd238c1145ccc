package spool

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cordon/quarantine"
	"cordon/store/journal"
)

func TestWhileTheStoreIsThereNothingIsSpooled(t *testing.T) {
	store := &sessionStore{}
	s := open(t, t.TempDir(), store)
	mustRecord(t, s, event("a", 0), event("b", 1))
	if got := s.Stats(); got.Spooled != 0 || got.Waiting != 0 {
		t.Errorf("%+v", got)
	}
	if _, some := s.Oldest(); some {
		t.Error("something waits")
	}
	if got := store.ids(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("stored %v", got)
	}
}

func TestWhatTheStoreDoesNotAcceptIsDrainedInOrder(t *testing.T) {
	store := &sessionStore{}
	s := open(t, t.TempDir(), store)
	store.disconnect()
	mustRecord(t, s, event("a", 5), event("b", 3))
	mustRecord(t, s, event("c", 9))
	if oldest, some := s.Oldest(); !some || !oldest.Equal(noon.Add(3*time.Second)) {
		t.Errorf("oldest %v %v", oldest, some)
	}
	if err := s.RunOnce(t.Context()); !errors.Is(err, errUnreachable) {
		t.Errorf("while the store is unreachable: %v", err)
	}
	store.reconnect()
	mustRecord(t, s, event("d", 1)) // behind the spool, though the store is there
	if got := store.ids(); len(got) > 0 {
		t.Errorf("%v overtook the spool", got)
	}
	mustDrain(t, s)
	mustRecord(t, s, event("e", 10))
	if got := store.ids(); !slices.Equal(got, []string{"a", "b", "c", "d", "e"}) {
		t.Errorf("stored %v", got)
	}
	if got := s.Stats(); got.Spooled != 4 || got.Drained != 4 || got.Octets > 200 {
		t.Errorf("%+v", got)
	}
	if _, some := s.Oldest(); some {
		t.Error("something waits after all is stored")
	}
}

func TestARestartKnowsTheOldestBeforeAnythingIsDrained(t *testing.T) {
	store, dir := &sessionStore{}, t.TempDir()
	s := open(t, dir, store)
	store.disconnect()
	mustRecord(t, s, event("a", 7), event("a", 4))
	mustRecord(t, s, event("b", 6))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	store.reconnect()
	s = open(t, dir, store)
	if oldest, some := s.Oldest(); !some || !oldest.Equal(noon.Add(4*time.Second)) || s.Stats().Waiting != 3 {
		t.Fatalf("after the restart: oldest %v %v, %+v", oldest, some, s.Stats())
	}
	mustRecord(t, s, event("c", 8))
	mustDrain(t, s)
	if got := store.ids(); !slices.Equal(got, []string{"a", "a", "b", "c"}) {
		t.Errorf("stored %v", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s = open(t, dir, store); s.Stats().Waiting != 0 {
		t.Errorf("an empty spool holds %+v after a restart", s.Stats())
	}
}

func TestAFullSpoolRefusesAndAcceptsAgainWhenItIsDrained(t *testing.T) {
	store := &sessionStore{}
	s := open(t, t.TempDir(), store, func(c *Config) { c.Max = MinMax })
	store.disconnect()
	var taken []string
	for n := range 100_000 {
		id := strings.Repeat("x", 200) + string(rune('a'+n%26))
		if err := s.Record(t.Context(), []quarantine.SessionEvent{event(id, n)})[0]; err != nil {
			if !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
			break
		}
		taken = append(taken, id)
	}
	got := s.Stats()
	if got.Full != 1 || got.Octets > MinMax || got.Octets < MinMax*9/10 {
		t.Fatalf("%+v", got)
	}
	store.reconnect()
	for s.Stats().Waiting > 0 {
		if err := s.RunOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(store.ids(), taken) {
		t.Errorf("%d events were accepted, %d drained", len(taken), len(store.ids()))
	}
	store.disconnect()
	mustRecord(t, s, event("again", 0))
}

func TestWithoutRoomOnTheDiskNothingIsSpooled(t *testing.T) {
	store, room := &sessionStore{}, error(nil)
	s := open(t, t.TempDir(), store, func(c *Config) { c.Room = func() error { return room } })
	store.disconnect()
	mustRecord(t, s, event("a", 0))
	room = errors.New("the journal is full")
	if err := s.Record(t.Context(), []quarantine.SessionEvent{event("b", 0)})[0]; !errors.Is(err, ErrNoRoom) || s.Stats().NoRoom != 1 {
		t.Errorf("%v %+v", err, s.Stats())
	}
}

func TestAJournalThatHasStoppedLeavesEventsUnstored(t *testing.T) {
	store := &sessionStore{}
	s := open(t, t.TempDir(), store)
	store.disconnect()
	if err := s.journal.Close(); err != nil { // as after a failed sync: no append succeeds
		t.Fatal(err)
	}
	if err := s.Record(t.Context(), []quarantine.SessionEvent{event("a", 0)})[0]; err == nil || s.Stats().Failed != 1 {
		t.Errorf("%v %+v", err, s.Stats())
	}
	if s.Check() == nil {
		t.Error("no error is returned")
	}
}

func TestWhatFollowsAnUnstoredEventInItsSessionIsSpooledBehindIt(t *testing.T) {
	first := event("a", 0)
	events := []quarantine.SessionEvent{first, event("b", 0), event("a", 1)}
	left, of := unstored(events, []error{errUnreachable, nil, nil})
	if !slices.Equal(of, []int{0, 2}) || len(left) != 2 {
		t.Errorf("%v", of)
	}
	if _, of := unstored(events, nil); len(of) != 3 {
		t.Errorf("an answer that does not fit: %v", of)
	}
}

func TestAStoreThatHangsIsGivenUpAfterTheTimeout(t *testing.T) {
	hangs := recorder(func(ctx context.Context, events []quarantine.SessionEvent) []error {
		<-ctx.Done()
		return all(ctx.Err(), len(events))
	})
	s := open(t, t.TempDir(), hangs, func(c *Config) { c.Timeout = time.Millisecond })
	mustRecord(t, s, event("a", 0))
	if got := s.Stats(); got.Waiting != 1 {
		t.Errorf("%+v", got)
	}
}

type recorder func(context.Context, []quarantine.SessionEvent) []error

func (r recorder) Record(ctx context.Context, events []quarantine.SessionEvent) []error {
	return r(ctx, events)
}

// fill sets every field of v to something that is not its zero value; strings
// hold octets that are no UTF-8.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(noon.Add(123 * time.Millisecond)))
	case v.Type() == reflect.TypeFor[netip.Prefix]():
		v.Set(reflect.ValueOf(netip.MustParsePrefix("2001:db8::/56")))
	case v.Type() == reflect.TypeFor[netip.Addr]():
		v.Set(reflect.ValueOf(netip.MustParseAddr("192.0.2.1")))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case v.Kind() == reflect.String:
		v.SetString("\x00\xff\"é")
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(7)
	case v.CanUint():
		v.SetUint(7)
	default:
		t.Fatalf("this test cannot fill a %s", v.Type())
	}
}

func TestEveryFieldOfAnEventComesBackOctetByOctet(t *testing.T) {
	var ev quarantine.SessionEvent
	fill(t, reflect.ValueOf(&ev).Elem())
	want := []quarantine.SessionEvent{ev, {}, event("b", 1)}
	entries, err := encode(want)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	got, err := decode(journal.Record{Kind: entries[0].Kind, Payload: entries[0].Payload})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{})); diff != "" {
		t.Error(diff)
	}
}

func TestAFormatOfALaterVersionIsAnErrorAndNotAnEvent(t *testing.T) {
	dir := t.TempDir()
	j, err := journal.Open(journal.Config{Dir: dir, ReserveBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Append(t.Context(), journal.Entry{Kind: formatTwo + 1, Key: "k.1"}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := New(t.Context(), Config{Dir: dir, Max: MinMax, Next: &sessionStore{}}); !errors.Is(err, ErrFormat) {
		t.Errorf("%v", err)
	}
}

func TestAFaultyConfigurationIsRefusedWithAllFaults(t *testing.T) {
	_, err := New(t.Context(), Config{Timeout: -1})
	for _, word := range []string{"directory", "octets", "session store", "timeout"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v does not name %s", err, word)
		}
	}
}

func TestSegmentsExpireAsSoonAsTheyAreDrained(t *testing.T) {
	store, dir := &sessionStore{}, t.TempDir()
	s := open(t, dir, store, func(c *Config) { c.Max = 4 << 20 })
	store.disconnect()
	for n := range 3000 {
		mustRecord(t, s, event(strings.Repeat("y", 250), n))
	}
	before, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	store.set(func(st *sessionStore) { // replies, then is unreachable for good
		left := 5
		st.unreachable = func() error {
			if left--; left < 0 {
				return errUnreachable
			}
			return nil
		}
	})
	if err := s.RunOnce(t.Context()); !errors.Is(err, errUnreachable) {
		t.Fatal(err)
	}
	after, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	if len(before) < 4 || len(after) >= len(before) {
		t.Errorf("%d segments before, %d after a part was drained", len(before), len(after))
	}
	if _, err := os.Stat(filepath.Join(dir, "reserve")); err != nil {
		t.Error(err)
	}
}

func TestWhatMayNotBeAnsweredAloneIsNotSpooled(t *testing.T) {
	store := &sessionStore{}
	cutOff := errors.New("cut off for 31m")
	var alone error
	s := open(t, t.TempDir(), store, func(c *Config) { c.Alone = func() error { return alone } })
	store.disconnect()
	mustRecord(t, s, event("a", 0))
	alone = cutOff
	if errs := s.Record(t.Context(), []quarantine.SessionEvent{event("b", 1), event("c", 1)}); !errors.Is(errs[0], ErrAlone) ||
		!errors.Is(errs[1], cutOff) {
		t.Fatalf("%v", errs)
	}
	if now := s.Stats(); now.Alone != 2 || now.Waiting != 1 || now.Spooled != 1 || now.Failed+now.Full+now.NoRoom != 0 {
		t.Errorf("%+v", now)
	}
	store.reconnect()
	mustDrain(t, s) // what was answered goes on its way all the same
	mustRecord(t, s, event("d", 2))
	if got := store.ids(); len(got) != 2 || got[0] != "a" || got[1] != "d" {
		t.Errorf("the store got %v", got)
	}
}
