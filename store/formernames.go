package store

import (
	"context"
	"errors"
	"fmt"

	"cordon/quarantine"
)

// Sessions of a BNG that was renamed stand under the name that it had when they were
// last recorded. They are read under its present name; nothing is moved.

// everyName lists the keys under which a session may stand.
func (s *Store) everyName(key quarantine.SessionKey) []quarantine.SessionKey {
	key.BNG = s.cfg.Names.Current(key.BNG)
	keys := []quarantine.SessionKey{key}
	for _, old := range s.cfg.Names.Former(key.BNG) {
		keys = append(keys, quarantine.SessionKey{BNG: old, ID: key.ID})
	}
	return keys
}

// merge is the newest of records of one session under several names, with what the
// older ones know of it beyond that; nil if there is none.
func (s *Store) merge(found []*record) *quarantine.Session {
	var one *quarantine.Session
	for _, r := range found {
		if r == nil {
			continue
		}
		session := r.Session
		s.cfg.Names.Rename(&session)
		switch {
		case one == nil:
		case session.SeenAt.After(one.SeenAt):
			session = quarantine.Continue(*one, session)
		default:
			session = quarantine.Continue(session, *one)
		}
		one = &session
	}
	return one
}

// currentNames gives live sessions of renamed BNGs the present name. One that is
// known under both is listed once, and not at all if it has ended under the other.
func (s *Store) currentNames(ctx context.Context, live []quarantine.Session) ([]quarantine.Session, error) {
	listed := map[quarantine.SessionKey]bool{}
	var all []quarantine.Session
	for _, session := range live {
		if len(s.everyName(session.SessionKey)) == 1 {
			all = append(all, session)
			continue
		}
		one, err := s.Session(ctx, session.SessionKey)
		if errors.Is(err, quarantine.ErrNoSession) {
			continue // it ended meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("read session %s under its other names: %w", session.SessionKey, err)
		}
		if one.Live() && one.Subscriber == session.Subscriber && !listed[one.SessionKey] {
			listed[one.SessionKey] = true
			all = append(all, one)
		}
	}
	return all, nil
}
