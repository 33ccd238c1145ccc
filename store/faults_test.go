package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/store/storetest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// openStore returns a store on a redis-server of its own, whose keys begin
// with "t".
func openStore(t testing.TB, redis *storetest.Redis) *Store {
	t.Helper()
	s, err := New(Config{Addrs: []string{redis.Socket}, KeyPrefix: "t", Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func started(id, subscriber string, at time.Time, addr string) quarantine.SessionEvent {
	return quarantine.SessionEvent{
		Kind: quarantine.SessionStarted, Key: quarantine.SessionKey{BNG: "bng1", ID: id}, Subscriber: subscriber, At: at, StartedAt: at,
		Addresses: []quarantine.Address{{Prefix: netip.MustParsePrefix(addr), Kind: quarantine.FramedIP}},
	}
}

func mustRecord(t *testing.T, s *Store, events ...quarantine.SessionEvent) {
	t.Helper()
	if err := errors.Join(s.Record(t.Context(), events)...); err != nil {
		t.Fatal(err)
	}
}

func held(t *testing.T, s *Store, addr string) []quarantine.Binding {
	t.Helper()
	found, err := s.Bindings(t.Context(), quarantine.Place{Addr: netip.MustParseAddr(addr)}, noon.Add(-time.Hour), noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(found, func(a, b quarantine.Binding) int { return a.From.Compare(b.From) })
	return found
}

func openCase(id, subscriber string) *quarantine.Case {
	return &quarantine.Case{ID: id, Subscriber: subscriber, State: quarantine.Restricting, OpenedAt: noon, Mode: quarantine.ModeEnforce}
}

func mustSave(t *testing.T, s *Store, c *quarantine.Case) {
	t.Helper()
	if err := s.SaveCase(t.Context(), quarantine.CaseWrite{Case: c, DueAt: noon, Now: noon}); err != nil {
		t.Fatal(err)
	}
}

func TestMalformedSessionRecordsOfOtherProgramsAreCountedAndPassedOver(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	mustRecord(t, s, started("1", "alice", noon, "192.0.2.1/32"))
	redis.Do("SET", "t:s:bng1:junk", "junk")
	redis.Do("LPUSH", "t:s:bng1:list", "x")
	redis.Do("HSET", "t:u:alice", "bng1:junk", "1", "bng1:list", "x", "nonsense", "1", "%:%", "1")
	redis.Do("HSET", "t:b:192.0.2.0/32", "1", "x", "14bng1:9:mm", "x,y", "", "")
	redis.Do("SADD", "t:lengths", "4/99", "junk", "4/31")
	redis.Do("SET", "t:b:192.0.2.0/31", "x")

	of, err := s.SessionsOf(t.Context(), "alice")
	if err != nil || len(of) != 1 || of[0].ID != "1" {
		t.Fatalf("sessions %v, %v", of, err)
	}
	if _, err := s.Session(t.Context(), quarantine.SessionKey{BNG: "bng1", ID: "junk"}); !errors.Is(err, quarantine.ErrNoSession) {
		t.Fatalf("error %v, want ErrNoSession", err)
	}
	if found := held(t, s, "192.0.2.1"); len(found) != 1 {
		t.Fatalf("bindings %v", found)
	}
	if n := s.Unreadable(); n != 8 {
		t.Fatalf("%d counted, want 8", n)
	}
	errs := s.Record(t.Context(), []quarantine.SessionEvent{
		started("junk", "bob", noon, "192.0.2.2/32"), started("list", "bob", noon, "192.0.2.3/32"), started("2", "bob", noon, "192.0.2.4/32"),
	})
	if errs[0] != nil || errs[1] == nil || errs[2] != nil {
		t.Fatalf("errors %v: only the list cannot be overwritten", errs)
	}
}

// What another program wrote in the place of a BNG's last restart stops neither its
// accounting nor the attribution of its addresses: nothing is evidence that was not
// reported since, people learn of it, and the next record puts it right.
func TestARestartThatIsNoTimeIsARestartNow(t *testing.T) {
	for name, damage := range map[string][]string{
		"text": {"SET", "t:down:bng1", "yesterday"}, "a list": {"LPUSH", "t:down:bng1", "x"},
		"too large": {"SET", "t:down:bng1", "999999999999999"},
	} {
		redis := storetest.StartRedis(t)
		s := openStore(t, redis)
		mustRecord(t, s, started("1", "alice", noon.Add(-time.Minute), "192.0.2.1/32"))
		redis.Do("DEL", "t:down:bng1")
		redis.Do(damage...)
		found, err := s.Bindings(t.Context(), quarantine.Place{Addr: netip.MustParseAddr("192.0.2.1")}, noon.Add(-time.Minute), noon)
		if err != nil || len(found) != 1 || !found[0].ResetAt.After(found[0].RenewedAt) {
			t.Errorf("%s: %+v, %v; want a binding that is in doubt", name, found, err)
		}
		if of, err := s.SessionsOf(t.Context(), "alice"); err != nil || len(of) != 1 || !of[0].Suspect {
			t.Errorf("%s: sessions %+v, %v; want one that is suspect", name, of, err)
		}
		if keys := s.UnreadableRestarts(time.Hour); !slices.Equal(keys, []string{"t:down:bng1"}) {
			t.Errorf("%s: %v", name, keys)
		}
		later := started("2", "bob", noon.Add(time.Minute), "192.0.2.2/32")
		mustRecord(t, s, later)
		if answer := redis.Do("INCRBY", "t:down:bng1", "0"); answer != ":"+strconv.FormatInt(noon.UnixMilli(), 10) { // openStore's now
			t.Errorf("%s: still %q", name, answer)
		}
		redis.Do("DEL", "t:down:bng1")
		redis.Do(damage...)
		reset := quarantine.SessionEvent{Kind: quarantine.BNGReset, Key: quarantine.SessionKey{BNG: "bng1"}, At: noon}
		mustRecord(t, s, reset)
		if answer := redis.Do("INCRBY", "t:down:bng1", "0"); answer != ":"+strconv.FormatInt(noon.UnixMilli(), 10) {
			t.Errorf("%s: after Accounting-On %q", name, answer)
		}
	}
}

func TestAMalformedCaseIsAnErrorThatNamesItsKey(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	mustSave(t, s, openCase("c1", "alice"))
	redis.Do("SET", "t:{c}:released:bob", "junk")
	redis.Do("SET", "t:{c}:verdict:v1", "")
	redis.Do("SET", "t:{c}:verdict:v2", "Sjunk")
	for name, damage := range map[string][]string{
		"no JSON":         {"HSET", "t:{c}:case:c1", "d", "junk"},
		"another version": {"HSET", "t:{c}:case:c1", "d", `{"id":"c1","subscriber":"alice","state":"restricting","mode":"enforce","version":9}`},
		"another case":    {"HSET", "t:{c}:case:c1", "d", `{"id":"c2","subscriber":"alice","mode":"enforce","version":1}`},
		"no record":       {"HDEL", "t:{c}:case:c1", "d"},
	} {
		redis.Do(damage...)
		_, errCase := s.Case(t.Context(), "c1")
		_, errDossier := s.Dossier(t.Context(), "alice")
		page, err := s.Cases(t.Context(), quarantine.CaseFilter{Limit: 1})
		if err != nil || len(page.Cases) != 0 || !slices.Equal(page.Damaged, []string{"t:{c}:case:c1"}) {
			t.Errorf("%s: listed %+v, %v", name, page, err)
		}
		for _, err := range []error{errCase, errDossier} {
			if err == nil || !strings.Contains(err.Error(), "t:{c}:case:c1") {
				t.Errorf("%s: error %v does not name the key", name, err)
			}
		}
	}
	redis.Do("DEL", "t:{c}:case:c1")
	if _, err := s.Dossier(t.Context(), "alice"); err == nil {
		t.Error("an open case that is not there went unnoticed")
	}
	if _, err := s.Dossier(t.Context(), "bob"); err == nil || !strings.Contains(err.Error(), "released:bob") {
		t.Errorf("release: error %v", err)
	}
	for _, id := range []string{"v1", "v2"} {
		if _, err := s.Verdict(t.Context(), id); err == nil || errors.Is(err, quarantine.ErrNoVerdict) || !strings.Contains(err.Error(), id) {
			t.Errorf("verdict %s: error %v", id, err)
		}
	}
}

func TestTheIndexesAreHintsAndTheRecordsDecide(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	ended := started("1", "alice", noon, "192.0.2.1/32")
	mustRecord(t, s, ended, started("2", "bob", noon, "192.0.2.2/32"))
	ended.Kind = quarantine.SessionEnded
	mustRecord(t, s, ended)
	redis.Do("HSET", "t:u:alice", "bng1:1", "1", "bng1:2", "1", "bng1:3", "1")
	if of, err := s.SessionsOf(t.Context(), "alice"); err != nil || len(of) != 0 {
		t.Errorf("an ended, another's and a forgotten session were given out: %v %v", of, err)
	}
	if answer := redis.Do("EXISTS", "t:u:alice"); answer != ":0" {
		t.Error("the stale entries are still there")
	}

	c := openCase("c1", "alice")
	c.State, c.ClosedAt = quarantine.Closed, noon
	mustSave(t, s, c)
	redis.Do("HSET", "t:{c}:open", "alice", "1:c1")
	redis.Do("ZADD", "t:{c}:cases:open", "1", "c1", "2", "never-was")
	if d, err := s.Dossier(t.Context(), "alice"); err != nil || d.Case != nil {
		t.Errorf("a closed case was given out as open: %v %v", d.Case, err)
	}
	if page, err := s.Cases(t.Context(), quarantine.CaseFilter{Limit: 9}); err != nil || len(page.Cases) != 1 {
		t.Errorf("listed: %v %v", page.Cases, err)
	}
	redis.Do("ZADD", "t:{c}:due:restrict", "1", "carol")
	if due, err := s.TakeDue(t.Context(), quarantine.LaneRestrict, noon, time.Minute, 9, 0); err != nil || len(due) != 0 {
		t.Errorf("a subscriber without an open case is due: %v %v", due, err)
	}
}

func TestATimeBefore1970IsKeptAsTheFirstMoment(t *testing.T) {
	s := openStore(t, storetest.StartRedis(t))
	mustRecord(t, s, started("1", "alice", time.Date(1890, 1, 1, 0, 0, 0, 1, time.UTC), "192.0.2.1/32"))
	got, err := s.Session(t.Context(), quarantine.SessionKey{BNG: "bng1", ID: "1"})
	if err != nil || !got.StartedAt.Equal(time.UnixMilli(1)) {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestAScriptThatRedisForgotIsSentAgain(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	for i := range 2 {
		redis.Do("SCRIPT", "FLUSH")
		mustRecord(t, s, started(fmt.Sprint(i), "alice", noon, "192.0.2.1/32"))
		redis.Do("SCRIPT", "FLUSH")
		mustSave(t, s, openCase(fmt.Sprintf("c%d", i), fmt.Sprintf("u%d", i)))
	}
}

func TestARecordStoredHalfIsCompletedByItsRepetition(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	mustRecord(t, s, started("1", "alice", noon, "192.0.2.1/32"))
	mustSave(t, s, openCase("c1", "alice"))
	next := started("1", "bob", noon.Add(time.Minute), "192.0.2.2/32")
	redis.Do("COPY", "t:b:192.0.2.0/32", "before")
	mustRecord(t, s, next)
	// As if Cordon had died right after the session's own record was written.
	redis.Do("COPY", "before", "t:b:192.0.2.0/32", "REPLACE")
	redis.Do("DEL", "t:u:bob")
	redis.Do("HSET", "t:u:alice", "bng1:1", "1")
	redis.Do("ZADD", "t:{c}:due:restrict", "9999999999999", "alice")
	ended := func() bool { // what the block says of alice, which look-ups do not rest on alone
		return slices.ContainsFunc(s.client.HVals(t.Context(), "t:b:192.0.2.0/32").Val(), func(value string) bool {
			parts := strings.Split(value, ",")
			return len(parts) > 4 && parts[4] == "alice" && parts[2] != ""
		})
	}
	if ended() {
		t.Fatal("the test's own fault did not work")
	}
	mustRecord(t, s, next)
	if !ended() {
		t.Error("the replaced session's binding has no end in its block")
	}
	if found := held(t, s, "192.0.2.1"); len(found) != 1 || !found[0].To.Equal(next.At) {
		t.Errorf("the replaced session's binding: %+v", found)
	}
	if found := held(t, s, "192.0.2.2"); len(found) != 1 || found[0].Subscriber != "bob" {
		t.Errorf("the new session's binding: %+v", found)
	}
	if of, err := s.SessionsOf(t.Context(), "bob"); err != nil || len(of) != 1 {
		t.Errorf("bob's sessions: %v %v", of, err)
	}
	if answer := redis.Do("HEXISTS", "t:u:alice", "bng1:1"); answer != ":0" {
		t.Errorf("alice's index still has the session")
	}
	if due, err := s.TakeDue(t.Context(), quarantine.LaneRestrict, noon, time.Minute, 9, 0); err != nil || len(due) != 1 {
		t.Errorf("due: %v %v", due, err)
	}
}

func TestASaveRepeatedBecauseItsAnswerWasLostSucceeds(t *testing.T) {
	s := openStore(t, storetest.StartRedis(t))
	scope := quarantine.LimitScope{Key: "hour", Window: time.Hour, Max: 1}
	w := quarantine.CaseWrite{Case: openCase("c1", "alice"), DueAt: noon, Now: noon,
		Reserve: &quarantine.Reservation{ID: "c1/1", Scopes: []quarantine.LimitScope{scope}}}
	for range 2 {
		c, err := s.saveCall(w, "x")
		if err != nil {
			t.Fatal(err)
		}
		s.run(t.Context(), []*call{c})
		if answer, err := c.cmd.StringSlice(); err != nil || !slices.Equal(answer, []string{"saved"}) {
			t.Fatalf("answer %v, %v", answer, err)
		}
	}
}

func TestStatementsAboutABindingMergeInAnyOrder(t *testing.T) {
	redis := storetest.StartRedis(t, "--appendfsync", "no")
	s := openStore(t, redis)
	versions := uint64(1)
	stated := func(seen time.Duration, change func(*record)) record {
		r := record{began: noon, version: versions}
		versions++
		r.Session = quarantine.Session{
			SessionKey: quarantine.SessionKey{BNG: "bng1", ID: "1"}, Subscriber: "alice", StartedAt: noon, SeenAt: noon.Add(seen),
			Addresses: []quarantine.Address{{Prefix: netip.MustParsePrefix("192.0.2.1/32"), Kind: quarantine.FramedIP}},
		}
		change(&r)
		return r
	}
	start, supposed := noon.Add(-time.Second), noon.Add(-time.Hour)
	statements := []record{
		stated(0, func(r *record) { r.StartedAt = supposed }), // which a later record put right
		stated(time.Minute, func(r *record) { r.StartSeen, r.StartedAt = true, start }),
		stated(2*time.Minute, func(r *record) { r.StartSeen, r.StartedAt, r.Ignored = true, start, true }),
		stated(3*time.Minute, func(r *record) {
			r.StartSeen, r.StartedAt, r.Ignored, r.EndedAt = true, start, true, noon.Add(3*time.Minute)
		}),
	}
	for _, order := range permutations([]int{0, 1, 2, 3}) {
		redis.Do("FLUSHALL")
		redis.Do("SADD", "t:lengths", "4/32")
		for _, i := range order {
			for _, one := range statements[i].statements() {
				s.run(t.Context(), s.bindingCalls(&one.Binding, one.began, one.version, noon))
			}
		}
		found := held(t, s, "192.0.2.1")
		if len(found) != 1 {
			t.Fatalf("order %v: %v", order, found)
		}
		if b := found[0]; !b.From.Equal(start) || !b.RenewedAt.Equal(noon.Add(3*time.Minute)) || !b.To.Equal(b.RenewedAt) ||
			!b.StartSeen || !b.Ignored {
			t.Fatalf("order %v: %+v", order, b)
		}
	}
}

func permutations(list []int) [][]int {
	if len(list) == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for i := range list {
		rest := slices.Delete(slices.Clone(list), i, i+1)
		for _, tail := range permutations(rest) {
			all = append(all, append([]int{list[i]}, tail...))
		}
	}
	return all
}

func TestALateWriterOfTheIndexHidesNoLiveSession(t *testing.T) {
	s := openStore(t, storetest.StartRedis(t))
	key := quarantine.SessionKey{BNG: "bng1", ID: "1"}
	// Record versions 1 and 3 are live, 2 is ended; whatever comes last, the
	// entry of version 3 must stand.
	for _, order := range permutations([]int{1, 2, 3}) {
		if err := s.client.Del(t.Context(), "t:u:alice").Err(); err != nil {
			t.Fatal(err)
		}
		for _, version := range order {
			s.run(t.Context(), []*call{s.indexCall("alice", key, uint64(version), version != 2)})
		}
		if there, err := s.client.HExists(t.Context(), "t:u:alice", "bng1:1").Result(); err != nil || !there {
			t.Errorf("order %v: the live session is not in the index (%v)", order, err)
		}
	}
}

func TestWhileRedisIsUnreachableEveryCallFailsAndAfterwardsWorks(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	for round := range 3 {
		ev := started(fmt.Sprint(round), "alice", noon, "192.0.2.1/32")
		id := fmt.Sprintf("c%d", round)
		mustRecord(t, s, ev)
		mustSave(t, s, openCase(id, id))
		redis.Kill()
		if errs := s.Record(t.Context(), []quarantine.SessionEvent{ev, ev}); errs[0] == nil || errs[1] == nil {
			t.Fatalf("recorded without Redis: %v", errs)
		}
		if err := s.Ping(t.Context()); err == nil {
			t.Fatal("ping without Redis")
		}
		if _, err := s.KnownVerdicts(t.Context(), nil); err == nil {
			t.Fatal("asked for no verdict, the store did not check whether Redis is reachable")
		}
		redis.Start()
		if of, err := s.SessionsOf(t.Context(), "alice"); err != nil || len(of) != round+1 {
			t.Fatalf("after the kill: %d sessions, %v", len(of), err)
		}
		if _, err := s.Case(t.Context(), id); err != nil {
			t.Fatalf("after the kill: %v", err)
		}
	}
}

func TestARedisThatStandsStillEndsACallWithItsContext(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	mustRecord(t, s, started("1", "alice", noon, "192.0.2.1/32"))
	redis.Pause()
	defer redis.Resume()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.SaveCase(ctx, quarantine.CaseWrite{Case: openCase("c1", "alice"), DueAt: noon, Now: noon}); err == nil {
		t.Fatal("saved in a Redis that stands still")
	}
	if errs := s.Record(ctx, []quarantine.SessionEvent{started("2", "alice", noon, "192.0.2.2/32")}); errs[0] == nil {
		t.Fatal("recorded in a Redis that stands still")
	}
}
