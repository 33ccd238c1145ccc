package quarantinetest

import (
	"context"
	"slices"
	"time"

	"cordon/quarantine"
)

var _ quarantine.PortFinder = (*Memory)(nil)

// BindingsOfPort implements quarantine.PortFinder.
func (m *Memory) BindingsOfPort(ctx context.Context, at quarantine.Place, port uint16, from, to time.Time) ([]quarantine.Binding, error) {
	all, err := m.Bindings(ctx, at, from, to)
	own := slices.DeleteFunc(slices.Clone(all), func(b quarantine.Binding) bool { return b.Ports.All() || !b.Ports.Has(port) })
	return slices.DeleteFunc(all, func(b quarantine.Binding) bool {
		return !b.Ports.All() && !slices.ContainsFunc(own, func(o quarantine.Binding) bool { return o.Ports.Overlaps(b.Ports) })
	}), err
}

// Shared implements quarantine.PortFinder.
func (m *Memory) Shared(ctx context.Context, at quarantine.Place, from, to time.Time) (bool, error) {
	all, err := m.Bindings(ctx, at, from, to)
	return slices.ContainsFunc(all, func(b quarantine.Binding) bool { return !b.Ports.All() }), err
}
