package bngsim

import (
	"net/netip"
	"time"
)

// answerCache remembers answers, to repeat them to retransmissions: same source
// address, source port and identifier within the window (RFC 5080 section
// 2.2.2). The authenticator is not compared, as in much gear, so that a client
// that uses identifiers too soon again is found out.
type answerCache struct {
	window time.Duration // <= 0 remembers nothing
	known  map[cacheKey]cachedAnswer
	queue  []cacheKey // in the order of their answers
}

type cacheKey struct {
	peer       netip.AddrPort
	identifier byte
}

type cachedAnswer struct {
	packet []byte // nil while the request is worked on
	at     time.Time
}

func newAnswerCache(window time.Duration) answerCache {
	return answerCache{window: window, known: make(map[cacheKey]cachedAnswer)}
}

func (c *answerCache) find(key cacheKey, now time.Time) ([]byte, bool) {
	a, ok := c.known[key]
	if !ok || now.Sub(a.at) > c.window {
		return nil, false
	}
	return a.packet, true
}

// remember keeps an answer and forgets the ones that are too old.
func (c *answerCache) remember(key cacheKey, packet []byte, now time.Time) {
	if c.window <= 0 {
		return
	}
	for len(c.queue) > 0 {
		first := c.queue[0]
		if a, ok := c.known[first]; ok && now.Sub(a.at) <= c.window {
			break
		}
		delete(c.known, first)
		c.queue = c.queue[1:]
	}
	c.known[key] = cachedAnswer{packet, now}
	c.queue = append(c.queue, key)
}
