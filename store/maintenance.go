package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cordon/quarantine"
)

// SetMaintenance implements quarantine.MaintenanceBook.
func (s *Store) SetMaintenance(ctx context.Context, m quarantine.Maintenance) (quarantine.Maintenance, error) {
	if err := m.Check(); err != nil {
		return quarantine.Maintenance{}, err
	}
	text, err := json.Marshal(m)
	if err != nil {
		return quarantine.Maintenance{}, fmt.Errorf("note maintenance: %w", err)
	}
	c := &call{
		script: maintenanceScript,
		keys:   []string{s.keys.maintenance()},
		args:   []any{m.BNG, ms(m.At), text, strconv.FormatInt(quarantine.MaxMaintenance.Milliseconds(), 10)},
	}
	s.run(ctx, []*call{c})
	counts, err := c.cmd.Text()
	if err != nil {
		return quarantine.Maintenance{}, fmt.Errorf("note maintenance: %w", err)
	}
	return s.decodeMaintenance(counts)
}

// Maintenances implements quarantine.MaintenanceBook. One that does not decode
// is an error for all: to pass it over would restrict where nobody wants it.
func (s *Store) Maintenances(ctx context.Context) ([]quarantine.Maintenance, error) {
	fields, err := s.client.HGetAll(ctx, s.keys.maintenance()).Result()
	if err != nil {
		return nil, fmt.Errorf("read maintenance: %w", err)
	}
	windows := make([]quarantine.Maintenance, 0, len(fields))
	for _, value := range fields {
		_, text, _ := strings.Cut(value, ":")
		m, err := s.decodeMaintenance(text)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(windows, func(other quarantine.Maintenance) bool { return other.BNG == m.BNG })
		switch {
		case at < 0:
			windows = append(windows, m)
		case m.Newer(windows[at]): // the BNG had another name when the other was given
			windows[at] = m
		}
	}
	return windows, nil
}

func (s *Store) decodeMaintenance(text string) (m quarantine.Maintenance, err error) {
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return quarantine.Maintenance{}, fmt.Errorf("%s does not decode: %w", s.keys.maintenance(), err)
	}
	m.BNG = s.cfg.Names.Current(m.BNG)
	return m, nil
}
