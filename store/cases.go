package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

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
// after that finds out by CaseWrite.Released if it was a person who closed it.
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
		return nil, fmt.Errorf("%w: %s holds case %.40q version %d under version %.20q", quarantine.ErrUnreadableCase, s.keys.caseRecord(id), c.ID, c.Version, version)
	}
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", s.keys.caseRecord(id), err)
	}
	s.cfg.Names.RenameIn(&c)
	return &c, nil
}

// SaveCase implements quarantine.CaseWriter.
func (s *Store) SaveCase(ctx context.Context, w quarantine.CaseWrite) error {
	stamp := rand.Text()[:10]
	c, err := s.saveCall(w, stamp)
	if err != nil {
		return fmt.Errorf("save case %s: %w", w.Case.ID, err)
	}
	s.run(ctx, []*call{c})
	if err := s.failure(ctx, c); err != nil {
		return fmt.Errorf("save case %s: %w", w.Case.ID, err)
	}
	answer, err := c.cmd.StringSlice()
	if err != nil {
		return fmt.Errorf("save case %s: %w", w.Case.ID, err)
	}
	if err := saveError(w, answer); err != nil {
		return err
	}
	w.Case.Version, w.Case.Stamp = w.Case.Version+1, stamp
	return nil
}

// saveError translates the script's answer.
func saveError(w quarantine.CaseWrite, answer []string) error {
	switch {
	case len(answer) == 1 && answer[0] == "saved":
		return nil
	case len(answer) == 1 && answer[0] == "sender":
		return quarantine.ErrNotSender
	case len(answer) == 1 && answer[0] == "conflict":
		return quarantine.ErrConflict
	case len(answer) == 2 && answer[0] == "limit":
		if n, err := strconv.Atoi(answer[1]); err == nil && w.Reserve != nil && 1 <= n && n <= len(w.Reserve.Scopes) {
			return &quarantine.LimitError{Scope: w.Reserve.Scopes[n-1]}
		}
	}
	return unexpected("save", answer)
}

// errUnnamedCase refuses a case that JSON could not give back as it was.
var errUnnamedCase = errors.New("its id or subscriber is empty, or the subscriber is no UTF-8")

// writeOf names the write that a case was read from, as the record has it beside the
// case: "0" of a new one.
func writeOf(c *quarantine.Case) string {
	version := strconv.FormatUint(c.Version, 10)
	if c.Stamp == "" { // written before there were stamps
		return version
	}
	return version + "." + c.Stamp
}

// saveCall builds the call of save.lua, whose head says what stands where.
func (s *Store) saveCall(w quarantine.CaseWrite, stamp string) (*call, error) {
	next := *w.Case
	next.Version, next.Stamp = next.Version+1, stamp
	if next.ID == "" || next.Subscriber == "" || !utf8.ValidString(next.Subscriber) {
		return nil, errUnnamedCase
	}
	data, err := json.Marshal(&next)
	if err != nil {
		return nil, err
	}
	release, err := json.Marshal(next.Release)
	if err != nil {
		return nil, err
	}
	wants, err := encodeWanted(&next)
	if err != nil {
		return nil, err
	}
	settled, status, verdictKey, err := s.verdictPart(w.Verdict)
	if err != nil {
		return nil, err
	}
	lane := next.Lane()
	score, life := next.OpenedAt, time.Duration(0)
	if !next.Open() {
		score, life = next.ClosedAt, s.cfg.History-w.Now.Sub(next.ClosedAt)
	}
	c := &call{script: saveScript}
	c.keys = []string{
		s.keys.caseRecord(next.ID), s.keys.open(), s.keys.due(lane), s.keys.due(otherLane(lane)),
		s.keys.casesOpen(), s.keys.casesClosed(), s.keys.term(), s.keys.released(next.Subscriber), verdictKey,
		s.keys.dueAsked(), s.keys.wanted(), s.keys.logins(next.Subscriber),
	}
	c.args = []any{
		strconv.FormatUint(w.Term, 10), writeOf(w.Case), writeOf(&next),
		next.ID, next.Subscriber, strconv.Itoa(int(lane)), truth(next.Open()), data, msOrNone(w.DueAt), ms(w.Now),
		ms(score), ttl(life), ms(w.Now.Add(-s.cfg.History)),
		releasedAt(next.Release), release, settled, status, ttl(s.cfg.VerdictMemory),
		wants, strconv.FormatUint(w.Case.Answered, 10), msOrNone(w.Released),
	}
	s.addReservation(c, w.Reserve)
	return c, nil
}

func otherLane(l quarantine.Lane) quarantine.Lane {
	if l == quarantine.LaneRelease {
		return quarantine.LaneRestrict
	}
	return quarantine.LaneRelease
}

func releasedAt(r *quarantine.PersonRelease) string {
	if r == nil {
		return ""
	}
	return ms(r.At)
}

func msOrNone(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ms(t)
}

func truth(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
