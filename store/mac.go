package store

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
)

// bucketOf spreads hardware addresses over 4096 hashes, which share the fixed
// cost of a key.
func bucketOf(mac string) string { return fmt.Sprintf("%03x", crc32.ChecksumIEEE([]byte(mac))&0xfff) }

// macCalls enters a session that has begun under its hardware address. It is for
// people to look things up, and nothing rests on it.
func (b *batch) macCalls(g *group) []*call {
	began := slices.ContainsFunc(g.events, func(i int) bool { return b.events[i].Kind == quarantine.SessionStarted })
	if !began && g.raw != "" || !g.next.Live() {
		return nil
	}
	mac := g.next.MAC()
	if mac == "" {
		return nil
	}
	return []*call{{command: "HSET", keys: []string{b.store.keys.macs(bucketOf(mac))}, args: []any{mac, sessionField(g.key)}}}
}

// SessionsOfMAC implements quarantine.MACFinder. The entry is a hint: the
// sessions' own records say what they are.
func (s *Store) SessionsOfMAC(ctx context.Context, text string) ([]quarantine.Session, error) {
	mac := quarantine.NormalMAC(text)
	if mac == "" {
		return nil, nil
	}
	field, err := s.client.HGet(ctx, s.keys.macs(bucketOf(mac)), mac).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find sessions of %s: %w", mac, err)
	}
	key, ok := parseSessionField(field)
	if !ok {
		s.unreadable.Add(1)
		return nil, nil
	}
	last, err := s.Session(ctx, key)
	if errors.Is(err, quarantine.ErrNoSession) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	of, err := s.SessionsOf(ctx, last.Subscriber)
	return slices.DeleteFunc(of, func(s quarantine.Session) bool { return s.MAC() != mac }), err
}
