package store

import (
	"context"
	"strings"
	"testing"

	"cordon/store/storetest"

	"github.com/redis/go-redis/v9"
)

func TestCheckSaysWhatSpeaksAgainstARedis(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want []string // one finding each, by a word of it
	}{
		"well set up":                {nil, nil},
		"no persistence":             {[]string{"--appendonly", "no"}, []string{"keeps nothing"}},
		"snapshots only":             {[]string{"--appendonly", "no", "--save", "3600 1"}, []string{"minutes"}},
		"synced every second":        {[]string{"--appendfsync", "everysec"}, []string{"warning: appendfsync is everysec"}},
		"never synced":               {[]string{"--appendfsync", "no"}, []string{`appendfsync is "no"`}},
		"not synced during rewrites": {[]string{"--no-appendfsync-on-rewrite", "yes"}, []string{"warning: no-appendfsync-on-rewrite"}},
		"never synced, no file":      {[]string{"--appendonly", "no", "--appendfsync", "no"}, []string{"keeps nothing"}},
		"evicting":                   {[]string{"--maxmemory-policy", "allkeys-lru"}, []string{"allkeys-lru"}},
		"a replica":                  {[]string{"--replicaof", "127.0.0.1 1"}, []string{"not a master"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, storetest.StartRedis(t, c.args...))
			wantFindings(t, s, c.want)
		})
	}
}

func wantFindings(t *testing.T, s *Store, want []string) {
	t.Helper()
	findings, err := s.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(findings) != len(want) {
		t.Fatalf("findings %+v, want %d", findings, len(want))
	}
	for i, word := range want {
		word, warning := strings.CutPrefix(word, "warning: ")
		if !strings.Contains(findings[i].Text, word) || findings[i].Warning != warning {
			t.Errorf("finding %+v does not name %q as one that is a warning: %t", findings[i], word, warning)
		}
	}
}

func TestCheckSaysWhatItMayNotAsk(t *testing.T) {
	redis := storetest.StartRedis(t)
	redis.Do("ACL", "SETUSER", "default", "-config")
	wantFindings(t, openStore(t, redis), []string{"appendonly could not be checked", "save could not", "appendfsync could not",
		"maxmemory-policy could not"})
}

func TestCheckSaysThatFailoversCannotBeNoticed(t *testing.T) {
	redis := storetest.StartRedis(t)
	redis.Do("ACL", "SETUSER", "default", "-client|info")
	wantFindings(t, openStore(t, redis), []string{"allow CLIENT INFO"})
}

func TestCheckLooksAtEveryMasterOfACluster(t *testing.T) {
	t.Parallel()
	cluster := storetest.StartCluster(t)
	bad := cluster.Nodes[1]
	bad.Do("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
	s, err := New(Config{Addrs: cluster.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	wantFindings(t, s, []string{bad.Addr + ": Redis may evict"})
}

func TestCheckWithoutRedisIsAnError(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	redis.Kill()
	if findings, err := s.Check(t.Context()); err == nil {
		t.Fatalf("findings %+v of a Redis that is not there", findings)
	}
}

// oldNode is a server too old to work with.
type oldNode struct{ info string }

func (n oldNode) Info(ctx context.Context, _ ...string) *redis.StringCmd {
	cmd := redis.NewStringCmd(ctx)
	cmd.SetVal(n.info)
	return cmd
}

func (n oldNode) ConfigGet(ctx context.Context, name string) *redis.MapStringStringCmd {
	cmd := redis.NewMapStringStringCmd(ctx)
	cmd.SetVal(map[string]string{"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no",
		"maxmemory-policy": "noeviction"})
	return cmd
}

func TestCheckFindsAnOldOrAilingServer(t *testing.T) {
	for info, want := range map[string]string{
		"redis_version:6.2.7\r\nrole:master\r\n": "6.2.7",
		"role:master\r\n":                        "oldest",
		"redis_version:7.0.0\r\nrole:master\r\nrdb_last_bgsave_status:err\r\n": "snapshot failed",
		"redis_version:10.0.0\r\nrole:master\r\naof_last_write_status:err\r\n": "append-only file failed",
	} {
		findings, err := checkNode(t.Context(), oldNode{info})
		if err != nil || len(findings) != 1 || !strings.Contains(findings[0].Text, want) {
			t.Errorf("%q: findings %+v, %v; want one that names %q", info, findings, err, want)
		}
	}
}
