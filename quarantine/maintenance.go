package quarantine

import (
	"context"
	"fmt"
	"time"
)

// MaxMaintenance is the longest window that can be given, and how long one is
// remembered after it was given: whatever was given before that is over anyway.
const MaxMaintenance = 168 * time.Hour

// Maintenance is a window during which people work on a BNG: nothing new is
// restricted on it. Releases are sent all the same, and what is in force stays.
// A BNG has one window, the one that was given last; ending a window means
// giving one that is over at once.
type Maintenance struct {
	BNG    string    `json:"bng"`
	Until  time.Time `json:"until"` // not in it any more; at most MaxMaintenance after At
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	At     time.Time `json:"at"` // when it was given: of two, the later one counts
}

// NewMaintenance returns a window of length d from now on, in place of
// standing, the BNG's present one (the zero value: none). Errors: *FieldError.
func NewMaintenance(standing Maintenance, bng, by, reason string, d time.Duration, now time.Time) (Maintenance, error) {
	if d <= 0 || d > MaxMaintenance {
		return Maintenance{}, &FieldError{"for", "must be > 0 and at most " + FormatDuration(MaxMaintenance)}
	}
	if reason == "" {
		return Maintenance{}, &FieldError{"reason", "is required: say what is done on the BNG"}
	}
	at := standing.after(now)
	return Maintenance{BNG: bng, Until: at.Add(d), Reason: reason, By: by, At: at}, nil
}

// End returns what ends the window now, or a *CommandError if it is over.
func (m Maintenance) End(by, reason string, now time.Time) (Maintenance, error) {
	if !m.Stands(now) {
		return Maintenance{}, &CommandError{m.BNG + " is not in maintenance"}
	}
	if reason == "" {
		return Maintenance{}, &FieldError{"reason", "is required: say why it ends early"}
	}
	at := m.after(now)
	return Maintenance{BNG: m.BNG, Until: at, Reason: reason, By: by, At: at}, nil
}

// after is now, or just after the window was given if its giver's clock is
// ahead of ours: whoever saw a window may replace it. Milliseconds count, in
// every store.
func (m Maintenance) after(now time.Time) time.Time {
	return later(now, m.At.Add(time.Millisecond)).UTC().Truncate(time.Millisecond)
}

// Stands reports whether the BNG is in this window now.
func (m Maintenance) Stands(now time.Time) bool { return now.Before(m.Until) }

// Newer reports whether m counts and not other, both of one BNG. Of two given
// in the same millisecond the one that comes second counts: m.
func (m Maintenance) Newer(other Maintenance) bool { return m.At.UnixMilli() >= other.At.UnixMilli() }

// String says it for people: why a restriction waits.
func (m Maintenance) String() string {
	return fmt.Sprintf("%s is in maintenance until %s (%s, by %s)", m.BNG, m.Until.UTC().Format(time.RFC3339), m.Reason, m.By)
}

// Check reports what no book may note, a *CommandError: trying again would not
// change it.
func (m Maintenance) Check() error {
	switch {
	case m.BNG == "":
		return &CommandError{"a maintenance window needs a BNG"}
	case m.Until.Before(m.At) || m.Until.Sub(m.At) > MaxMaintenance:
		return &CommandError{fmt.Sprintf("a maintenance window of %s cannot last from %s to %s", m.BNG, m.At, m.Until)}
	}
	return nil
}

// MaintenanceBook is where all instances note and see windows.
type MaintenanceBook interface {
	// SetMaintenance notes a window in place of the BNG's earlier one, unless one
	// that was given later stands there (see [Maintenance.Newer]), and returns the
	// one that counts. One that Check refuses is not noted.
	SetMaintenance(ctx context.Context, m Maintenance) (Maintenance, error)
	// Maintenances returns the last window of each BNG, by name, in any order.
	// Those that are over are among them as long as they are remembered, so that
	// whoever knows an earlier one learns that it was ended.
	Maintenances(ctx context.Context) ([]Maintenance, error)
}
