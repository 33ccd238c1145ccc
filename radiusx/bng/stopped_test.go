package bng

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAProfileIsStoppedAfterTheSameRefusalOfThreeSubscribers(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	type said struct {
		subscriber string
		cause      uint32 // 0: it agreed
	}
	for name, c := range map[string]struct {
		said []said
		want bool
	}{
		"one":                    {[]said{{"a", 407}}, false},
		"two":                    {[]said{{"a", 407}, {"b", 407}}, false},
		"three":                  {[]said{{"a", 407}, {"b", 407}, {"c", 407}}, true},
		"two of three":           {[]said{{"a", 407}, {"b", 407}, {"a", 407}}, false},
		"a success in between":   {[]said{{"a", 407}, {"b", 407}, {"x", 0}, {"c", 407}}, false},
		"another cause between":  {[]said{{"a", 407}, {"b", 407}, {"c", 401}, {"d", 407}}, false},
		"three after a success":  {[]said{{"x", 0}, {"a", 401}, {"b", 401}, {"c", 401}}, true},
		"one subscriber, often":  {slices.Repeat([]said{{"a", 407}}, 100), false},
		"a success lifts a stop": {[]said{{"a", 407}, {"b", 407}, {"c", 407}, {"d", 0}}, false},
	} {
		r := refusals{named: map[string]*refusal{}}
		for _, s := range c.said {
			if s.cause == 0 {
				r.accepted("garden")
				continue
			}
			r.refused("garden", s.subscriber, s.cause, now)
		}
		reason, deferred := r.defers("garden", sessionKey(9), true, now)
		if deferred != c.want {
			t.Errorf("%s: stopped %v (%s), want %v", name, deferred, reason, c.want)
		}
		if deferred && !strings.Contains(reason, "for everybody since 2026-03-01T12:00:00Z") {
			t.Errorf("%s: reason %q", name, reason)
		}
		if _, other := r.defers("no-smtp", sessionKey(9), true, now); other {
			t.Errorf("%s: another profile is stopped too", name)
		}
	}
}

func TestAStoppedProfileIsTriedByOneSubscriberEveryQuarterOfAnHour(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	r := refusals{named: map[string]*refusal{}}
	for _, s := range []string{"a", "b", "c"} {
		r.refused("garden", s, 407, now)
	}
	deferred := func(session int) bool {
		_, is := r.defers("garden", sessionKey(session), true, now)
		return is
	}
	for range 4 {
		now = now.Add(stopRetry - time.Second)
		if !deferred(1) {
			t.Fatal("tried too early")
		}
		now = now.Add(time.Second)
		if first, again := deferred(1), deferred(1); first || again {
			t.Fatal("the first who asks is not let through")
		}
		if !deferred(2) {
			t.Fatal("two are let through")
		}
		r.refused("garden", "d", 407, now)
		r.end(sessionKey(1))
		if !deferred(1) {
			t.Fatal("let through a second time")
		}
	}
	now = now.Add(stopRetry)
	if deferred(3) {
		t.Fatal("not tried again")
	}
	r.accepted("garden")
	if deferred(1) || deferred(2) {
		t.Error("stopped although the BNG agreed")
	}
}
