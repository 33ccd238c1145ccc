package quarantinetest

import (
	"context"
	"errors"
	"time"
)

// watermark is how far one instance is complete, as long as it stands.
type watermark struct{ complete, end time.Time }

// Publish implements quarantine.Completeness.
func (m *Memory) Publish(_ context.Context, instance string, complete time.Time, ttl time.Duration) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if instance == "" || ttl < time.Millisecond {
		return errors.New("publish completeness: want a name and a time to live")
	}
	m.watermarks[instance] = watermark{complete: time.UnixMilli(complete.UnixMilli()), end: m.Now().Add(ttl)}
	return nil
}

// Complete implements quarantine.Completeness.
func (m *Memory) Complete(_ context.Context, except string) (complete time.Time, others bool, err error) {
	if err := m.enter(); err != nil {
		return time.Time{}, false, err
	}
	defer m.mu.Unlock()
	now := m.Now()
	for instance, w := range m.watermarks {
		if instance == except || !now.Before(w.end) {
			continue
		}
		if !others || w.complete.Before(complete) {
			complete, others = w.complete, true
		}
	}
	return complete, others, nil
}
