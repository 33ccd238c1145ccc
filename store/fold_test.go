package store

import (
	"net/netip"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/store/storetest"
)

// ticking opens a store whose clock goes a second further with each reading.
func ticking(t *testing.T, redis *storetest.Redis, from time.Time) *Store {
	t.Helper()
	s := openStore(t, redis)
	s.cfg.Now = func() time.Time { from = from.Add(time.Second); return from }
	return s
}

// What an instance knows of a record is not true of another one that began after
// the first was lost.
func TestALostRecordsVersionsDoNotComeAgain(t *testing.T) {
	redis := storetest.StartRedis(t)
	one, other := ticking(t, redis, noon), ticking(t, redis, noon.Add(time.Hour))
	full := started("1", "alice", noon, "192.0.2.1/32")
	full.Addresses = append(full.Addresses, quarantine.Address{Prefix: netip.MustParsePrefix("2001:db8:7::/56"),
		Kind: quarantine.DelegatedIPv6Prefix})
	for name, next := range map[string]quarantine.SessionEvent{
		"less of the same session": started("1", "alice", noon, "192.0.2.1/32"),
		"another subscriber's":     started("1", "bob", noon.Add(time.Minute), "192.0.2.9/32"),
	} {
		t.Run(name, func(t *testing.T) {
			mustRecord(t, one, full)
			redis.Do("FLUSHALL")
			mustRecord(t, other, next)
			again := full
			again.Kind, again.At = quarantine.SessionRenewed, noon.Add(20*time.Minute)
			mustRecord(t, one, again)
			stored, err := one.Session(t.Context(), full.Key)
			if err != nil {
				t.Fatal(err)
			}
			if stored.Subscriber == "alice" && len(stored.Addresses) != 2 || stored.Subscriber == "bob" && !stored.SeenAt.Equal(next.At) {
				t.Errorf("alice's renewal was taken for one of %+v", stored)
			}
		})
	}
}

// failing has bindings of 192.0.2.0/28 fail while f runs, and keeps them.
func failing(redis *storetest.Redis, f func()) {
	redis.Do("RENAME", "t:b:192.0.2.0/32", "kept")
	redis.Do("SET", "t:b:192.0.2.0/32", "another program's")
	f()
	redis.Do("DEL", "t:b:192.0.2.0/32")
	redis.Do("RENAME", "kept", "t:b:192.0.2.0/32")
}

func TestAnEndThatCouldNotBeWrittenIsWrittenHoweverLate(t *testing.T) {
	next := started("1", "bob", noon.Add(10*time.Minute), "198.51.100.1/32")
	late := next
	late.Kind, late.At = quarantine.SessionRenewed, noon.Add(2*time.Hour)
	for name, c := range map[string]struct{ fails, then []quarantine.SessionEvent }{
		"by the next record": {[]quarantine.SessionEvent{next}, []quarantine.SessionEvent{late}},
		"by the repetition":  {[]quarantine.SessionEvent{next, late}, []quarantine.SessionEvent{next, late}},
	} {
		t.Run(name, func(t *testing.T) {
			redis := storetest.StartRedis(t)
			s := openStore(t, redis)
			mustRecord(t, s, started("1", "alice", noon, "192.0.2.1/32"))
			failing(redis, func() {
				if err := s.Record(t.Context(), c.fails)[0]; err == nil {
					t.Fatal("the test's own fault did not work")
				}
			})
			mustRecord(t, s, c.then...)
			if found := held(t, s, "192.0.2.1"); len(found) != 1 || !found[0].To.Equal(next.At) {
				t.Errorf("%+v, want one that ended at %s", found, next.At)
			}
		})
	}
}

func TestReplacedSessionsLeaveTheRecordOnceTheirEndsWereWritten(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	for i := range 6 {
		mustRecord(t, s, started("1", []string{"alice", "bob"}[i%2], noon.Add(time.Duration(i)*time.Minute), "192.0.2.1/32"))
	}
	replaced := func() int {
		t.Helper()
		raw, err := s.client.Get(t.Context(), "t:s:bng1:1").Result()
		if err != nil {
			t.Fatal(err)
		}
		r, err := decodeRecord(quarantine.SessionKey{BNG: "bng1", ID: "1"}, raw)
		if err != nil {
			t.Fatal(err)
		}
		return len(r.replaced)
	}
	if n := replaced(); n != maxReplaced {
		t.Errorf("%d stand in the record, want %d", n, maxReplaced)
	}
	late := started("1", "bob", noon.Add(5*time.Minute), "192.0.2.1/32")
	late.Kind, late.At = quarantine.SessionRenewed, noon.Add(3*time.Hour)
	mustRecord(t, s, late)
	if n := replaced(); n != 0 {
		t.Errorf("%d stand in the record after hours", n)
	}
}
