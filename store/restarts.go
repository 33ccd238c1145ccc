package store

import (
	"slices"
	"sync"
	"time"
)

// unreadableRestarts remembers the BNGs of which what stands under their key of
// announced restarts is no time. The zero value is ready, its methods may be called
// from any goroutine.
type unreadableRestarts struct {
	mu     sync.Mutex           // guards what follows
	seen   map[string]time.Time // by BNG: when last
	broken map[string]bool      // not written over yet
}

// maxUnreadableRestarts bounds how many are remembered.
const maxUnreadableRestarts = 1000

func (u *unreadableRestarts) note(bng string, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.seen == nil {
		u.seen, u.broken = map[string]time.Time{}, map[string]bool{}
	}
	if _, known := u.seen[bng]; known || len(u.seen) < maxUnreadableRestarts {
		u.seen[bng], u.broken[bng] = now, true
	}
}

// drain returns those of bngs that are to be written over, once.
func (u *unreadableRestarts) drain(bngs []string) (broken []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, bng := range bngs {
		if u.broken[bng] {
			delete(u.broken, bng)
			broken = append(broken, bng)
		}
	}
	return broken
}

// UnreadableRestarts lists the keys whose value was no time within the last while.
func (s *Store) UnreadableRestarts(within time.Duration) (keys []string) {
	s.restarts.mu.Lock()
	defer s.restarts.mu.Unlock()
	for bng, at := range s.restarts.seen {
		if s.cfg.Now().Sub(at) <= within {
			keys = append(keys, s.keys.down(bng))
		} else {
			delete(s.restarts.seen, bng)
		}
	}
	slices.Sort(keys)
	return keys
}
