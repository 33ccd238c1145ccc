package storetest

import (
	"testing"
	"time"
)

// Completeness tests quarantine.Completeness.
func Completeness(t *testing.T, open Open) {
	const ttl = 10 * time.Second
	publish := func(t *testing.T, s Ports, instance string, complete time.Time, ttl time.Duration) {
		t.Helper()
		must(t, s.Publish(t.Context(), instance, complete, ttl))
	}
	// want checks what all but except are complete to; zero: there are no others.
	want := func(t *testing.T, s Ports, except string, want time.Time) {
		t.Helper()
		got, others, err := s.Complete(t.Context(), except)
		must(t, err)
		if !got.Equal(want) || others == want.IsZero() {
			t.Fatalf("all but %q are complete to %s, others %t; want %s", except, got, others, want)
		}
	}

	t.Run("one alone has no others", func(t *testing.T) {
		s := start(t, open)
		want(t, s, "a", time.Time{})
		publish(t, s, "a", noon, ttl)
		want(t, s, "a", time.Time{})
		want(t, s, "b", noon)
		want(t, s, "", noon)
	})

	t.Run("the earliest of the others is told", func(t *testing.T) {
		s := start(t, open)
		publish(t, s, "a", minute(1), ttl)
		publish(t, s, "b", minute(2), ttl)
		publish(t, s, "c:{x}", minute(3), ttl)
		want(t, s, "a", minute(2))
		want(t, s, "b", minute(1))
		want(t, s, "c:{x}", minute(1))
	})

	t.Run("what is published last counts, also if it is earlier", func(t *testing.T) {
		s := start(t, open)
		for _, at := range []time.Time{minute(2), minute(1), minute(3), time.UnixMilli(-5)} {
			publish(t, s, "a", at, ttl)
			want(t, s, "b", at)
		}
	})

	t.Run("a moment is never rounded up", func(t *testing.T) {
		s := start(t, open)
		publish(t, s, "a", noon.Add(999*time.Microsecond), ttl)
		want(t, s, "b", noon)
	})

	t.Run("an instance that says nothing more ends, alone", func(t *testing.T) {
		s := start(t, open)
		const short = 100 * time.Millisecond
		publish(t, s, "dead", minute(1), short)
		publish(t, s, "live", minute(2), ttl)
		want(t, s, "a", minute(1))
		s.pass(2 * short)
		want(t, s, "a", minute(2))
		publish(t, s, "live", minute(3), ttl)
		want(t, s, "a", minute(3))
		publish(t, s, "dead", minute(1), ttl) // back again
		want(t, s, "a", minute(1))
	})

	t.Run("a short life does not cut another's", func(t *testing.T) {
		s := start(t, open)
		const short = 100 * time.Millisecond
		publish(t, s, "live", minute(1), ttl)
		publish(t, s, "brief", minute(2), short)
		s.pass(2 * short)
		want(t, s, "a", minute(1))
	})

	t.Run("without a name or a life nothing is published", func(t *testing.T) {
		s := start(t, open)
		if err := s.Publish(t.Context(), "", noon, ttl); err == nil {
			t.Error("no name: no error")
		}
		if err := s.Publish(t.Context(), "a", noon, 0); err == nil {
			t.Error("no time to live: no error")
		}
		want(t, s, "b", time.Time{})
	})
}
