package quarantinetest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"cordon/quarantine"
)

// dueEntry is when a subscriber is due next. A leased one is being worked;
// anything that wakes the subscriber takes the mark away.
type dueEntry struct {
	at     time.Time
	leased bool
	asked  time.Time // of a leased one: the earliest time asked for meanwhile; zero: none
}

// senderLease is who sends.
type senderLease struct {
	holder string // holds it until end, or held it last
	end    time.Time
	term   uint64
}

// schedule does to the due set what a saved case asks for: only finishing puts
// its time off, and a wake-up nobody has answered yet stays.
func (m *Memory) schedule(w quarantine.CaseWrite) {
	c := w.Case
	if !c.Open() {
		if m.open[c.Subscriber] == c.ID {
			delete(m.open, c.Subscriber)
		}
		if _, another := m.open[c.Subscriber]; !another {
			delete(m.due[0], c.Subscriber)
			delete(m.due[1], c.Subscriber)
		}
		return
	}
	m.open[c.Subscriber] = c.ID
	next := dueEntry{at: w.DueAt}
	for _, lane := range m.due {
		old, ok := lane[c.Subscriber]
		delete(lane, c.Subscriber)
		if !ok {
			continue
		}
		unanswered := !old.leased && !old.at.After(w.Now)
		own := old.leased && old.at.Equal(next.at) // the writer's own lease, which stays one
		if own || unanswered && next.at.IsZero() || !next.at.IsZero() && old.at.Before(next.at) {
			if old.leased && (old.asked.IsZero() || next.at.Before(old.asked)) {
				old.asked = next.at
			}
			next = old
		}
	}
	if !next.at.IsZero() {
		m.due[c.Lane()][c.Subscriber] = next
	}
}

// TakeDue implements quarantine.DueSet.
func (m *Memory) TakeDue(_ context.Context, lane quarantine.Lane, now time.Time, lease time.Duration, n int,
	term uint64) ([]quarantine.Due, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if term != 0 && term != m.lock.term {
		return nil, quarantine.ErrNotSender
	}
	var due []string
	for subscriber, l := range m.due[lane] {
		if !l.at.After(now) {
			due = append(due, subscriber)
		}
	}
	slices.SortFunc(due, func(a, b string) int {
		return cmp.Or(m.due[lane][a].at.Compare(m.due[lane][b].at), cmp.Compare(a, b))
	})
	taken := []quarantine.Due{}
	for _, subscriber := range due[:min(n, len(due))] {
		m.due[lane][subscriber] = dueEntry{at: now.Add(lease), leased: true}
		taken = append(taken, quarantine.Due{Lane: lane, Subscriber: subscriber, Until: now.Add(lease)})
	}
	return taken, nil
}

// FinishDue implements quarantine.DueSet.
func (m *Memory) FinishDue(_ context.Context, d quarantine.Due, next time.Time) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	l, ok := m.due[d.Lane][d.Subscriber]
	if ok && !next.IsZero() && l.leased && l.at.Equal(d.Until) {
		if !l.asked.IsZero() && l.asked.Before(next) {
			next = l.asked
		}
		m.due[d.Lane][d.Subscriber] = dueEntry{at: next}
	}
	return nil
}

// WakeAll implements quarantine.DueSet.
func (m *Memory) WakeAll(_ context.Context, now time.Time) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	m.wakeAll(now)
	return nil
}

func (m *Memory) wakeAll(now time.Time) {
	n := 0
	for subscriber := range m.open {
		m.wakeBy(subscriber, now, now.Add(time.Duration(n/quarantine.WakeSlice)*quarantine.WakeEvery))
		n++
	}
}

// wake makes the subscriber's open case due, if there is one.
func (m *Memory) wake(subscriber string, now time.Time) { m.wakeBy(subscriber, now, now) }

// wakeBy makes the subscriber's open case due: at now if it is being released, else at
// due.
func (m *Memory) wakeBy(subscriber string, now, due time.Time) {
	id, ok := m.open[subscriber]
	if !ok {
		return
	}
	lane := m.readCase(id).Lane()
	if lane == quarantine.LaneRelease {
		due = now
	}
	if l, ok := m.due[lane][subscriber]; ok && l.at.Before(due) {
		due = l.at
	}
	m.due[lane][subscriber] = dueEntry{at: due}
}

// Campaign implements quarantine.SenderLease.
func (m *Memory) Campaign(_ context.Context, holder string, ttl time.Duration) (term uint64, held bool, err error) {
	if err := m.enter(); err != nil {
		return 0, false, err
	}
	defer m.mu.Unlock()
	if holder == "" || ttl <= 0 {
		return 0, false, errors.New("campaign for sender: want a name and a time to live")
	}
	now := m.Now()
	if m.lock.holder != holder {
		if now.Before(m.lock.end) {
			return m.lock.term, false, nil
		}
		m.lock.term++
	}
	m.lock.holder, m.lock.end = holder, now.Add(ttl)
	return m.lock.term, true, nil
}

// Resign implements quarantine.SenderLease.
func (m *Memory) Resign(_ context.Context, holder string) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if m.lock.holder == holder {
		m.lock.end = time.Time{}
	}
	return nil
}
