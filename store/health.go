package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// oldestRedis is the major version whose commands we use.
const oldestRedis = 7

// Finding is something about the set-up of a Redis.
type Finding struct {
	Text string
	// Warning: it costs attribution after a crash, and never names a wrong
	// subscriber; a Redis with nothing but warnings may be trusted with enforcement.
	Warning bool
}

// weak is a finding for which a Redis is not trusted with enforcement.
func weak(format string, args ...any) Finding { return Finding{Text: fmt.Sprintf(format, args...)} }

// Check reads how Redis is configured and returns what a person should know of
// it, in words; none is good. On a Cluster every master is checked. The error
// means that Redis could not be asked at all.
func (s *Store) Check(ctx context.Context) ([]Finding, error) {
	findings, err := s.checkNodes(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := s.masters(ctx); redis.HasErrorPrefix(err, "NOPERM") {
		findings = append(findings, weak("failovers cannot be noticed, so no address can be attributed: allow CLIENT INFO and INFO (%v)", err))
	}
	return findings, nil
}

func (s *Store) checkNodes(ctx context.Context) ([]Finding, error) {
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok {
		return checkNode(ctx, s.client)
	}
	var mu sync.Mutex // guards findings: masters are asked at the same time
	var findings []Finding
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		found, err := checkNode(ctx, node)
		mu.Lock()
		defer mu.Unlock()
		for _, f := range found {
			f.Text = node.Options().Addr + ": " + f.Text
			findings = append(findings, f)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("check redis: %w", err)
	}
	return findings, nil
}

// node is what checkNode asks: one Redis server.
type node interface {
	Info(ctx context.Context, section ...string) *redis.StringCmd
	ConfigGet(ctx context.Context, parameter string) *redis.MapStringStringCmd
}

func checkNode(ctx context.Context, n node) ([]Finding, error) {
	text, err := n.Info(ctx).Result()
	if err != nil {
		return nil, fmt.Errorf("ask redis about itself: %w", err)
	}
	info := parseInfo(text)
	var findings []Finding
	if major, _, _ := strings.Cut(info["redis_version"], "."); !atLeast(major, oldestRedis) {
		findings = append(findings, weak("Redis is version %q; 7.0 is the oldest that works", info["redis_version"]))
	}
	if info["role"] != "master" {
		findings = append(findings, weak("the server is a %q, not a master", info["role"]))
	}
	if info["rdb_last_bgsave_status"] == "err" {
		findings = append(findings, weak("the last snapshot failed (rdb_last_bgsave_status)"))
	}
	if info["aof_last_write_status"] == "err" {
		findings = append(findings, weak("the last write to the append-only file failed (aof_last_write_status)"))
	}
	return append(findings, checkConfig(ctx, n)...), nil
}

func atLeast(number string, least int) bool {
	n, err := strconv.Atoi(number)
	return err == nil && n >= least
}

// checkConfig asks for settings; CONFIG may be forbidden to us.
func checkConfig(ctx context.Context, n node) []Finding {
	var findings []Finding
	setting := func(name string) (string, bool) {
		values, err := n.ConfigGet(ctx, name).Result()
		if err != nil {
			findings = append(findings, weak("%s could not be checked: %v", name, err))
			return "", false
		}
		return values[name], true
	}
	appendonly, known := setting("appendonly")
	if save, ok := setting("save"); known && ok && appendonly != "yes" {
		if save == "" {
			findings = append(findings, weak("Redis keeps nothing over a restart: set appendonly yes"))
		} else {
			findings = append(findings, weak("Redis may lose minutes at a crash, it only keeps snapshots: set appendonly yes"))
		}
	}
	if fsync, ok := setting("appendfsync"); ok && appendonly == "yes" {
		rewriting, _ := setting("no-appendfsync-on-rewrite")
		findings = append(findings, checkSync(fsync, rewriting)...)
	}
	if policy, ok := setting("maxmemory-policy"); ok && policy != "noeviction" {
		findings = append(findings, weak("Redis may evict our state when memory is short: maxmemory-policy is %q, must be noeviction", policy))
	}
	return findings
}

// checkSync judges how the append-only file is synced.
func checkSync(fsync, duringRewrite string) []Finding {
	switch {
	case fsync != "always" && fsync != "everysec":
		return []Finding{weak("Redis may lose half a minute at a crash of its host: appendfsync is %q, set always or everysec", fsync)}
	case fsync == "everysec":
		return []Finding{{Warning: true, Text: "Redis may lose a second at a crash of its host, and after each restart of Redis who holds " +
			"an address is in doubt until the next accounting record of the session: appendfsync is everysec; always loses nothing"}}
	case duringRewrite != "no":
		return []Finding{{Warning: true, Text: "Redis does not sync while it rewrites its append-only file, so that after each restart " +
			"of Redis who holds an address is in doubt until the next accounting record of the session: set no-appendfsync-on-rewrite no"}}
	}
	return nil
}

// parseInfo reads the answer to INFO: lines of name:value.
func parseInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			info[name] = value
		}
	}
	return info
}
