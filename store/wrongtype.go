package store

import (
	"context"
	"fmt"
	"strings"
)

// redisTypes are what TYPE answers for the kinds of keyTable.
var redisTypes = map[string]string{"hash": "hash", "sorted set": "zset", "string": "string", "set": "set"}

// failure returns why a call of a script failed. Redis does not say which of its keys
// something else has written to: those whose type is another than ours are named.
func (s *Store) failure(ctx context.Context, c *call) error {
	err := c.cmd.Err()
	if err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		return err
	}
	var named []string
	for _, key := range c.keys {
		want := redisTypes[s.keys.kind(key)]
		if got := s.client.Type(ctx, key).Val(); got != "" && got != "none" && got != want {
			named = append(named, fmt.Sprintf("%s is a %s, must be a %s", key, got, want))
		}
	}
	if named == nil {
		return err
	}
	return fmt.Errorf("%s: %w", strings.Join(named, "; "), err)
}

// kind returns the kind of key that keyTable says this one is of; empty for none.
func (k keys) kind(key string) (kind string) {
	longest := 0
	for _, row := range keyTable {
		fixed, _, _ := strings.Cut(row.pattern, "<")
		fixed = k.prefix + strings.TrimPrefix(fixed, "cordon")
		if strings.HasPrefix(key, fixed) && len(fixed) > longest {
			kind, longest = row.kind, len(fixed)
		}
	}
	return kind
}
