package acct

import (
	"net/netip"
	"sync"
	"time"

	"cordon/radiusx"
)

// requestKey recognises an exact duplicate: the authenticator is a digest of
// the whole packet, so that a recycled identifier is no duplicate.
type requestKey struct {
	from          netip.AddrPort
	identifier    byte
	authenticator [radiusx.AuthenticatorLength]byte
}

// answers remembers which requests are being handled and what was answered to
// the latest ones (RFC 5080 section 2.2.2). Only an optimisation: a record that
// is handled twice changes nothing.
//
// Its methods may be called from any goroutine.
type answers struct {
	window time.Duration // how long an answer is good for
	size   int           // how many answers are kept

	mu       sync.Mutex // guards what follows
	inFlight map[requestKey]struct{}
	recent   map[requestKey]answer
	ring     []requestKey // keys of recent, oldest at next once it is full
	next     int
}

type answer struct {
	packet []byte
	at     time.Time
}

func newAnswers(size int, window time.Duration) *answers {
	return &answers{
		window: window, size: size,
		inFlight: make(map[requestKey]struct{}),
		recent:   make(map[requestKey]answer),
	}
}

// begin registers a request. It returns the answer to repeat, if there is one,
// and else whether the request is new.
func (a *answers) begin(key requestKey, now time.Time) (packet []byte, fresh bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.recent[key]; ok && now.Sub(known.at) <= a.window {
		return known.packet, false
	}
	if _, ok := a.inFlight[key]; ok {
		return nil, false
	}
	a.inFlight[key] = struct{}{}
	return nil, true
}

// finish ends a request; packet is what was answered, nil for nothing.
func (a *answers) finish(key requestKey, packet []byte, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.inFlight, key)
	if packet == nil || a.size <= 0 {
		return
	}
	if _, ok := a.recent[key]; !ok {
		a.remember(key)
	}
	a.recent[key] = answer{packet, now}
}

func (a *answers) remember(key requestKey) {
	if len(a.ring) < a.size {
		a.ring = append(a.ring, key)
		return
	}
	delete(a.recent, a.ring[a.next])
	a.ring[a.next] = key
	a.next = (a.next + 1) % a.size
}
