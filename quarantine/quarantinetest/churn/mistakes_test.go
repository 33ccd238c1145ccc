package churn_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/engine"
	"cordon/quarantine/quarantinetest/churn"
)

// among spoils what is known of a place before it is decided.
func among(change func(known []quarantine.Binding, now time.Time) []quarantine.Binding) spoil {
	return func(a engine.Attributor) churn.System {
		real := a.Bindings
		a.Bindings = finder(func(ctx context.Context, at quarantine.Place, from, to time.Time) ([]quarantine.Binding, error) {
			known, err := real.Bindings(ctx, at, from, to)
			return change(known, a.Now()), err
		})
		return churn.System{WhoHeld: attribute(a)}
	}
}

// each spoils every binding by itself.
func each(change func(b *quarantine.Binding)) spoil {
	return among(func(known []quarantine.Binding, _ time.Time) []quarantine.Binding {
		for i := range known {
			change(&known[i])
		}
		return known
	})
}

// asking spoils the question.
func asking(change func(q *churn.Question, now time.Time)) spoil {
	return func(a engine.Attributor) churn.System {
		whoHeld := attribute(a)
		return churn.System{WhoHeld: func(ctx context.Context, q churn.Question) (quarantine.Attribution, string, error) {
			change(&q, a.Now())
			return whoHeld(ctx, q)
		}}
	}
}

// choosing spoils the decision: of those who may have held the place it picks.
func choosing(pick func(a, b quarantine.Binding) int) spoil {
	return func(a engine.Attributor) churn.System {
		whoHeld := attribute(a)
		return churn.System{WhoHeld: func(ctx context.Context, q churn.Question) (quarantine.Attribution, string, error) {
			found, missing, err := whoHeld(ctx, q)
			if err == nil && found.Result == quarantine.Ambiguous && (q.Port != 0 || q.At.Space == "") {
				best := slices.MinFunc(found.Bindings, pick)
				found = quarantine.Attribution{Result: quarantine.Attributed, Subscriber: best.Subscriber}
			}
			return found, missing, err
		}}
	}
}

// attribute asks an Attributor, who knows of nothing that is missing.
func attribute(a engine.Attributor) churn.Attribute {
	return func(ctx context.Context, q churn.Question) (quarantine.Attribution, string, error) {
		found, err := a.WhoHeld(ctx, q.At, q.Port, q.Moment, q.Tolerance)
		return found, "", err
	}
}

func TestEveryPlantedMistakeNamesWrongSubscribers(t *testing.T) {
	const seed = 100
	mistakes := []struct {
		name  string
		spoil spoil
	}{
		{"the time is ignored", asking(func(q *churn.Question, now time.Time) { q.Moment = now })},
		{"the port is ignored", each(func(b *quarantine.Binding) { b.Ports = quarantine.PortRange{} })},
		{"another port of the address is taken", asking(func(q *churn.Question, _ time.Time) {
			if q.Port != 0 {
				q.Port ^= 0x1000
			}
		})},
		{"intervals are closed at their wrong end", among(func(known []quarantine.Binding, _ time.Time) []quarantine.Binding {
			slices.SortFunc(known, func(a, b quarantine.Binding) int { return a.From.Compare(b.From) })
			for i := len(known) - 1; i > 0; i-- {
				known[i].From = known[i-1].From // where the one before began, not where it ended
			}
			return known[min(1, len(known)):]
		})},
		{"an end is believed although no record reports it", each(func(b *quarantine.Binding) {
			if !b.To.IsZero() {
				b.RenewedAt = b.To.Add(time.Hour)
			}
		})},
		{"intervals stay open a while longer", each(func(b *quarantine.Binding) {
			if !b.To.IsZero() {
				b.To, b.RenewedAt = b.To.Add(10*time.Second), b.RenewedAt.Add(10*time.Second)
			}
		})},
		{"address spaces are mixed", asking(func(q *churn.Question, _ time.Time) {
			if q.At.Space != "" {
				q.At.Space = "cgn-a"
			}
		})},
		{"restarts are ignored", each(func(b *quarantine.Binding) { b.ResetAt = time.Time{} })},
		{"the tolerance is ignored", asking(func(q *churn.Question, _ time.Time) { q.Tolerance = 0 })},
		{"of several the newest holder is taken", choosing(func(a, b quarantine.Binding) int { return b.From.Compare(a.From) })},
		{"of several the one whose Start was seen is taken", choosing(func(a, b quarantine.Binding) int {
			switch {
			case a.StartSeen == b.StartSeen:
				return 0
			case a.StartSeen:
				return -1
			}
			return 1
		})},
		{"only what is reported of the moment is read", func(a engine.Attributor) churn.System {
			return churn.System{WhoHeld: func(ctx context.Context, q churn.Question) (quarantine.Attribution, string, error) {
				known, err := a.Bindings.Bindings(ctx, q.At, q.Moment.Add(-q.Tolerance), q.Moment.Add(q.Tolerance))
				return quarantine.WhoHeld(known, nil, q.Port, q.Moment, q.Tolerance), "", err
			}}
		}},
	}
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			table := check(t, seed, 2, m.spoil)
			t.Logf("%d wrong of %d", table.Total(churn.Wrong), table.Verdicts())
			if table.Total(churn.Wrong) == 0 {
				t.Errorf("seeds from %d: the mistake is not noticed\n%s", seed, table)
			}
		})
	}
}
