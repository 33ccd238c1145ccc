package bng

import (
	"fmt"
	"sync"
	"time"

	"cordon/quarantine"
)

// PathState is what is known of the way to a BNG.
type PathState uint8

// The states.
const (
	// PathOK: it is reachable, as far as is known.
	PathOK PathState = iota
	// PathUnresponsive: several exchanges in a row, of several sessions, were not
	// answered. New restrictions are deferred but for a trial now and then;
	// releases are tried, a few at a time.
	PathUnresponsive
	// PathRecovering: it answers again. Releases go first; restrictions are
	// deferred until none has been in flight for a while.
	PathRecovering
)

// pathStates is the one table of PathState: the words of API and metrics.
var pathStates = [...]string{PathOK: "ok", PathUnresponsive: "unresponsive", PathRecovering: "recovering"}

// String returns the word for s in API and metrics.
func (s PathState) String() string { return pathStates[s] }

// PathStates lists all states.
func PathStates() []PathState { return []PathState{PathOK, PathUnresponsive, PathRecovering} }

// When a path counts as unresponsive, and how it is tried meanwhile. One session that
// is not answered may be that session's fault (accel-ppp sends no reply while
// another change of it is under way), however often it is asked.
const (
	unresponsiveExchanges = 5                // unanswered in a row
	unresponsiveSessions  = 3                // of at least so many sessions
	unresponsiveInFlight  = 4                // requests in flight at a time, to each BNG of an unresponsive path
	firstTrialPause       = 5 * time.Second  // before a restriction is let through as a trial; doubles
	maxTrialPause         = time.Minute      // between two trials
	trialLasts            = 30 * time.Second // a trial that was granted and has not begun by then may be another's
	releaseQuiet          = 10 * time.Second // without a release; one that is deferred pauses for 8 s at most
	maxRecovery           = 10 * time.Minute // there are releases that never end; after that the pacer alone puts them first
)

// breaker watches the path to one BNG, or to a proxy and all BNGs behind it. It
// opens where nobody replies only, for a NAK is a reply. It never defers a release:
// releases are how it learns that the path is back.
type breaker struct {
	name    string        // of what is asked, for people
	changes chan struct{} // of the fleet, capacity 1: returned has changed

	mu         sync.Mutex // guards what follows; taken before a pacer's
	pacers     []*pacer   // of all BNGs on the path
	state      PathState
	since      time.Time // of state; of PathUnresponsive: when the first exchange that nobody answered began
	unanswered int       // exchanges in a row
	sessions   map[quarantine.SessionKey]struct{}
	began      time.Time // of the first of them
	repliedAt  time.Time // the last answer
	returned   time.Time // see quarantine.Paths

	releasing int       // releases that wait for their turn or for an answer
	released  time.Time // when the last one of them ended

	trial     trial
	nextTrial time.Time
	pause     time.Duration
	begun     map[quarantine.SessionKey]struct{} // a step of their order was answered, and it goes on
}

// trial is a restriction that is let through although the path is unresponsive.
type trial struct {
	session quarantine.SessionKey // zero: there is none
	until   time.Time             // unless it has begun
	begun   bool
}

func newBreaker(name string, news chan struct{}) *breaker {
	return &breaker{
		name: name, changes: news,
		sessions: map[quarantine.SessionKey]struct{}{}, begun: map[quarantine.SessionKey]struct{}{},
	}
}

// enter notes that an exchange is about to wait for its turn; call the function
// it returns when it is over.
func (b *breaker) enter(s quarantine.SessionKey, urgent bool) (leave func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !urgent {
		b.trial.begun = b.trial.begun || b.trial.session == s
		return func() {}
	}
	b.releasing++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.releasing--
		b.released = time.Now()
	}
}

// replied notes a valid reply, ACK or NAK.
func (b *breaker) replied(s quarantine.SessionKey, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.repliedAt, b.unanswered = now, 0
	clear(b.sessions)
	b.begun[s] = struct{}{}
	if b.state == PathUnresponsive {
		b.setState(PathRecovering, now)
		b.returned, b.trial = now, trial{}
		b.notify()
	}
}

