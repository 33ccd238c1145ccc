package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
)

// Dossier implements quarantine.CaseReader.
func (s *Store) Dossier(ctx context.Context, subscriber string) (quarantine.Dossier, error) {
	p := s.client.Pipeline()
	open := p.HGet(ctx, s.keys.open(), subscriber)
	released := p.Get(ctx, s.keys.released(subscriber))
	answers := p.HGetAll(ctx, s.keys.logins(subscriber))
	_, _ = p.Exec(ctx) // each command carries its own error
	var d quarantine.Dossier
	logIns, answered, err := s.decodeLogIns(subscriber, answers)
	if err != nil {
		return quarantine.Dossier{}, err
	}
	if d.Released, err = s.decodeRelease(subscriber, released); err != nil {
		return quarantine.Dossier{}, err
	}
	d.Case, err = s.openCase(ctx, open)
	if err != nil {
		return quarantine.Dossier{}, fmt.Errorf("read dossier of %s: %w", subscriber, err)
	}
	if d.Case != nil {
		d.Case.LogIns, d.Case.Answered = logIns, answered
	}
	return d, nil
}

// openCase reads the case that an entry of the open set names. Between the two
// reads the case may have been closed; then there is none. Whoever writes a verdict
// after that learns by CaseWrite.Released if it was a person who closed it.
func (s *Store) openCase(ctx context.Context, entry *redis.StringCmd) (*quarantine.Case, error) {
	value, err := entry.Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_, id, ok := strings.Cut(value, ":")
	if !ok {
		return nil, fmt.Errorf("%s holds %.40q, which names no case", s.keys.open(), value)
	}
	c, err := s.Case(ctx, id)
	if errors.Is(err, quarantine.ErrNoCase) {
		return nil, fmt.Errorf("%s names case %s, which is not there", s.keys.open(), id)
	}
	if err != nil || !c.Open() {
		return nil, err
	}
	return c, nil
}

func (s *Store) decodeRelease(subscriber string, get *redis.StringCmd) (*quarantine.PersonRelease, error) {
	value, err := get.Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.keys.released(subscriber), err)
	}
	_, text, _ := strings.Cut(value, ":")
	var r quarantine.PersonRelease
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return nil, fmt.Errorf("%s does not decode: %w", s.keys.released(subscriber), err)
	}
	return &r, nil
}

// Case implements quarantine.CaseReader.
func (s *Store) Case(ctx context.Context, id string) (*quarantine.Case, error) {
	fields, err := s.client.HMGet(ctx, s.keys.caseRecord(id), "v", "d").Result()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.keys.caseRecord(id), err)
	}
	return s.decodeCase(id, fields)
}

// CasesByID implements quarantine.CaseReader.
func (s *Store) CasesByID(ctx context.Context, ids []string) (map[string]*quarantine.Case, error) {
	if len(ids) > quarantine.CasesAtOnce {
		return nil, fmt.Errorf("read cases: %d ids, at most %d at once", len(ids), quarantine.CasesAtOnce)
	}
	p := s.client.Pipeline()
	records := make([]*redis.SliceCmd, len(ids))
	for i, id := range ids {
		records[i] = p.HMGet(ctx, s.keys.caseRecord(id), "v", "d")
	}
	_, _ = p.Exec(ctx) // each command carries its own error
	cases := make(map[string]*quarantine.Case, len(ids))
	for i, id := range ids {
		fields, err := records[i].Result()
		if refused(err) {
			cases[id] = nil
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read cases: %w", err)
		}
		c, err := s.decodeCase(id, fields)
		if errors.Is(err, quarantine.ErrNoCase) {
			continue
		}
		cases[id] = c // nil if it does not decode
	}
	return cases, nil
}

// decodeCase reads version and data of a case record. A record that does not
// decode is an error: a case must not disappear by damage.
func (s *Store) decodeCase(id string, fields []any) (*quarantine.Case, error) {
	if len(fields) != 2 || fields[0] == nil && fields[1] == nil {
		return nil, quarantine.ErrNoCase
	}
	version, _ := fields[0].(string)
	data, _ := fields[1].(string)
	var c quarantine.Case
	if err := json.Unmarshal([]byte(data), &c); err != nil {
		return nil, fmt.Errorf("%w: %s does not decode: %w", quarantine.ErrUnreadableCase, s.keys.caseRecord(id), err)
	}
	if c.ID != id || c.Subscriber == "" || writeOf(&c) != version {
		return nil, fmt.Errorf("%w: %s holds case %.40q version %d under version %.20q",
			quarantine.ErrUnreadableCase, s.keys.caseRecord(id), c.ID, c.Version, version)
	}
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", s.keys.caseRecord(id), err)
	}
	s.cfg.Names.RenameIn(&c)
	return &c, nil
}
