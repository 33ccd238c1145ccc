package quarantine

import (
	"fmt"
	"testing"
	"time"
)

// fill lets n sources take turns until none of them has room.
func fill(most, n int, listed bool) (by []int, all int) {
	by = make([]int, n)
	for taken := true; taken; {
		taken = false
		for i := range by {
			s := Share{Source: by[i], All: all, Most: most, Listed: listed}
			if !listed {
				s.Unlisted = all
			}
			if s.Room() {
				by[i], all, taken = by[i]+1, all+1, true
			}
		}
	}
	return by, all
}

func TestOneSourceGetsAQuarterOfTheQueueAndManyLeaveRoom(t *testing.T) {
	for _, listed := range []bool{true, false} {
		for _, n := range []int{1, 2, 5, 64} {
			t.Run(fmt.Sprintf("%d listed=%v", n, listed), func(t *testing.T) {
				by, all := fill(MaxPending, n, listed)
				for i, of := range by {
					if of > MaxPending/4 || of < by[0]-1 || of > by[0]+1 {
						t.Errorf("source %d has %d, the first %d", i, of, by[0])
					}
				}
				if n == 1 && by[0] != MaxPending/4 {
					t.Errorf("one source gets %d, want a quarter", by[0])
				}
				if !listed && all > MaxPending/2 {
					t.Errorf("unlisted sources have %d together", all)
				}
				if !(Share{All: all, Most: MaxPending, Listed: true}).Room() {
					t.Errorf("with %d of %d taken, a source that has sent nothing has no room", all, MaxPending)
				}
			})
		}
	}
}

func TestInventedNamesNeverFillMoreThanHalfOfTheQueue(t *testing.T) {
	_, all := fill(MaxPending, 10_000, false)
	if all > MaxPending/2 {
		t.Errorf("%d taken", all)
	}
	free := Share{Source: 20_000, All: all, Most: MaxPending, Listed: true}
	if !free.Room() {
		t.Error("a listed source with 20,000 has no room beside invented names")
	}
}

func TestTheFullerTheShareTheSoonerAnUnknownAddressIsGivenUp(t *testing.T) {
	const retry = 35 * time.Minute
	before := retry
	for n := 0; n <= MaxPending/4; n += 1000 {
		got := UnknownRetry(retry, Share{Source: n, All: n, Most: MaxPending, Listed: true}.Pressure())
		if got > before || got < 2*time.Minute {
			t.Fatalf("%s at %d after %s", got, n, before)
		}
		if n <= MaxPending/8 && got != retry {
			t.Errorf("%s at %d, which is no pressure", got, n)
		}
		before = got
	}
	if before != 2*time.Minute {
		t.Errorf("%s at a full share, want 2m", before)
	}
	if got := UnknownRetry(retry, Share{Source: 1, All: MaxPending, Most: MaxPending, Listed: true}.Pressure()); got != 2*time.Minute {
		t.Errorf("%s with a full queue, want 2m", got)
	}
	if got := UnknownRetry(time.Minute, 1); got != time.Minute {
		t.Errorf("%s: pressure prolongs", got)
	}
}