// noReply notes an exchange, begun then, that reached the network and was not
// answered. One that began before the last reply does not count.
func (b *breaker) noReply(s quarantine.SessionKey, began, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if began.Before(b.repliedAt) {
		return
	}
	if b.unanswered == 0 || began.Before(b.began) {
		b.began = began
	}
	b.unanswered++
	b.sessions[s] = struct{}{}
	if b.state != PathUnresponsive && b.unanswered >= unresponsiveExchanges && len(b.sessions) >= unresponsiveSessions {
		b.setState(PathUnresponsive, b.began)
		b.pause, b.nextTrial = firstTrialPause, now.Add(firstTrialPause)
	}
	if b.state == PathUnresponsive {
		clear(b.sessions) // it need not grow with who is asked meanwhile
	}
}

// setState sets the state. b.mu is held.
func (b *breaker) setState(s PathState, since time.Time) {
	b.state, b.since = s, since
	most := 0
	if s == PathUnresponsive {
		most = unresponsiveInFlight
	}
	for _, p := range b.pacers {
		p.confine(most)
	}
}

// notify wakes whoever deferred something. b.mu is held.
func (b *breaker) notify() {
	select {
	case b.changes <- struct{}{}:
	default: // they are notified already
	}
}

// defers says why a restriction of the session may not leave now, which with trial may be
// let through as the next trial.
func (b *breaker) defers(s quarantine.SessionKey, trial bool, now time.Time) (reason string, deferred bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endRecovery(now)
	if _, goesOn := b.begun[s]; goesOn && trial || b.state == PathOK {
		return "", false
	}
	if b.state == PathRecovering {
		return fmt.Sprintf("%s replies again since %s, and releases go first", b.name, clock(b.since)), true
	}
	if trial && b.grantTrial(s, now) {
		return "", false
	}
	return fmt.Sprintf("%s has been unresponsive since %s, %d requests unanswered", b.name, clock(b.since), b.unanswered), true
}

// endRecovery ends a recovery in which releases have been served, or that has lasted
// long enough. b.mu is held.
func (b *breaker) endRecovery(now time.Time) {
	quiet := b.releasing == 0 && now.Sub(later(b.released, b.since)) >= releaseQuiet
	if b.state != PathRecovering || !quiet && now.Sub(b.since) < maxRecovery {
		return
	}
	b.setState(PathOK, now)
	b.returned = now
	b.notify()
}

// grantTrial grants the session the next trial, if it has not got it already. While
// a release is under way nobody else is needed to try. b.mu is held.
func (b *breaker) grantTrial(s quarantine.SessionKey, now time.Time) bool {
	switch {
	case b.trial.session == s:
		return true
	case b.trial.session != (quarantine.SessionKey{}) && (b.trial.begun || now.Before(b.trial.until)):
		return false
	case b.releasing > 0 || now.Before(b.nextTrial):
		return false
	}
	b.trial = trial{session: s, until: now.Add(trialLasts)}
	return true
}

// returnTrial gives a trial back that was granted and will not be used.
func (b *breaker) returnTrial(s quarantine.SessionKey) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trial.session == s && !b.trial.begun {
		b.trial = trial{}
	}
}

// end notes that the order about the session is over.
func (b *breaker) end(s quarantine.SessionKey, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.begun, s)
	if b.trial.session != s {
		return
	}
	b.trial = trial{}
	b.nextTrial = now.Add(b.pause)
	b.pause = min(2*b.pause, maxTrialPause)
}

// status returns what people are shown.
func (b *breaker) status(now time.Time) (state PathState, since time.Time, unanswered int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endRecovery(now)
	return b.state, b.since, b.unanswered
}

func (b *breaker) lastReturn() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.returned
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// clock writes a moment for people, to the second.
func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }
