package store

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/store/storetest"
)

// life returns what is left of a key's time to live; -1 ms is for ever.
func life(t *testing.T, redis *storetest.Redis, key string) time.Duration {
	t.Helper()
	ms, err := strconv.Atoi(strings.TrimPrefix(redis.Do("PTTL", key), ":"))
	if err != nil || ms == -2 {
		t.Fatalf("%s: time to live %d, %v", key, ms, err)
	}
	return time.Duration(ms) * time.Millisecond
}

func wantLife(t *testing.T, redis *storetest.Redis, key string, want time.Duration) {
	t.Helper()
	if got := life(t, redis, key); got > want || got < want-time.Hour {
		t.Errorf("%s lives for %s, want %s", key, got, want)
	}
}

func TestLiveSessionsAreKeptWhileTheyAreRenewedAndEndedOnesForHistory(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	keys := []string{"t:s:bng1:1", "t:u:alice", "t:b:192.0.2.0/32"}
	ev := started("1", "alice", noon, "192.0.2.1/32")
	mustRecord(t, s, ev)
	for _, key := range keys {
		wantLife(t, redis, key, DefaultIdle)
		redis.Do("PEXPIRE", key, "60000")
	}
	ev.Kind, ev.At = quarantine.SessionRenewed, noon.Add(time.Minute)
	mustRecord(t, s, ev)
	wantLife(t, redis, keys[0], time.Minute) // it was written a moment ago
	ev.At = noon.Add(90 * time.Second)
	mustRecord(t, openStore(t, redis), ev) // another instance, or the same after a day
	for _, key := range keys {
		wantLife(t, redis, key, DefaultIdle)
	}
	neighbour := started("2", "bob", noon, "192.0.2.2/32")
	mustRecord(t, s, neighbour)
	ev.Kind, ev.At = quarantine.SessionEnded, noon.Add(2*time.Minute)
	mustRecord(t, s, ev)
	wantLife(t, redis, "t:s:bng1:1", DefaultHistory)
	wantLife(t, redis, "t:b:192.0.2.0/32", DefaultIdle) // the neighbour is live
	neighbour.Kind, neighbour.At = quarantine.SessionEnded, noon.Add(3*time.Minute)
	mustRecord(t, s, neighbour)
	wantLife(t, redis, "t:b:192.0.2.0/32", DefaultHistory)
	if answer := redis.Do("EXISTS", "t:u:alice"); answer != ":0" {
		t.Error("a subscriber without live sessions is still in the index")
	}
}

func TestABlockForgetsWhatIsTooOldWhenItGrows(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	for i, ended := range []time.Duration{DefaultHistory + time.Hour, DefaultHistory - time.Hour} {
		ev := started(strconv.Itoa(i), "old", noon.Add(-ended-time.Hour), "192.0.2.2/32") // where nothing is open
		mustRecord(t, s, ev)
		ev.Kind, ev.At = quarantine.SessionEnded, noon.Add(-ended)
		mustRecord(t, s, ev)
	}
	for i, seen := range []time.Duration{DefaultIdle + time.Hour, DefaultIdle - time.Hour} {
		mustRecord(t, s, started("live"+strconv.Itoa(i), "silent", noon.Add(-seen), "192.0.2.1/32"))
	}
	for i := range 20 { // enough to make it look
		mustRecord(t, s, started("new"+strconv.Itoa(i), "alice", noon, "192.0.2.1/32"))
	}
	found, err := s.Bindings(t.Context(), quarantine.Place{Addr: started("", "", noon, "192.0.2.1/32").Addresses[0].Prefix.Addr()},
		noon.Add(-10*DefaultIdle), noon)
	if err != nil {
		t.Fatal(err)
	}
	old, err := s.Bindings(t.Context(), quarantine.Place{Addr: netip.MustParseAddr("192.0.2.2")}, noon.Add(-10*DefaultIdle), noon)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, b := range append(found, old...) {
		ids[b.Session.ID] = true
	}
	if len(ids) != 22 || !ids["1"] || !ids["live1"] || !ids["new0"] || !ids["new19"] {
		t.Fatalf("kept %v, want 1, live1 and 20 new ones", ids)
	}
	counts := func() string { return s.client.HGet(t.Context(), "t:b:192.0.2.0/32", "o").Val() }
	if counts := counts(); !strings.HasPrefix(counts, "21,") {
		t.Errorf("%s are said to be open, want 21", counts)
	}
	redis.Do("HSET", "t:b:192.0.2.0/32", "o", "another program's")
	ended := started("new7", "alice", noon, "192.0.2.1/32")
	ended.Kind, ended.At = quarantine.SessionEnded, noon.Add(time.Minute)
	for range 2 { // its repetition counts no more
		mustRecord(t, s, ended)
		if counts := counts(); !strings.HasPrefix(counts, "20,") {
			t.Errorf("%s are said to be open, want 20", counts)
		}
	}
}

