package bng

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"cordon/quarantine"
	"cordon/radiusx/coa"
)

// Health is what this process knows of one BNG from what it asked it. Only the
// elected sender asks; on any other instance it is empty or out of date.
type Health struct {
	BNG   string
	Path  string // what is asked: the BNG itself, or a proxy
	State PathState
	Since time.Time // of the state; zero if it never changed

	Unanswered int       // exchanges in a row on that path
	LastAnswer time.Time // of the BNG; zero: none yet

	// Skew is how far the BNG's clock is ahead of ours, as its last answer with
	// an Event-Timestamp showed at SkewAt; zero time: none had one.
	Skew   time.Duration
	SkewAt time.Time
	// ClockDiscards counts exchanges without a valid reply because the
	// answers' Event-Timestamp was too far off.
	ClockDiscards uint64

	InFlight            int
	WaitingReleases     int
	WaitingRestrictions int
	Rate                float64 // requests a second
	RestrictionRate     float64 // of these, restrictions; lower while many lines come back

	Stopped []Stop // by name
	Fault   *Fault // the last one; nil: none
}

// Fault is a refusal that is about the configuration or the way, not about a
// session or a profile.
type Fault struct {
	ErrorCause  uint32
	Disposition coa.Disposition
	At          time.Time
}

// vitals are what is known from a BNG's replies.
type vitals struct {
	mu            sync.Mutex // guards what follows
	repliedAt     time.Time
	skew          time.Duration
	skewAt        time.Time
	clockDiscards uint64
	fault         *Fault
}

// note records the result of an exchange; byProxy: the reply is a proxy's own.
func (v *vitals) note(result coa.Result, disposition coa.Disposition, byProxy bool, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if byProxy {
		v.fault = &Fault{result.ErrorCause, coa.PathFault, now}
		return
	}
	if result.Kind != coa.Unanswered {
		v.repliedAt = now
	}
	if result.Stamped {
		v.skew, v.skewAt = result.Skew, now
	}
	if result.Kind == coa.Unanswered && result.Skew != 0 {
		v.clockDiscards++
	}
	switch disposition {
	case coa.ConfigFault, coa.PathFault:
		v.fault = &Fault{result.ErrorCause, disposition, now}
	}
}

// note records the result of an exchange that ended without an error.
func (m *member) note(s quarantine.SessionKey, began time.Time, result coa.Result, disposition coa.Disposition) {
	now := time.Now()
	m.vitals.note(result, disposition, m.repliedByProxy(result), now)
	switch {
	case result.Kind != coa.Unanswered:
		m.path.replied(s, now)
	case result.Transmissions > 0: // else this host's own fault
		m.path.noReply(s, began, now)
	}
}

// Health returns what is known of every BNG, in the configuration's order.
func (f *Fleet) Health() []Health {
	list := make([]Health, len(f.bngs))
	for i, m := range f.bngs {
		list[i] = m.health(time.Now())
	}
	return list
}

func (m *member) health(now time.Time) Health {
	h := Health{BNG: m.Name, Path: m.path.name, Rate: m.Rate, Stopped: m.refusals.stopped()}
	slices.SortFunc(h.Stopped, func(a, b Stop) int { return cmp.Compare(a.Profile, b.Profile) })
	h.State, h.Since, h.Unanswered = m.path.status(now)
	h.InFlight, h.WaitingReleases, h.WaitingRestrictions, h.RestrictionRate = m.pace.status()
	m.vitals.mu.Lock()
	defer m.vitals.mu.Unlock()
	h.LastAnswer, h.Skew, h.SkewAt, h.ClockDiscards, h.Fault = m.vitals.repliedAt, m.vitals.skew, m.vitals.skewAt,
		m.vitals.clockDiscards, m.vitals.fault
	return h
}

// skewText says how far a clock is off, for people.
func skewText(skew time.Duration) string {
	word := "ahead"
	if skew < 0 {
		word = "behind"
	}
	return fmt.Sprintf("%d s %s", int64(skew.Abs()/time.Second), word)
}
