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

	mu    sync.Mutex // guards what follows
	known map[requestKey]answer
	ring  []requestKey // of known ones that were answered, oldest at next once it is full
	next  int
}

// answer is what became of a request.
type answer struct {
	packet []byte // nil: it is being handled
	at     time.Time
}

func newAnswers(size int, window time.Duration) *answers {
	return &answers{window: window, size: size, known: make(map[requestKey]answer)}
}

// begin registers a request. It returns the answer to repeat, if there is one,
// and else whether the request is new.
func (a *answers) begin(key requestKey, now time.Time) (packet []byte, fresh bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, ok := a.known[key]
	if ok && (known.packet == nil || now.Sub(known.at) <= a.window) {
		return known.packet, false
	}
	a.known[key] = answer{}
	return nil, true
}

// finish ends a request; packet is what was answered, nil for nothing.
func (a *answers) finish(key requestKey, packet []byte, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if packet == nil || a.size <= 0 {
		delete(a.known, key)
		return
	}
	a.known[key] = answer{packet, now}
	if len(a.ring) < a.size {
		a.ring = append(a.ring, key)
		return
	}
	if oldest := a.ring[a.next]; oldest != key {
		delete(a.known, oldest)
	}
	a.ring[a.next] = key
	a.next = (a.next + 1) % a.size
}
