package e2e

import (
	"fmt"
	"testing"

	"cordon/store/storetest"
)

// bed is the usual set-up: one Cordon in mode enforce, one redis-server, and a
// FreeRADIUS that plays the BNGs bng1 and bng2.
type bed struct {
	*instance
	redis *storetest.Redis // nil if the configuration names another
	bng   *radiusd
}

// newBed starts everything; change may alter the configuration before.
func newBed(t *testing.T, change ...func(*site)) *bed {
	t.Helper()
	b := prepareBed(t, change...)
	b.bng.startNow()
	b.serve()
	return b
}

// prepareBed starts Redis only, unless the configuration names one.
func prepareBed(t *testing.T, change ...func(*site)) *bed {
	t.Helper()
	b := &bed{bng: prepareRadiusd(t, 2, nil)}
	s := b.site0()
	for _, c := range change {
		c(&s)
	}
	if s.redis == "" {
		b.redis = storetest.StartRedis(t)
		s.redis = b.redis.Addr
	}
	b.instance = newInstance(t, s)
	return b
}

func (b *bed) site0() site {
	var s site
	for i, port := range b.bng.coa {
		s.bngs = append(s.bngs, bngSite{name: fmt.Sprintf("bng%d", i+1), port: port})
	}
	return s
}

// online reports a subscriber's Start at bng1: session "s-"+user.
func (b *bed) online(user, ip string) {
	b.t.Helper()
	b.account(record{user: user, session: "s-" + user, ip: ip})
}
