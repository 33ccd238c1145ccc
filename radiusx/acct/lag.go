package acct

import (
	"sync"
	"time"
)

// A relay that copies accounting from a file sends its records in their order.
// When one of them is older than lagLimit on arrival, those that happened since
// are still on their way: until a record arrives in time, or nothing for
// lagLinger, nobody can say who held an address after it.
const (
	lagLimit  = 3 * time.Second
	lagLinger = 15 * time.Second
)

// lag knows which relays are behind, and up to where their records tell.
type lag struct {
	mu     sync.Mutex // guards what follows
	behind map[*Client]lagging
}

type lagging struct {
	at    time.Time // event time of the relay's newest record
	until time.Time // when silence ends the suspicion
}

func newLag() *lag { return &lag{behind: make(map[*Client]lagging)} }

// note takes a record's times in.
func (l *lag) note(r *Record) {
	if !r.Client.Relay {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Arrived.Sub(r.At) <= lagLimit {
		delete(l.behind, r.Client)
		return
	}
	l.behind[r.Client] = lagging{at: r.At, until: r.Arrived.Add(lagLinger)}
}

// oldest returns the event time that the relay furthest behind has come to.
func (l *lag) oldest(now time.Time) (oldest time.Time, behind bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for client, where := range l.behind {
		switch {
		case !now.Before(where.until):
			delete(l.behind, client)
		case !behind || where.at.Before(oldest):
			oldest, behind = where.at, true
		}
	}
	return oldest, behind
}
