package store

import (
	"strings"
	"testing"

	"cordon/store/storetest"
)

// trusting is a Trust in mode enforce of a Redis of its own.
func trusting(t *testing.T, args ...string) (*Trust, *storetest.Redis) {
	t.Helper()
	redis := storetest.StartRedis(t, args...)
	return NewTrust(TrustConfig{Store: openStore(t, redis), Enforces: true}), redis
}

func TestARedisThatSyncsEverySecondIsTrustedWithAWarning(t *testing.T) {
	trust, redis := trusting(t, "--appendfsync", "everysec")
	if _, weak := trust.Weak(); !weak {
		t.Error("it is trusted before it was checked")
	}
	raised := 0
	for range 3 {
		check := trust.RunOnce(t.Context())
		if check.Err != nil || check.Weak != "" {
			t.Fatalf("%+v", check)
		}
		raised += len(check.Raised)
	}
	if w := trust.Warnings(); len(w) != 1 || !strings.Contains(w[0], "everysec") || raised != 1 {
		t.Errorf("warnings %q, raised %d times in three checks", w, raised)
	}
	redis.Do("CONFIG", "SET", "appendfsync", "always")
	if check := trust.RunOnce(t.Context()); check.Err != nil || len(trust.Warnings()) > 0 {
		t.Errorf("%+v, warnings %q after it was corrected", check, trust.Warnings())
	}
}

func TestARedisThatIsNeverSyncedIsTrustedOnlyIfThatIsAccepted(t *testing.T) {
	trust, redis := trusting(t, "--appendfsync", "no")
	if check := trust.RunOnce(t.Context()); !strings.Contains(check.Weak, "redis.accept_weak") || len(trust.Warnings()) > 0 {
		t.Errorf("%+v, warnings %q", check, trust.Warnings())
	}
	trust.cfg.AcceptWeak = true
	check := trust.RunOnce(t.Context())
	if check.Weak != "" || len(check.Raised) != 1 || !strings.Contains(trust.Warnings()[0], "appendfsync") {
		t.Errorf("accepted: %+v, warnings %q", check, trust.Warnings())
	}
	trust.cfg.AcceptWeak = false
	trust.RunOnce(t.Context())
	redis.Kill()
	if check := trust.RunOnce(t.Context()); check.Err == nil {
		t.Error("a check without Redis has a result")
	}
	if _, weak := trust.Weak(); !weak {
		t.Error("a Redis that was found weak is trusted while it is unreachable")
	}
}

func TestRedisIsNotCheckedUnlessCordonEnforces(t *testing.T) {
	trust, _ := trusting(t, "--appendfsync", "no")
	trust.cfg.Enforces = false
	if check := trust.RunOnce(t.Context()); check.Err != nil || check.Weak != "" || check.Raised != nil {
		t.Errorf("%+v", check)
	}
	if reason, weak := trust.Weak(); weak {
		t.Error(reason)
	}
}
