package acct

import (
	"net/netip"
	"sync"
	"time"
)

// A relay that copies accounting from a file sends its records in their order.
// When one of them is older than lagLimit on arrival, those that happened since
// are still on their way: until a record arrives in time, or nothing for
// lagLinger, who held an address after it is unknown.
//
// A record whose Event-Timestamp contradicts its arrival may come late, or from a
// BNG whose clock is off. It comes late unless the relay counted its waiting, or
// sent a record that was in time a moment ago. Only a relay that is known to count it
// shows by Acct-Delay-Time that nothing waits: others forward what the BNG sent, and
// a record that shows in no other way when its event was does not count.
const (
	lagLimit  = 3 * time.Second
	lagLinger = 15 * time.Second
)

// lag knows which relays are behind, and up to where their records have come.
type lag struct {
	mu     sync.Mutex // guards what follows
	behind map[relay]lagging
	inTime map[relay]time.Time // arrival of the last record that was in time
}

// relay is one sender: a client's prefix may hold several, each with a queue of its
// own.
type relay struct {
	client *Client
	from   netip.Addr
}

type lagging struct {
	at    time.Time // event time of the relay's newest record
	until time.Time // when it counts as in time again, without a record
}

func newLag() *lag {
	return &lag{behind: make(map[relay]lagging), inTime: make(map[relay]time.Time)}
}

// note takes a record's times in.
func (l *lag) note(r *Record) {
	if !r.Client.Relay {
		return
	}
	from := relay{r.Client, r.From.Addr().Unmap()}
	l.mu.Lock()
	defer l.mu.Unlock()
	at, counts := r.Reported(), r.Client.countsDelay()
	if !r.Latest.IsZero() && r.Delay > 0 && counts {
		at = r.Latest
	}
	late := r.Arrived.Sub(at) > lagLimit
	switch {
	case !late && r.Undated && !counts:
	case !late:
		delete(l.behind, from)
		l.inTime[from] = r.Arrived
	case !r.Latest.IsZero() && r.Arrived.Sub(l.inTime[from]) < lagLinger: // the clock of one BNG
	default:
		l.behind[from] = lagging{at: at, until: r.Arrived.Add(lagLinger)}
	}
}

// oldest returns the event time that the relay furthest behind has come to.
func (l *lag) oldest(now time.Time) (oldest time.Time, behind bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for from, where := range l.behind {
		switch {
		case !now.Before(where.until):
			delete(l.behind, from)
		case !behind || where.at.Before(oldest):
			oldest, behind = where.at, true
		}
	}
	return oldest, behind
}
