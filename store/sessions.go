package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
)

// Session implements quarantine.SessionReader. A record that does not decode
// counts as none. One of a renamed BNG is found under each of its names.
func (s *Store) Session(ctx context.Context, key quarantine.SessionKey) (quarantine.Session, error) {
	found, err := s.readSessions(ctx, s.everyName(key))
	if err != nil {
		return quarantine.Session{}, fmt.Errorf("read session %s: %w", key, err)
	}
	if one := s.merge(found); one != nil {
		return *one, nil
	}
	return quarantine.Session{}, quarantine.ErrNoSession
}

// SessionsOf implements quarantine.SessionReader. The index is a hint: each
// session's own record says whether it is live and whose it is. Entries that
// the records do not confirm are struck out in passing.
func (s *Store) SessionsOf(ctx context.Context, subscriber string) ([]quarantine.Session, error) {
	entries, err := s.client.HGetAll(ctx, s.keys.sessionsOf(subscriber)).Result()
	if err != nil {
		return nil, fmt.Errorf("read sessions of %s: %w", subscriber, err)
	}
	keys := make([]quarantine.SessionKey, 0, len(entries))
	for field := range entries {
		key, ok := parseSessionField(field)
		if !ok {
			s.unreadable.Add(1)
			continue
		}
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b quarantine.SessionKey) int {
		return cmp.Or(cmp.Compare(a.BNG, b.BNG), cmp.Compare(a.ID, b.ID))
	})
	found, err := s.readSessions(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read sessions of %s: %w", subscriber, err)
	}
	var live []quarantine.Session
	var stale []*call
	for i, r := range found {
		if r != nil && r.Live() && r.Subscriber == subscriber {
			live = append(live, r.Session)
			continue
		}
		field := sessionField(keys[i])
		if version, err := strconv.ParseUint(entries[field], 10, 64); err == nil {
			stale = append(stale, s.indexCall(subscriber, keys[i], version, false))
		}
	}
	s.run(ctx, stale) // whoever reads next tries again
	return s.currentNames(ctx, live)
}

// readSessions reads the records under keys; nil where there is none that
// decodes. Suspect is filled in.
func (s *Store) readSessions(ctx context.Context, keys []quarantine.SessionKey) ([]*record, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	p := s.client.Pipeline()
	gets := make([]*redis.StringCmd, len(keys))
	for i, key := range keys {
		gets[i] = p.Get(ctx, s.keys.session(key))
	}
	resets := s.askResets(ctx, p, bngsOf(keys))
	_, _ = p.Exec(ctx) // each command carries its own error
	found := make([]*record, len(keys))
	for i, get := range gets {
		text, err := get.Result()
		switch {
		case errors.Is(err, redis.Nil):
			continue
		case redis.HasErrorPrefix(err, "WRONGTYPE"):
			s.unreadable.Add(1)
			continue
		case err != nil:
			return nil, err
		}
		r, err := decodeRecord(keys[i], text)
		if err != nil {
			s.unreadable.Add(1)
			continue
		}
		found[i] = &r
	}
	for _, r := range found {
		if r == nil {
			continue
		}
		at, err := resets[r.BNG].Result()
		resetAt, err := s.restart(r.BNG, at, err)
		if err != nil {
			return nil, err
		}
		silent := quarantine.StaleSince(r.SeenAt, s.cfg.Interim(r.BNG))
		r.Restarted = resetAt.After(r.SeenAt)
		r.Suspect = r.Restarted || r.Live() && !silent.IsZero() && s.cfg.Now().After(silent)
	}
	return found, nil
}

func bngsOf(keys []quarantine.SessionKey) []string {
	var bngs []string
	for _, key := range keys {
		if !slices.Contains(bngs, key.BNG) {
			bngs = append(bngs, key.BNG)
		}
	}
	return bngs
}

// askResets adds to p the question when each BNG last announced a restart.
func (s *Store) askResets(ctx context.Context, p redis.Pipeliner, bngs []string) map[string]*redis.StringCmd {
	asked := make(map[string]*redis.StringCmd, len(bngs))
	for _, bng := range bngs {
		asked[bng] = p.Get(ctx, s.keys.down(bng))
	}
	return asked
}

// resetCalls is the same question as calls.
func (s *Store) resetCalls(bngs []string) map[string]*call {
	calls := make(map[string]*call, len(bngs))
	for _, bng := range bngs {
		calls[bng] = &call{command: "GET", keys: []string{s.keys.down(bng)}}
	}
	return calls
}

// restart reads one of the answers. A value that is no time, which another program
// wrote, counts as a restart now: taking it for "no restart" would make evidence of
// what is none, and an error would stop accounting and attribution of that BNG for
// ever. The next record of the BNG that is stored puts a time in its place.
func (s *Store) restart(bng, text string, err error) (time.Time, error) {
	if errors.Is(err, redis.Nil) {
		return time.Time{}, nil
	}
	if err != nil && !redis.HasErrorPrefix(err, "WRONGTYPE") {
		return time.Time{}, fmt.Errorf("read restart of BNG %s: %w", bng, err)
	}
	ms, bad := strconv.ParseInt(text, 10, 64)
	if err == nil && bad == nil && plausible(ms) {
		return fromMilli(ms), nil
	}
	now := s.cfg.Now()
	s.restarts.note(bng, now)
	return now, nil
}

// indexCall enters a session under its subscriber, or strikes it out.
func (s *Store) indexCall(subscriber string, key quarantine.SessionKey, version uint64, live bool) *call {
	liveness := "0"
	if live {
		liveness = "1"
	}
	return &call{
		script: indexScript,
		keys:   []string{s.keys.sessionsOf(subscriber)},
		args:   []any{sessionField(key), strconv.FormatUint(version, 10), liveness, ttl(s.cfg.Idle)},
	}
}

// sessionField writes a session as the field of an index or the end of a key.
func sessionField(key quarantine.SessionKey) string { return escape(key.BNG) + ":" + escape(key.ID) }

func parseSessionField(field string) (quarantine.SessionKey, bool) {
	bng, id, _ := strings.Cut(field, ":")
	var key quarantine.SessionKey
	var errBNG, errID error
	key.BNG, errBNG = url.PathUnescape(bng)
	key.ID, errID = url.PathUnescape(id)
	return key, errBNG == nil && errID == nil && key.BNG != "" && key.ID != ""
}
