package store_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"cordon/store"
	"cordon/store/storetest"

	"github.com/alicebob/miniredis/v2"
)

// prefixes gives every store of these tests keys of its own.
var prefixes atomic.Int64

func open(t *testing.T, o storetest.Options, cfg store.Config) *store.Store {
	t.Helper()
	cfg.KeyPrefix, cfg.Restricted, cfg.Interim, cfg.Now = fmt.Sprintf("t%d", prefixes.Add(1)), o.Restricted, o.Interim, o.Now
	s, err := store.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// onServers opens stores on real servers, whose clock cannot be set.
func onServers(cfg store.Config) storetest.Open {
	return func(t *testing.T, o storetest.Options) (storetest.Ports, func(time.Duration)) {
		return open(t, o, cfg), time.Sleep
	}
}

func TestTheStoreOnRedisConforms(t *testing.T) {
	t.Parallel()
	redis := storetest.StartRedis(t, "--appendfsync", "no")
	storetest.Run(t, onServers(store.Config{Addrs: []string{redis.Socket}}), storetest.Seeds)
}

func TestTheStoreBehindSentinelConforms(t *testing.T) {
	t.Parallel()
	sentinel := storetest.StartSentinel(t)
	// the same scripts, reached in another way
	storetest.Run(t, onServers(store.Config{Addrs: sentinel.Addrs(), MasterName: sentinel.Name}), storetest.Seeds/3)
	for _, replica := range sentinel.Nodes[1:] {
		asked := replica.Info("commandstats")
		for _, command := range []string{"get", "hget", "hmget", "hgetall", "smembers", "zrevrangebyscore", "exists", "evalsha"} {
			if stats, ok := asked["cmdstat_"+command]; ok {
				t.Errorf("a replica was asked: %s: %s", command, stats)
			}
		}
	}
}

func TestTheStoreOnAClusterConforms(t *testing.T) {
	t.Parallel()
	storetest.Run(t, onServers(store.Config{Addrs: storetest.StartCluster(t).Addrs()}), storetest.Seeds/3) // likewise
}

func TestTheStoreOnMiniredisConforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T, o storetest.Options) (storetest.Ports, func(time.Duration)) {
		redis := miniredis.RunT(t)
		now := time.Now()
		redis.SetTime(now)
		return open(t, o, store.Config{Addrs: []string{redis.Addr()}, Without: store.Identity}), func(d time.Duration) {
			now = now.Add(d)
			redis.SetTime(now) // FastForward ends keys, but leaves the clock that scripts read
			redis.FastForward(d)
		}
	}, storetest.Seeds/5) // it interprets scripts itself, slowly, and only the demo stands on it
}
