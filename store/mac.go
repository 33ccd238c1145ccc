package store

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
)

// bucketOf spreads hardware addresses over 4096 hashes, which share the fixed
// cost of a key.
func bucketOf(mac string) string { return fmt.Sprintf("%03x", crc32.ChecksumIEEE([]byte(mac))&0xfff) }

// macPeriod numbers the time that entries of hardware addresses are kept in: a hash is
// written for one idle, is read for one more, and then ends as a whole. A session that
// stands is written again with each day, so that it is in one of the two.
func (s *Store) macPeriod(at time.Time) int64 { return at.UnixMilli() / s.cfg.Idle.Milliseconds() }

// macCalls enters a live session under its hardware address, once it has begun and
// whenever all of it is written again. It is for people to look things up, and nothing
// rests on it.
func (b *batch) macCalls(g *group) []*call {
	if !g.next.Live() {
		return nil
	}
	mac := g.next.MAC()
	if mac == "" {
		return nil
	}
	s, now := b.store, b.store.cfg.Now()
	period, bucket := s.macPeriod(now), bucketOf(mac)
	key := s.keys.macs(period, bucket)
	calls := []*call{{command: "HSET", keys: []string{key}, args: []any{mac, sessionField(g.key)}}}
	if !s.written.wroteEnd(key, now) {
		end := time.UnixMilli((period + 2) * s.cfg.Idle.Milliseconds())
		calls = append(calls,
			&call{command: "PEXPIRE", keys: []string{key}, args: []any{ttl(end.Sub(now))}, then: func() { s.written.noteEnd(key, b.epoch, now) }},
			&call{command: "UNLINK", keys: []string{s.keys.formerMACs(bucket)}},
		)
	}
	if g.raw != "" { // it may stand in the hash before too
		calls = append(calls, &call{command: "HDEL", keys: []string{s.keys.macs(period-1, bucket)}, args: []any{mac}})
	}
	return calls
}

// SessionsOfMAC implements quarantine.MACFinder. The entry is a hint: the
// sessions' own records say what they are.
func (s *Store) SessionsOfMAC(ctx context.Context, text string) ([]quarantine.Session, error) {
	mac := quarantine.NormalMAC(text)
	if mac == "" {
		return nil, nil
	}
	field, err := s.macEntry(ctx, mac)
	if field == "" || err != nil {
		return nil, err
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

// macEntry returns the entry of a hardware address, the later one if there are two;
// empty if there is none.
func (s *Store) macEntry(ctx context.Context, mac string) (string, error) {
	period, bucket := s.macPeriod(s.cfg.Now()), bucketOf(mac)
	for _, period := range []int64{period, period - 1} {
		field, err := s.client.HGet(ctx, s.keys.macs(period, bucket), mac).Result()
		switch {
		case err == nil:
			return field, nil
		case !errors.Is(err, redis.Nil):
			return "", fmt.Errorf("find sessions of %s: %w", mac, err)
		}
	}
	return "", nil
}
