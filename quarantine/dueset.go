package quarantine

import (
	"context"
	"time"
)

// Due is work taken from the due set, leased until Until.
type Due struct {
	Lane       Lane
	Subscriber string
	Until      time.Time
}

// DueSet is when which open case is due next.
type DueSet interface {
	// TakeDue leases up to n subscribers due by now, earliest first, until
	// now+lease. Term as in CaseWrite: ErrNotSender.
	TakeDue(ctx context.Context, lane Lane, now time.Time, lease time.Duration, n int, term uint64) ([]Due, error)
	// FinishDue sets the next time, unless a wake-up came in since TakeDue or
	// the subscriber is no longer due at all. A zero next leaves the lease.
	FinishDue(ctx context.Context, d Due, next time.Time) error
	// WakeAll makes every open case due: after a start, takeover or failover. Those
	// being released are due at now, the others too, but WakeSlice of them, in no
	// order, every WakeEvery: new work waits behind no more than a slice. None is due
	// later than it was before. After an error some may not have been woken.
	WakeAll(ctx context.Context, now time.Time) error
}

// How WakeAll spreads cases over time: 2,500 a second, about what one sender
// can look at while it does other work too; 100,000 take 40 s.
const (
	WakeSlice = 500
	WakeEvery = 200 * time.Millisecond
)
