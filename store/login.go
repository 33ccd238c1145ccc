package store

import (
	"cmp"
	"context"
	"encoding/json"
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

// desired is the desired profile of an open case, as a log-in needs it; login.lua reads
// profile and until_ms.
type desired struct {
	Case    string               `json:"case"`
	Profile string               `json:"profile"`
	Until   int64                `json:"until_ms"` // ms since 1970; 0: no end
	State   quarantine.CaseState `json:"state"`
	Mode    quarantine.Mode      `json:"mode"`
	Rule    string               `json:"rule,omitempty"`
	Cleared bool                 `json:"cleared,omitempty"`
}

// encodeDesired returns the desired profile as JSON, "" if there is none.
func encodeDesired(c *quarantine.Case) (string, error) {
	if !c.State.Wants() {
		return "", nil
	}
	w := desired{Case: c.ID, Profile: c.Profile, State: c.State, Mode: c.Mode, Rule: c.Rule, Cleared: c.Cleared}
	if !c.ExpiresAt.IsZero() {
		w.Until = c.ExpiresAt.UnixMilli()
	}
	text, err := json.Marshal(w)
	return string(text), err
}

// countField of the answers to log-ins counts them; it cannot be the name of
// another field, which has a colon.
const countField = "n"

// LogIn implements quarantine.LogInStore.
func (s *Store) LogIn(ctx context.Context, l quarantine.LogIn) (*quarantine.Case, error) {
	c := &call{
		script: loginScript, keys: []string{s.keys.wanted(), s.keys.logins(l.Subscriber)},
		args: []any{l.Subscriber, ms(l.At), ttl(s.cfg.History)},
	}
	for profile, undo := range l.Undo {
		c.args = append(c.args, profile, escape(l.BNG)+":"+escape(profile), undo)
	}
	s.run(ctx, []*call{c})
	text, err := c.cmd.Text()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the desired profile at log-in: %w", s.failure(ctx, c))
	}
	var w desired
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		return nil, fmt.Errorf("%s does not decode: %w", s.keys.wanted(), err)
	}
	found := &quarantine.Case{
		ID: w.Case, Subscriber: l.Subscriber, State: w.State, Profile: w.Profile, Mode: w.Mode, Rule: w.Rule, Cleared: w.Cleared,
	}
	if w.Until != 0 {
		found.ExpiresAt = time.UnixMilli(w.Until).UTC()
	}
	return found, nil
}

// decodeLogIns reads the answers to a subscriber's log-ins. A field that does not
// decode is an error: what is to be undone must not disappear by damage.
func (s *Store) decodeLogIns(subscriber string, get *redis.MapStringStringCmd) (answers []quarantine.LogInAnswer, n uint64, err error) {
	fields, err := get.Result()
	if err != nil {
		return nil, 0, fmt.Errorf("read %s: %w", s.keys.logins(subscriber), err)
	}
	for field, value := range fields {
		if field == countField {
			if n, err = strconv.ParseUint(value, 10, 64); err != nil {
				return nil, 0, fmt.Errorf("%s does not decode: %w", s.keys.logins(subscriber), err)
			}
			continue
		}
		a, err := decodeLogIn(field, value)
		if err != nil {
			return nil, 0, fmt.Errorf("%s does not decode: %w", s.keys.logins(subscriber), err)
		}
		a.BNG = s.cfg.Names.Current(a.BNG)
		answers = append(answers, a)
	}
	slices.SortFunc(answers, func(a, b quarantine.LogInAnswer) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.BNG+":"+a.Profile, b.BNG+":"+b.Profile))
	})
	return answers, n, nil
}

func decodeLogIn(field, value string) (quarantine.LogInAnswer, error) {
	bng, profile, named := strings.Cut(field, ":")
	at, undo, dated := strings.Cut(value, ":")
	if !named || !dated {
		return quarantine.LogInAnswer{}, fmt.Errorf("%.40q: %.40q is no answer to a log-in", field, value)
	}
	var a quarantine.LogInAnswer
	var faults [3]error
	a.BNG, faults[0] = url.PathUnescape(bng)
	a.Profile, faults[1] = url.PathUnescape(profile)
	var since int64
	since, faults[2] = strconv.ParseInt(at, 10, 64)
	a.At, a.Undo = time.UnixMilli(since).UTC(), undo
	return a, errors.Join(faults[:]...)
}
