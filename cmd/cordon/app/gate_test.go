package app

import (
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"cordon/quarantine"
	"cordon/store"
	"cordon/store/storetest"
)

// gateOf is a gate in mode enforce before a Redis of its own.
func gateOf(t *testing.T, args ...string) (*gate, *store.Store, *storetest.Redis, *observer.ObservedLogs) {
	t.Helper()
	redis := storetest.StartRedis(t, args...)
	s, err := store.New(store.Config{Addrs: []string{redis.Socket}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	core, logs := observer.New(zap.WarnLevel)
	cfg := &Config{}
	cfg.Policy.Mode = quarantine.ModeEnforce
	return newGate(cfg, s, zap.New(core)), s, redis, logs
}

func TestARedisThatSyncsEverySecondMayEnforceWithAWarning(t *testing.T) {
	g, _, redis, logs := gateOf(t, "--appendfsync", "everysec")
	for range 3 {
		if err := g.first(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if reason, paused := g.paused(); paused {
		t.Errorf("nothing new is restricted: %s", reason)
	}
	if w := g.trust.Warnings(); len(w) != 1 || !strings.Contains(w[0], "everysec") {
		t.Errorf("warnings %q", w)
	}
	if n := logs.Len(); n != 1 {
		t.Errorf("it is logged %d times in three checks", n)
	}
	redis.Do("CONFIG", "SET", "appendfsync", "always")
	if err := g.first(t.Context()); err != nil || len(g.trust.Warnings()) > 0 {
		t.Errorf("%v, warnings %q after it was corrected", err, g.trust.Warnings())
	}
}

func TestARedisThatIsNeverSyncedMayNotEnforce(t *testing.T) {
	g, s, _, _ := gateOf(t, "--appendfsync", "no")
	if err := g.first(t.Context()); err == nil || !strings.Contains(err.Error(), "redis.accept_weak") {
		t.Errorf("%v", err)
	}
	if _, paused := g.paused(); !paused {
		t.Error("it restricts")
	}
	g = newGate(&Config{Policy: quarantine.Policy{Mode: quarantine.ModeEnforce}, Redis: Redis{AcceptWeak: true}}, s, zap.NewNop())
	if err := g.first(t.Context()); err != nil {
		t.Error(err)
	}
	if _, paused := g.paused(); paused || len(g.trust.Warnings()) != 1 || !strings.Contains(g.trust.Warnings()[0], "appendfsync") {
		t.Errorf("accepted: paused %t, warnings %q", paused, g.trust.Warnings())
	}
}
