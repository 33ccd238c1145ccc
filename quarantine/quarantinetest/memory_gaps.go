package quarantinetest

import (
	"context"
	"slices"

	"cordon/quarantine"
)

// FailOver makes the Memory say that it failed over just now; what a failover
// loses is the test's business.
func (m *Memory) FailOver() {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.Now()
	m.gaps = quarantine.AddGap(m.gaps, quarantine.FailoverGap(now, now), now.AddDate(-1, 0, 0))
}

// Gaps implements quarantine.Continuity.
func (m *Memory) Gaps(context.Context) ([]quarantine.Gap, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return slices.Clone(m.gaps), nil
}

// Lose makes the Memory say that it may have lost records; which it loses is the
// test's business.
func (m *Memory) Lose(g quarantine.Gap) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gaps = quarantine.AddGap(m.gaps, g, g.From.AddDate(-1, 0, 0))
}

// LoseControl makes the Memory forget cases, verdicts, releases, due work and limits, as
// a failover may that lost all of them; it says nothing of it.
func (m *Memory) LoseControl() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cases, m.open, m.released = map[string]heldCase{}, map[string]string{}, map[string]quarantine.PersonRelease{}
	m.verdicts, m.counters = map[string]heldVerdict{}, map[string]map[string]counted{}
	m.due = [2]map[string]dueEntry{{}, {}}
}
