package store

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/store/storetest"
)

func addressOf(ev quarantine.SessionEvent) quarantine.Place {
	return quarantine.Place{Addr: ev.Addresses[0].Prefix.Addr()}
}

// boundNow returns the one binding of an address.
func boundNow(t *testing.T, s *Store, at quarantine.Place, moment time.Time) quarantine.Binding {
	t.Helper()
	found, err := s.Bindings(t.Context(), at, moment, moment)
	if err != nil || len(found) != 1 {
		t.Fatalf("bindings %+v, %v", found, err)
	}
	return found[0]
}

func TestARenewalIsReadFromTheSessionsRecord(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	ev := started("1", "alice", noon, "192.0.2.1/32")
	mustRecord(t, s, ev)
	block := func() string { return fmt.Sprint(s.client.HGetAll(t.Context(), "t:b:192.0.2.0/32").Val()) }
	stored := block()
	ev.Kind, ev.At = quarantine.SessionRenewed, noon.Add(15*time.Minute)
	mustRecord(t, s, ev)
	if now := block(); now != stored || !strings.Contains(stored, "alice") {
		t.Errorf("a renewal wrote the binding again: %s, before %s", now, stored)
	}
	if b := boundNow(t, s, addressOf(ev), noon); !b.RenewedAt.Equal(ev.At) {
		t.Errorf("renewed at %s, want %s", b.RenewedAt, ev.At)
	}
	ev.Addresses = append(ev.Addresses, quarantine.Address{Prefix: netip.MustParsePrefix("2001:db8:7::/56"),
		Kind: quarantine.DelegatedIPv6Prefix})
	mustRecord(t, s, ev)
	if b := boundNow(t, s, quarantine.Place{Addr: netip.MustParseAddr("2001:db8:7::1")}, noon); b.Subscriber != "alice" {
		t.Errorf("what a renewal adds: %+v", b)
	}
}

