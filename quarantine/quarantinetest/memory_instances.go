package quarantinetest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"cordon/quarantine"
)

// PublishInstance implements quarantine.InstanceRegistry.
func (m *Memory) PublishInstance(_ context.Context, i quarantine.Instance, returning bool, keep time.Duration) (time.Time, error) {
	if err := m.enter(); err != nil {
		return time.Time{}, err
	}
	defer m.mu.Unlock()
	if i.ID == "" || keep < time.Millisecond {
		return time.Time{}, errors.New("publish instance: want an id and at least 1 ms")
	}
	now := milli(m.Now())
	for id, other := range m.instances {
		if returning && other.Departure == nil && other.AloneSince.Before(now) {
			other.AloneSince = now
			m.instances[id] = other
		}
	}
	maps.DeleteFunc(m.instances, func(_ string, other quarantine.Instance) bool {
		return other.Departure != nil && other.Departure.At.Before(now.Add(-keep))
	})
	i.Complete = milli(i.Complete)
	i.SpokeAt, i.AloneSince, i.ReachedAt, i.Departure = now, now, time.Time{}, nil
	m.instances[i.ID] = i
	return now, nil
}

// Instances implements quarantine.InstanceRegistry.
func (m *Memory) Instances(context.Context) ([]quarantine.Instance, time.Time, error) {
	if err := m.enter(); err != nil {
		return nil, time.Time{}, err
	}
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.instances)), milli(m.Now()), nil
}

// DepartInstance implements quarantine.InstanceDepartures.
func (m *Memory) DepartInstance(_ context.Context, id string, d quarantine.Departure) (quarantine.Instance, error) {
	if err := m.enter(); err != nil {
		return quarantine.Instance{}, err
	}
	defer m.mu.Unlock()
	i, known := m.instances[id]
	now := milli(m.Now())
	switch {
	case !known:
		return quarantine.Instance{}, quarantine.ErrNoInstance
	case i.Departure != nil:
		return i, nil
	case d.Kind == quarantine.InstanceForgotten && now.Sub(i.SpokeAt).Abs() < quarantine.InstanceSilentAfter:
		return quarantine.Instance{}, quarantine.ErrInstanceUp
	}
	d.At = now
	i.Departure = &d
	m.instances[id] = i
	return i, nil
}

// RestoreInstance implements quarantine.InstanceDepartures.
func (m *Memory) RestoreInstance(_ context.Context, i quarantine.Instance) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if i.ID == "" {
		return errors.New("restore instance: want an id")
	}
	if _, known := m.instances[i.ID]; known {
		return nil
	}
	i.Complete, i.SpokeAt, i.AloneSince, i.ReachedAt = milli(i.Complete), milli(i.SpokeAt), milli(i.AloneSince), time.Time{}
	if i.Departure == nil {
		i.AloneSince = milli(m.Now())
	}
	m.instances[i.ID] = i
	return nil
}

// MarkReachable implements quarantine.InstanceDepartures.
func (m *Memory) MarkReachable(_ context.Context, id string) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	i, known := m.instances[id]
	if !known || i.Departure != nil && i.Departure.Kind != quarantine.InstanceForgotten {
		return nil
	}
	i.ReachedAt = milli(m.Now())
	i.AloneSince, i.Departure = i.ReachedAt, nil
	m.instances[id] = i
	return nil
}

// ForgetInstances loses the registry, as a store does that loses its memory.
func (m *Memory) ForgetInstances() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.instances)
}

// milli is a time as stores keep it.
func milli(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }
