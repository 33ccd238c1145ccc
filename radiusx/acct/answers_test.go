package acct

import (
	"testing"
	"time"
)

func TestOnlyTheLatestAnswersAreKept(t *testing.T) {
	const size = 3
	a := newAnswers(size, time.Minute)
	now := time.Unix(1_800_000_000, 0)
	key := func(i int) requestKey { return requestKey{from: bngAddr, identifier: byte(i)} }
	for i := range 10 {
		if _, fresh := a.begin(key(i), now); !fresh {
			t.Fatalf("request %d is not new", i)
		}
		a.finish(key(i), []byte{byte(i)}, now)
	}
	for i := range 10 {
		packet, fresh := a.begin(key(i), now)
		if kept := i >= 10-size; kept != (packet != nil) || kept == fresh {
			t.Errorf("request %d: answer %v, fresh %v", i, packet, fresh)
		}
	}
	if want := 10; len(a.known) != want || len(a.ring) != size { // those kept, and the others in flight again
		t.Errorf("%d known, %d in the ring; want %d and %d", len(a.known), len(a.ring), want, size)
	}
}

func TestAFailedRequestIsNewWhenItComesAgain(t *testing.T) {
	a := newAnswers(3, time.Minute)
	now := time.Unix(1_800_000_000, 0)
	key := requestKey{from: bngAddr}
	a.begin(key, now)
	if _, fresh := a.begin(key, now); fresh {
		t.Error("a request in flight is new")
	}
	a.finish(key, nil, now)
	if _, fresh := a.begin(key, now); !fresh {
		t.Error("after its failure it is not new")
	}
}