// The session's record is stored and its binding is not: the next record, even if
// it reports nothing new, makes up for it.
// The record of a session is lost, and its Stop lists no address.
func TestARecordOfALaterSessionShowsThatABindingIsOver(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	ev := started("1", "alice", noon, "192.0.2.1/32")
	place := addressOf(ev)
	mustRecord(t, s, ev)
	redis.Do("DEL", "t:s:bng1:1")
	ev.Kind, ev.At, ev.StartedAt, ev.Addresses = quarantine.SessionEnded, noon.Add(time.Hour), noon.Add(time.Second), nil
	mustRecord(t, s, ev)
	for minute, want := range map[int]quarantine.AttributionResult{0: quarantine.Attributed, 30: quarantine.Unknown, 90: quarantine.Unknown} {
		moment := noon.Add(time.Duration(minute) * time.Minute)
		found, err := s.Bindings(t.Context(), place, time.Time{}, noon.Add(2*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if got := quarantine.WhoHeld(found, nil, 0, moment, 0); got.Result != want {
			t.Errorf("minute %d: %v %q, want %v", minute, got.Result, got.Subscriber, want)
		}
	}
}

func TestABindingThatCouldNotBeStoredIsStoredByTheNextRecord(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	redis.Do("SET", "t:b:192.0.2.0/32", "another program's")
	ev := started("1", "alice", noon, "192.0.2.1/32")
	if err := s.Record(t.Context(), []quarantine.SessionEvent{ev})[0]; err == nil {
		t.Fatal("stored over another program's key")
	}
	redis.Do("DEL", "t:b:192.0.2.0/32")
	ev.Kind, ev.At = quarantine.SessionRenewed, noon.Add(15*time.Minute)
	mustRecord(t, s, ev)
	boundNow(t, s, addressOf(ev), noon)
}

func TestAfterARestartOfRedisEverythingIsWrittenAgain(t *testing.T) {
	redis := storetest.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	s := openStore(t, redis)
	ev := started("1", "alice", noon, "192.0.2.1/32")
	mustRecord(t, s, ev)
	if _, err := s.Gaps(t.Context()); err != nil {
		t.Fatal(err)
	}
	redis.Do("DEL", "t:b:192.0.2.0/32") // as if the last second was lost
	redis.Kill()
	redis.Start()
	if _, err := s.Gaps(t.Context()); err != nil {
		t.Fatal(err)
	}
	ev.Kind, ev.At = quarantine.SessionRenewed, noon.Add(15*time.Minute)
	mustRecord(t, s, ev)
	boundNow(t, s, addressOf(ev), noon)
}

func TestWhatWasWrittenIsForgottenInTime(t *testing.T) {
	k := newWriteCache()
	at := func(hours int) time.Time { return noon.Add(time.Duration(hours) * time.Hour) }
	has := func(key uint64, hours int) bool { return k.get(key, at(hours)).mark == key }
	put := func(key uint64, all bool, hours int) {
		k.put(key, cachedSession{mark: key}, all, k.currentEpoch(), at(hours))
	}
	put(1, true, 0)
	put(3, true, 0)
	for _, hours := range []int{1, 11, 13, 20} {
		if !has(1, hours) {
			t.Errorf("forgotten after %d h", hours)
		}
	}
	put(2, true, 20)
	put(3, false, 20) // the record alone: the rest gets no younger by it
	put(4, false, 20) // and nothing is known of the rest
	if has(1, 25) || !has(2, 25) || has(3, 25) || has(4, 25) {
		t.Errorf("after a day known: old %t, newer %t, renewed alone %t and %t", has(1, 25), has(2, 25), has(3, 25), has(4, 25))
	}
	begun := k.currentEpoch()
	k.forget()
	k.put(5, cachedSession{mark: 5}, true, begun, at(25))
	if has(2, 25) || has(5, 25) {
		t.Error("not forgotten by forget")
	}
}

func TestAMarkStandsForAllThatABindingSays(t *testing.T) {
	k := newWriteCache()
	base := func() record {
		ev := started("1", "alice", noon, "192.0.2.1/32")
		r := record{began: noon}
		r.SessionKey, r.Subscriber, r.StartedAt, r.SeenAt, r.Addresses = ev.Key, "alice", noon, noon, ev.Addresses
		return r
	}
	same := base()
	same.SeenAt, same.version = noon.Add(time.Hour), 7
	first := base()
	if k.mark(&first) != k.mark(&same) {
		t.Error("when it was seen last changes the mark")
	}
	for name, change := range map[string]func(*record){
		"id": func(r *record) { r.ID = "2" }, "bng": func(r *record) { r.BNG = "bng2" }, "subscriber": func(r *record) { r.Subscriber = "bob" },
		"start": func(r *record) { r.StartedAt = noon.Add(1 * time.Second) }, "end": func(r *record) { r.EndedAt = noon },
		"began":      func(r *record) { r.began = noon.Add(time.Millisecond) },
		"start seen": func(r *record) { r.StartSeen = true }, "ignored": func(r *record) { r.Ignored = true },
		"imported": func(r *record) { r.Imported = true },
		"address":  func(r *record) { r.Addresses = append(r.Addresses, r.Addresses[0]) },
		"space":    func(r *record) { r.Addresses = []quarantine.Address{r.Addresses[0]}; r.Addresses[0].Space = "x" },
		"since":    func(r *record) { r.Addresses = []quarantine.Address{r.Addresses[0]}; r.Addresses[0].Since = noon },
		"until":    func(r *record) { r.Addresses = []quarantine.Address{r.Addresses[0]}; r.Addresses[0].Until = noon },
		"ports":    func(r *record) { r.Addresses = []quarantine.Address{r.Addresses[0]}; r.Addresses[0].Ports.Hi = 9 },
	} {
		changed := base()
		change(&changed)
		if k.mark(&changed) == k.mark(&first) {
			t.Errorf("%s does not change the mark", name)
		}
	}
}

func TestARenewalThatReportsNothingElseChangesTheHeadOfItsRecordAlone(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	ev := started("1", "alice", noon, "192.0.2.1/32")
	ev.Observed = []quarantine.Attribute{{Name: "Filter-Id", Value: "GARDEN"}}
	mustRecord(t, s, ev)
	rest := func() string { return s.client.GetRange(t.Context(), "t:s:bng1:1", 9, -1).Val() }
	before := rest()
	ev.Kind = quarantine.SessionRenewed
	renew := func(s *Store, minutes int) quarantine.Session {
		t.Helper()
		ev.At = noon.Add(time.Duration(minutes) * time.Minute)
		mustRecord(t, s, ev)
		stored, err := s.Session(t.Context(), ev.Key)
		if err != nil {
			t.Fatal(err)
		}
		return stored
	}
	stored := renew(s, 15)
	if !stored.SeenAt.Equal(ev.At) || len(stored.Observed) != 1 || !stored.Observed[0].At.Equal(ev.At) {
		t.Errorf("seen at %s, shown %+v, want %s", stored.SeenAt, stored.Observed, ev.At)
	}
	if after := rest(); after != before || !strings.Contains(after, "alice") {
		t.Errorf("more than the head was written:\n%s\n%s", before, after)
	}
	other := openStore(t, redis) // another instance writes it, of which this one knows nothing
	ev.Attributes = []quarantine.Attribute{{Name: "Class", Value: "0x01"}}
	renew(other, 30)
	ev.Attributes = nil
	if stored = renew(s, 45); stored.Attribute("Class") != "0x01" || !stored.SeenAt.Equal(ev.At) {
		t.Errorf("after another instance's record: %+v", stored)
	}
	if stored = renew(other, 40); !stored.SeenAt.Equal(noon.Add(45 * time.Minute)) {
		t.Errorf("an older record moved the session back to %s", stored.SeenAt)
	}
	redis.Do("SET", "t:s:bng1:1", "another program's")
	if stored = renew(s, 60); stored.Subscriber != "alice" || !stored.SeenAt.Equal(ev.At) {
		t.Errorf("over another program's value: %+v", stored)
	}
}

// A late record changes nothing but up to when an address that was given up is
// known to have been held: that counts where people are named.
func TestWhatALateRecordProvesIsWritten(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	first := started("1", "alice", noon, "192.0.2.1/32")
	other := started("1", "alice", noon.Add(15*time.Minute), "192.0.2.99/32")
	other.Kind = quarantine.SessionRenewed
	late := first
	late.Kind, late.At = quarantine.SessionRenewed, noon.Add(10*time.Minute)
	mustRecord(t, s, first)
	mustRecord(t, s, other)
	mustRecord(t, s, late)
	if b := boundNow(t, s, addressOf(first), noon); !b.RenewedAt.Equal(late.At) {
		t.Errorf("renewed at %s, want %s", b.RenewedAt, late.At)
	}
}
