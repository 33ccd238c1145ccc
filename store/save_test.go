package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/store/storetest"
)

// restricted is a case as it is saved most: a line with two sessions, of which one has
// the profile and the other is being asked for it.
func restricted(n int) *quarantine.Case {
	id := fmt.Sprintf("01JQ8ZK7M4V0000000000%05d", n)
	session := func(i int, e quarantine.Enforcement) quarantine.SessionEnforcement {
		at := typicalSession(2*n + i)
		return quarantine.SessionEnforcement{
			Session: quarantine.Session{
				SessionKey: at.Key, Subscriber: at.Subscriber, StartedAt: noon, SeenAt: noon, Addresses: at.Addresses, Attributes: at.Attributes,
			},
			Wanted: "walled-garden", Enforcement: e, Attempts: 1, UpdatedAt: noon, NextAt: noon.Add(time.Minute),
			Applied: []quarantine.AppliedProfile{{Profile: "walled-garden", Undo: "ERX-Service-Deactivate:1=SVC-GARDEN"}},
		}
	}
	return &quarantine.Case{
		ID: id, Subscriber: fmt.Sprintf("user%06d@isp.example", n), State: quarantine.Restricting, Profile: "walled-garden",
		Mode: quarantine.ModeEnforce, Rule: "botnets", Reason: `botnet "mirai" reported by sensor-1 <abuse@isp.example>`, Source: "sensor-1",
		OpenedAt: noon, ExpiresAt: noon.Add(72 * time.Hour), Generation: 1,
		Sessions: []quarantine.SessionEnforcement{session(0, quarantine.Acked), session(1, quarantine.Pending)},
		Verdicts: []quarantine.CaseVerdict{
			{ID: "v1", Source: "sensor-1", Category: "botnet", ObservedAt: noon, Rule: "botnets"},
			{ID: "v2", Source: "sensor-2", Category: "botnet", ObservedAt: noon.Add(time.Second), Rule: "botnets"},
		},
	}
}

// saves are the writes of a case: of a verdict that opens it, and of the sender
// afterwards.
func saves(b *testing.B, s *Store) map[string]func(n int) quarantine.CaseWrite {
	term, held, err := s.Campaign(b.Context(), "i1", time.Hour)
	if err != nil || !held {
		b.Fatal(held, err)
	}
	var scopes []quarantine.LimitScope
	for _, key := range []string{"hour", "day", "source:sensor-1:hour", "bng:bng1:hour"} {
		scopes = append(scopes, quarantine.LimitScope{Key: key, Window: time.Hour, Max: 1 << 30})
	}
	return map[string]func(n int) quarantine.CaseWrite{
		"opened": func(n int) quarantine.CaseWrite {
			c := restricted(n)
			return quarantine.CaseWrite{
				Case: c, DueAt: noon, Now: noon, Reserve: &quarantine.Reservation{ID: c.ID + "/1", Scopes: scopes},
				Verdict: &quarantine.VerdictStatus{
					Verdict: quarantine.Verdict{ID: "v" + strconv.Itoa(n), Source: "sensor-1"}, State: quarantine.VerdictActed, Final: true,
				},
			}
		},
		"enforced": func(n int) quarantine.CaseWrite {
			return quarantine.CaseWrite{Case: restricted(n), DueAt: noon.Add(time.Minute), Now: noon, Term: term}
		},
	}
}

// BenchmarkSaveCase measures writes of cases, and what of that is the script in Redis.
func BenchmarkSaveCase(b *testing.B) {
	for _, kind := range []string{"opened", "enforced"} {
		b.Run(kind, func(b *testing.B) {
			redis := storetest.StartRedis(b, "--appendfsync", "no")
			s := openStore(b, redis)
			write := saves(b, s)[kind]
			n := 0
			for b.Loop() {
				if err := s.SaveCase(b.Context(), write(n)); err != nil {
					b.Fatal(err)
				}
				n++
			}
			_, stats, _ := strings.Cut(redis.Info("commandstats")["cmdstat_evalsha"], "usec_per_call=")
			each, _, _ := strings.Cut(stats, ",")
			script, err := strconv.ParseFloat(each, 64)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(script, "µs/script")
		})
	}
}

// A number of JSON is a double in Lua, exact to 53 bits: what decides about a write is text.
func TestNumbersOfMoreThan53BitsDecideExactly(t *testing.T) {
	const odd = 1<<53 + 1 // the double next to it is one less
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	save := func(change func(w *quarantine.CaseWrite)) error {
		w := quarantine.CaseWrite{Case: openCase("c1", "alice"), DueAt: noon, Now: noon, Term: odd}
		w.Case.Version, w.Case.Generation = odd, 1<<64-1
		change(&w)
		return s.SaveCase(t.Context(), w)
	}
	record, err := json.Marshal(&quarantine.Case{ID: "c1", Subscriber: "alice", State: quarantine.Restricting, Version: odd})
	if err != nil {
		t.Fatal(err)
	}
	redis.Do("HSET", "t:{c}:case:c1", "v", strconv.FormatUint(odd, 10), "d", string(record))
	redis.Do("HSET", "t:{c}:open", "alice", "1:c1")
	redis.Do("HSET", "t:{c}:term", "n", strconv.FormatUint(odd, 10))
	redis.Do("HSET", "t:{c}:login:alice", "n", strconv.FormatUint(odd, 10))
	for name, c := range map[string]struct {
		change func(w *quarantine.CaseWrite)
		want   error
	}{
		"the version before": {func(w *quarantine.CaseWrite) { w.Case.Version-- }, quarantine.ErrConflict},
		"the term before":    {func(w *quarantine.CaseWrite) { w.Term-- }, quarantine.ErrNotSender},
		"an answer less": {func(w *quarantine.CaseWrite) {
			w.Case.State, w.Case.ClosedAt, w.Case.Answered = quarantine.Closed, noon, odd-1
		}, quarantine.ErrConflict},
	} {
		if err := save(c.change); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if err := save(func(*quarantine.CaseWrite) {}); err != nil {
		t.Fatal(err)
	}
	c, err := s.Case(t.Context(), "c1")
	if err != nil || c.Version != odd+1 || c.Generation != 1<<64-1 {
		t.Errorf("read back %+v, %v", c, err)
	}
}

func TestTheHeadOfSaveNamesEachArgument(t *testing.T) {
	text, err := luaFiles.ReadFile("lua/save.lua")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, m := range regexp.MustCompile(`(?m)^--   ([a-z_.]+) {2,}`).FindAllStringSubmatch(string(text), -1) {
		named = append(named, m[1])
	}
	var have []string
	for f := range reflect.TypeFor[saveArguments]().Fields() {
		have = append(have, argumentNames("", f)...)
	}
	slices.Sort(named)
	slices.Sort(have)
	if !slices.Equal(named, have) {
		t.Errorf("the head names %q, save.go gives %q", named, have)
	}
}

// argumentNames are the JSON names of a field, and of those within it.
func argumentNames(under string, f reflect.StructField) (names []string) {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if f.Type.Kind() != reflect.Pointer {
		return []string{under + name}
	}
	for i := range f.Type.Elem().NumField() {
		names = append(names, argumentNames(under+name+".", f.Type.Elem().Field(i))...)
	}
	return names
}