// Alice's Stop was lost, and her BNG sends no Interim-Updates. That bob had her address
// since shows that she is gone, however long ago that was.
func TestWhatShowsThatAHolderIsGoneIsKeptForAsLongAsTheHolder(t *testing.T) {
	const start, stop = quarantine.SessionStarted, quarantine.SessionEnded
	ago := func(days int) time.Time { return noon.AddDate(0, 0, -days) }
	address := func(s string) quarantine.Address {
		return quarantine.Address{Prefix: netip.MustParsePrefix(s), Kind: quarantine.FramedIP}
	}
	for name, of := range map[string]struct{ held, neighbour quarantine.Address }{
		"an address":   {address("192.0.2.1/32"), address("192.0.2.2/32")},
		"a port block": {natBlock(1), natBlock(2)},
	} {
		t.Run(name, func(t *testing.T) {
			held := of.held
			s := openStore(t, storetest.StartRedis(t))
			record := func(kind quarantine.SessionEventKind, subscriber string, at time.Time, held quarantine.Address) {
				ev := quarantine.SessionEvent{
					Kind: kind, Key: quarantine.SessionKey{BNG: "bng1", ID: subscriber}, Subscriber: subscriber, At: at,
					Addresses: []quarantine.Address{held},
				}
				if kind == start {
					ev.StartedAt = at
				}
				mustRecord(t, s, ev)
			}
			who := func() quarantine.Attribution {
				found, err := s.PortBindings(t.Context(), quarantine.Place{Addr: held.Prefix.Addr()}, held.Ports.Lo, noon, noon, noon)
				if err != nil {
					t.Fatal(err)
				}
				return quarantine.WhoHeld(found, nil, held.Ports.Lo, noon, 2*time.Second)
			}
			record(start, "older", ago(25), held)
			record(stop, "older", ago(24), held)
			record(start, "alice", ago(20), held)
			if got := who(); got.Subscriber != "alice" {
				t.Fatalf("before bob: %+v", got)
			}
			record(start, "bob", ago(15), held)
			record(stop, "bob", ago(14), held)
			for i := range 40 { // enough to make it look
				other := "other" + strconv.Itoa(i)
				record(start, other, ago(13).Add(time.Duration(2*i)*time.Minute), of.neighbour)
				record(stop, other, ago(13).Add(time.Duration(2*i+1)*time.Minute), of.neighbour)
			}
			if got := who(); got.Result != quarantine.Unknown {
				t.Errorf("named %q: %+v", got.Subscriber, got)
			}
			found, err := s.Bindings(t.Context(), quarantine.Place{Addr: held.Prefix.Addr()}, ago(40), noon)
			if err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(found, func(b quarantine.Binding) bool { return b.Subscriber == "older" }) {
				t.Error("what ended before alice came is kept")
			}
		})
	}
}

func TestControlStateExpiresAsTheManualSays(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	c := openCase("c1", "alice")
	w := quarantine.CaseWrite{
		Case: c, DueAt: noon, Now: noon, Verdict: &quarantine.VerdictStatus{Verdict: quarantine.Verdict{ID: "v1"}},
		Reserve: &quarantine.Reservation{ID: "c1/1", Scopes: []quarantine.LimitScope{{Key: "day", Window: 24 * time.Hour, Max: 5}}},
	}
	if err := s.SaveCase(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if got := life(t, redis, "t:{c}:case:c1"); got != -time.Millisecond {
		t.Errorf("an open case expires in %s", got)
	}
	wantLife(t, redis, "t:{c}:verdict:v1", DefaultVerdictMemory)
	wantLife(t, redis, "t:{c}:limit:day", 24*time.Hour)
	if _, _, err := s.Campaign(t.Context(), "a", 10*time.Second); err != nil {
		t.Fatal(err)
	}
	wantLife(t, redis, "t:{c}:sender", 10*time.Second)

	c.State, c.ClosedAt = quarantine.Closed, noon
	c.Release = &quarantine.PersonRelease{Case: "c1", At: noon, By: "noc"}
	if err := s.SaveCase(t.Context(), quarantine.CaseWrite{Case: c, Now: noon}); err != nil {
		t.Fatal(err)
	}
	wantLife(t, redis, "t:{c}:case:c1", DefaultHistory)
	wantLife(t, redis, "t:{c}:released:alice", DefaultVerdictMemory)

	later := openCase("c2", "bob")
	later.State, later.ClosedAt = quarantine.Closed, noon.Add(DefaultHistory+time.Hour)
	if err := s.SaveCase(t.Context(), quarantine.CaseWrite{Case: later, Now: later.ClosedAt}); err != nil {
		t.Fatal(err)
	}
	if answer := redis.Do("ZCARD", "t:{c}:cases:closed"); answer != ":1" {
		t.Errorf("the index of closed cases holds %s, want only the new one", answer)
	}
}
