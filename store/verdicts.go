package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
)

// Verdict implements quarantine.VerdictStore.
func (s *Store) Verdict(ctx context.Context, id string) (quarantine.VerdictStatus, error) {
	value, err := s.client.Get(ctx, s.keys.verdict(id)).Result()
	if errors.Is(err, redis.Nil) {
		return quarantine.VerdictStatus{}, quarantine.ErrNoVerdict
	}
	if err != nil {
		return quarantine.VerdictStatus{}, fmt.Errorf("read %s: %w", s.keys.verdict(id), err)
	}
	var status quarantine.VerdictStatus
	if value == "" {
		return status, fmt.Errorf("%s is empty", s.keys.verdict(id))
	}
	if err := json.Unmarshal([]byte(value[1:]), &status); err != nil {
		return quarantine.VerdictStatus{}, fmt.Errorf("%s does not decode: %w", s.keys.verdict(id), err)
	}
	return status, nil
}

// SaveVerdict implements quarantine.VerdictStore.
func (s *Store) SaveVerdict(ctx context.Context, status quarantine.VerdictStatus) error {
	text, err := json.Marshal(&status)
	if err != nil {
		return fmt.Errorf("save verdict %s: %w", status.ID, err)
	}
	c := &call{
		script: verdictScript, keys: []string{s.keys.verdict(status.ID)}, args: []any{verdictLetter(&status), text, ttl(s.cfg.VerdictMemory)},
	}
	s.run(ctx, []*call{c})
	if err := s.failure(ctx, c); err != nil {
		return fmt.Errorf("save verdict %s: %w", status.ID, err)
	}
	return nil
}

// verdictLetter precedes a stored status, so that scripts need not decode it: S if
// it is final.
func verdictLetter(status *quarantine.VerdictStatus) string {
	if status.Final {
		return "S"
	}
	return "U"
}

// KnownVerdicts implements quarantine.VerdictStore.
func (s *Store) KnownVerdicts(ctx context.Context, ids []string) (map[string]bool, error) {
	known := make(map[string]bool, len(ids))
	if len(ids) == 0 {
		return known, s.probe(ctx)
	}
	p := s.client.Pipeline()
	asked := make([]*redis.IntCmd, len(ids))
	for i, id := range ids {
		asked[i] = p.Exists(ctx, s.keys.verdict(id))
	}
	_, _ = p.Exec(ctx) // each command carries its own error
	for i, exists := range asked {
		n, err := exists.Result()
		if err != nil {
			return nil, fmt.Errorf("look up verdicts: %w", err)
		}
		if n > 0 {
			known[ids[i]] = true
		}
	}
	return known, nil
}
