package quarantinetest

import (
	"context"
	"maps"
	"slices"

	"cordon/quarantine"
)

// SetMaintenance implements quarantine.MaintenanceBook.
func (m *Memory) SetMaintenance(_ context.Context, window quarantine.Maintenance) (quarantine.Maintenance, error) {
	if err := m.enter(); err != nil {
		return quarantine.Maintenance{}, err
	}
	defer m.mu.Unlock()
	if err := window.Check(); err != nil {
		return quarantine.Maintenance{}, err
	}
	if noted, ok := m.windows[window.BNG]; ok && !window.Newer(noted) {
		return noted, nil
	}
	maps.DeleteFunc(m.windows, func(_ string, noted quarantine.Maintenance) bool {
		return window.At.Sub(noted.At) >= quarantine.MaxMaintenance
	})
	m.windows[window.BNG] = window
	return window, nil
}

// Maintenances implements quarantine.MaintenanceBook.
func (m *Memory) Maintenances(context.Context) ([]quarantine.Maintenance, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.windows)), nil
}
