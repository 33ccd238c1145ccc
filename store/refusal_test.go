package store

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cordon/quarantine"
	"cordon/store/storetest"
)

// Whatever a server refuses comes back as an error that says so, and leaves
// nothing behind where all of it lies on that server.
func TestWhatRedisRefusesIsAnErrorAndNoAnswer(t *testing.T) {
	for kind, c := range map[string]struct{ trouble, mend []string }{
		"READONLY":   {[]string{"REPLICAOF", "127.0.0.1", "1"}, []string{"REPLICAOF", "NO", "ONE"}},
		"NOREPLICAS": {[]string{"CONFIG", "SET", "min-replicas-to-write", "1"}, []string{"CONFIG", "SET", "min-replicas-to-write", "0"}},
		"OOM":        {[]string{"CONFIG", "SET", "maxmemory", "1"}, []string{"CONFIG", "SET", "maxmemory", "0"}},
		"NOPERM":     {[]string{"ACL", "SETUSER", "default", "-evalsha", "-eval", "-sadd"}, []string{"ACL", "SETUSER", "default", "+@all"}},
	} {
		t.Run(kind, func(t *testing.T) {
			redis := storetest.StartRedis(t)
			s := openStore(t, redis)
			mustSave(t, s, openCase("c0", "zoe"))
			redis.Do(c.trouble...)
			wantRefusals(t, s, kind)
			redis.Do(c.mend...)
			if of, err := s.SessionsOf(t.Context(), "alice"); err != nil || len(of) != 0 {
				t.Errorf("the refused session: %v, %v", of, err)
			}
			wantNoCase(t, s)
		})
	}
}

func TestAClusterThatLacksSlotsRefusesAndIsNotMistakenForAnEmptyOne(t *testing.T) {
	t.Parallel()
	cluster := storetest.StartCluster(t)
	s := openAt(t, Config{Addrs: cluster.Addrs()})
	slot := cluster.SlotOf("t:{c}:open")
	node := cluster.Nodes[cluster.Owner(slot)]
	node.Do("CLUSTER", "DELSLOTS", strconv.Itoa(slot))
	if _, err := s.Dossier(t.Context(), "alice"); err == nil {
		t.Error("a dossier was read from nowhere")
	}
	wantRefusals(t, s, "CLUSTERDOWN", "MOVED") // the latter by a node that does not know of it yet
	node.Do("CLUSTER", "ADDSLOTS", strconv.Itoa(slot))
	wantNoCase(t, s) // the session's own slot was there: the record's repetition completes it
}

func wantRefusals(t *testing.T, s *Store, kinds ...string) {
	t.Helper()
	_, question := s.KnownVerdicts(t.Context(), nil)
	for what, err := range map[string]error{
		"whether it works": question,
		"a session":        errors.Join(s.Record(t.Context(), []quarantine.SessionEvent{started("1", "alice", noon, "192.0.2.1/32")})...),
		"a case":           s.SaveCase(t.Context(), quarantine.CaseWrite{Case: openCase("c1", "alice"), DueAt: noon, Now: noon}),
	} {
		if err == nil || !slices.ContainsFunc(kinds, func(kind string) bool { return strings.Contains(err.Error(), kind) }) {
			t.Errorf("%s: error %v, want %s", what, err, kinds)
		}
	}
}

// wantNoCase waits until the store works again, and looks for the refused case.
func wantNoCase(t *testing.T, s *Store) {
	t.Helper()
	insistGaps(t, s)
	if _, err := s.Case(t.Context(), "c1"); !errors.Is(err, quarantine.ErrNoCase) {
		t.Errorf("the refused case: %v", err)
	}
	mustRecord(t, s, started("1", "alice", noon, "192.0.2.1/32"))
	mustSave(t, s, openCase("c1", "alice"))
}

func TestAServerThatBecameAReplicaIsNotTrusted(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	insistGaps(t, s)
	redis.Do("REPLICAOF", "127.0.0.1", "1")
	if gaps, err := s.Gaps(t.Context()); !errors.Is(err, errReplica) {
		t.Fatalf("gaps %v, %v", gaps, err)
	}
	redis.Do("REPLICAOF", "NO", "ONE") // it was a replica in between, so others may have been master
	if gaps := insistGaps(t, s); len(gaps) != 1 {
		t.Fatalf("gaps %v", gaps)
	}
}
