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

func open(t *testing.T, o storetest.Options, addrs ...string) *store.Store {
	t.Helper()
	s, err := store.New(store.Config{
		Addrs: addrs, KeyPrefix: fmt.Sprintf("t%d", prefixes.Add(1)), Restricted: o.Restricted, Now: o.Now,
	})
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

func TestTheStoreOnRedisConforms(t *testing.T) {
	redis := storetest.StartRedis(t, "--appendfsync", "no")
	storetest.Run(t, func(t *testing.T, o storetest.Options) (storetest.Ports, func(time.Duration)) {
		return open(t, o, redis.Socket), time.Sleep
	})
}

func TestTheStoreOnAClusterConforms(t *testing.T) {
	redis := storetest.StartCluster(t)
	storetest.Run(t, func(t *testing.T, o storetest.Options) (storetest.Ports, func(time.Duration)) {
		return open(t, o, redis.Addr, redis.Addr), time.Sleep
	})
}

func TestTheStoreOnMiniredisConforms(t *testing.T) {
	storetest.Run(t, func(t *testing.T, o storetest.Options) (storetest.Ports, func(time.Duration)) {
		redis := miniredis.RunT(t)
		now := time.Now()
		redis.SetTime(now)
		return open(t, o, redis.Addr()), func(d time.Duration) {
			now = now.Add(d)
			redis.SetTime(now) // FastForward ends keys, but leaves the clock that scripts read
			redis.FastForward(d)
		}
	})
}
