package quarantinetest

import (
	"cmp"
	"context"
	"slices"

	"cordon/quarantine"
)

// answers are those given to a subscriber's log-ins.
type answers struct {
	n    uint64
	last map[[2]string]quarantine.LogInAnswer // by BNG and profile
}

// LogIn implements quarantine.LogInStore.
func (m *Memory) LogIn(_ context.Context, l quarantine.LogIn) (*quarantine.Case, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	id, open := m.open[l.Subscriber]
	if !open {
		return nil, nil
	}
	c := m.readCase(id)
	if !c.State.Wants() || !c.ExpiresAt.IsZero() && !l.At.Before(c.ExpiresAt) {
		return nil, nil
	}
	if undo, can := l.Undo[c.Profile]; can {
		a := m.logIns[l.Subscriber]
		if a.last == nil {
			a.last = map[[2]string]quarantine.LogInAnswer{}
		}
		a.n++
		a.last[[2]string{l.BNG, c.Profile}] = quarantine.LogInAnswer{
			BNG: l.BNG, At: l.At, AppliedProfile: quarantine.AppliedProfile{Profile: c.Profile, Undo: undo},
		}
		m.logIns[l.Subscriber] = a
	}
	return &quarantine.Case{
		ID: c.ID, Subscriber: c.Subscriber, State: c.State, Profile: c.Profile, Mode: c.Mode, Rule: c.Rule, Cleared: c.Cleared,
		ExpiresAt: c.ExpiresAt,
	}, nil
}

// fillLogIns adds what was answered at the subscriber's log-ins.
func (m *Memory) fillLogIns(c *quarantine.Case) {
	a := m.logIns[c.Subscriber]
	c.Answered = a.n
	for _, answer := range a.last {
		c.LogIns = append(c.LogIns, answer)
	}
	slices.SortFunc(c.LogIns, func(a, b quarantine.LogInAnswer) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.BNG+":"+a.Profile, b.BNG+":"+b.Profile))
	})
}
