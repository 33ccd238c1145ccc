package prove

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cordon/quarantine"
)

// verifyRenamed reads once what accounting shows on a platform that ends the accounting
// session when it restricts, and begins another one at the release.
func (t *trial) verifyRenamed(ctx context.Context, o *quarantine.Order) (quarantine.Outcome, error) {
	out := quarantine.Outcome{Kind: quarantine.OutcomeAcked, Reason: "accounting has not shown it yet"}
	if o.To != "" {
		record, err := t.Sessions.Session(ctx, o.Session.SessionKey)
		if err != nil && !errors.Is(err, quarantine.ErrNoSession) {
			return out, fmt.Errorf("read the session: %w", err)
		}
		if err != nil || !record.Live() || !quarantine.SameSession(&record, &o.Session) {
			out = quarantine.Outcome{Kind: quarantine.OutcomeVerified,
				Reason: "accounting shows that the session ended, as on this platform at a restriction"}
		}
		return out, nil
	}
	live, err := t.Sessions.SessionsOf(ctx, o.Session.Subscriber)
	if err != nil {
		return out, fmt.Errorf("read the subscriber's sessions: %w", err)
	}
	began := o.Since.Add(-quarantine.ClockSlack)
	at := slices.IndexFunc(live, func(s quarantine.Session) bool {
		return s.BNG == o.Session.BNG && s.ID != o.Session.ID && !s.StartedAt.Before(began)
	})
	if at >= 0 {
		out = quarantine.Outcome{Kind: quarantine.OutcomeVerified, Reason: "accounting shows the line again, as session " + live[at].ID}
	}
	return out, nil
}
