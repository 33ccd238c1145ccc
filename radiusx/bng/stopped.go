package bng

import (
	"fmt"
	"sync"
	"time"

	"cordon/quarantine"
)

// When a profile is stopped on a BNG, and how often one subscriber tries
// whether it is taken again.
const (
	stopSubscribers = 3
	stopRetry       = 15 * time.Minute
)

// refusals remembers which profiles a BNG refuses to put in force, whoever it
// is asked for. One subscriber's refusals never stop a profile: they may be
// about her session.
type refusals struct {
	mu    sync.Mutex // guards what follows
	named map[string]*refusal
}

// refusal is what a BNG said about one profile since it last agreed.
type refusal struct {
	cause       uint32
	since       time.Time           // the first of these refusals
	subscribers map[string]struct{} // whose; at most stopSubscribers
	stopped     bool
	retry       time.Time             // when the next one may try
	trying      quarantine.SessionKey // who does
}

// Stop is a profile that is not put in force on a BNG any more, because the BNG
// refuses it to everybody. Releases are not concerned.
type Stop struct {
	Profile    string
	ErrorCause uint32
	Since      time.Time // the first refusal
	RetryAt    time.Time // when one subscriber tries again
}

// refused notes that the BNG will never do as asked (a NAK with that
// Error-Cause) for a subscriber.
func (r *refusals) refused(profile, subscriber string, cause uint32, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.named[profile]
	if f == nil || (f.cause != cause && !f.stopped) {
		f = &refusal{cause: cause, since: now, subscribers: map[string]struct{}{}}
		r.named[profile] = f
	}
	f.cause = cause
	if f.stopped {
		return
	}
	f.subscribers[subscriber] = struct{}{}
	if len(f.subscribers) >= stopSubscribers {
		f.stopped, f.subscribers, f.retry = true, nil, now.Add(stopRetry)
	}
}

// accepted notes that the BNG put the profile in force for somebody.
func (r *refusals) accepted(profile string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.named, profile)
}

// defers says why the profile may not be put in force; with trial it lets one session
// through every stopRetry.
func (r *refusals) defers(profile string, s quarantine.SessionKey, trial bool, now time.Time) (reason string, deferred bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.named[profile]
	if f == nil || !f.stopped || trial && f.trying == s {
		return "", false
	}
	if trial && !now.Before(f.retry) {
		f.trying, f.retry = s, now.Add(stopRetry)
		return "", false
	}
	return fmt.Sprintf("profile %s is stopped there: %s for everybody since %s", profile, causeName(f.cause), clock(f.since)), true
}

// end notes that an order about the session is over.
func (r *refusals) end(s quarantine.SessionKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.named {
		if f.trying == s {
			f.trying = quarantine.SessionKey{}
		}
	}
}

// stopped lists the profiles that are stopped, in no order.
func (r *refusals) stopped() []Stop {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Stop
	for profile, f := range r.named {
		if f.stopped {
			list = append(list, Stop{profile, f.cause, f.since, f.retry})
		}
	}
	return list
}
