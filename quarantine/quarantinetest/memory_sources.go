package quarantinetest

import (
	"context"
	"maps"
	"time"

	"cordon/quarantine"
)

// ReportSources implements quarantine.AccountingSourceBook.
func (m *Memory) ReportSources(_ context.Context, r quarantine.SourceReport) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	whole := func(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()) }
	r.At = whole(r.At)
	heard := make([]quarantine.SourceActivity, len(r.Activity))
	for i, h := range r.Activity {
		h.First, h.Last, h.Reported, h.Behind = whole(h.First), whole(h.Last), whole(h.Reported), h.Behind.Truncate(time.Millisecond)
		heard[i] = h
	}
	r.Activity = heard
	m.sources.Sources = maps.Clone(m.sources.Sources) // a reader may hold the one before
	m.sources.Add(r)
	return nil
}

// AccountingSources implements quarantine.AccountingSourceBook.
func (m *Memory) AccountingSources(context.Context) (quarantine.AccountingSources, error) {
	if err := m.enter(); err != nil {
		return quarantine.AccountingSources{}, err
	}
	defer m.mu.Unlock()
	return m.sources, nil
}
