package store

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
)

// casePage is how many cases are read at once while a list is filtered.
const casePage = 200

// position is a place in the list of cases: open ones by opening time, then
// closed ones by closing time, newest first.
type position struct {
	closed bool
	score  int64 // ms; the place is right after this case
	id     string
}

// String writes a position as a cursor.
func (p position) String() string {
	index := 0
	if p.closed {
		index = 1
	}
	text := fmt.Sprintf("%d %d %s", index, p.score, p.id)
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

func parseCursor(cursor string) (position, error) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	parts := strings.SplitN(string(text), " ", 3)
	if err == nil && len(parts) == 3 && (parts[0] == "0" || parts[0] == "1") {
		if score, err := strconv.ParseInt(parts[1], 10, 64); err == nil {
			return position{parts[0] == "1", score, parts[2]}, nil
		}
	}
	return position{}, &quarantine.FieldError{Field: "cursor", Reason: "must be one that this list returned"}
}

// Cases implements quarantine.CaseReader. It reads page after page and filters:
// cases are thousands, not millions.
func (s *Store) Cases(ctx context.Context, f quarantine.CaseFilter) (quarantine.CasePage, error) {
	if f.Limit < 1 || f.Limit > 1000 {
		return quarantine.CasePage{}, &quarantine.FieldError{Field: "limit", Reason: "must be between 1 and 1000"}
	}
	f.BNG = s.cfg.Names.Current(f.BNG)
	at := &position{closed: f.State == quarantine.Closed, score: -1}
	if f.Cursor != "" {
		parsed, err := parseCursor(f.Cursor)
		if err != nil {
			return quarantine.CasePage{}, err
		}
		at = &parsed
	}
	var page quarantine.CasePage
	for at != nil {
		read, err := s.readPage(ctx, *at)
		if err != nil {
			return quarantine.CasePage{}, fmt.Errorf("list cases: %w", err)
		}
		page.Damaged = append(page.Damaged, read.damaged...)
		for _, c := range read.cases {
			if !f.Selects(&c.Case) {
				continue
			}
			if len(page.Cases) == f.Limit {
				return page, nil
			}
			page.Cases = append(page.Cases, c.Case)
			page.Next = c.place.String()
		}
		at = following(*at, read.places, f)
	}
	page.Next = ""
	return page, nil
}

// following is where to read on after a page; nil at the end.
func following(at position, places []position, f quarantine.CaseFilter) *position {
	if len(places) > 0 {
		return &places[len(places)-1]
	}
	if !at.closed && f.State == "" {
		return &position{closed: true, score: -1}
	}
	return nil
}

// placedCase is a case and its place in the list.
type placedCase struct {
	quarantine.Case
	place position
}

// casesRead is what one read of an index found.
type casesRead struct {
	cases   []placedCase
	places  []position // of all, cases or not
	damaged []string   // keys of what is no case
}

// readPage reads the cases after a position in one of the two indexes. A case
// that is in the index but gone, or has moved to the other index, is left out. So is
// a record that something else has damaged, which keeps no other from being listed.
func (s *Store) readPage(ctx context.Context, at position) (read casesRead, err error) {
	if read.places, err = s.readIndex(ctx, at); err != nil || len(read.places) == 0 {
		return read, err
	}
	p := s.client.Pipeline()
	records := make([]*redis.SliceCmd, len(read.places))
	for i, place := range read.places {
		records[i] = p.HMGet(ctx, s.keys.caseRecord(place.id), "v", "d")
	}
	_, _ = p.Exec(ctx) // each command carries its own error
	for i, record := range records {
		place := read.places[i]
		fields, err := record.Result()
		if err != nil && !redis.HasErrorPrefix(err, "WRONGTYPE") {
			return read, err
		}
		c, wrong := s.decodeCase(place.id, fields)
		switch {
		case err == nil && errors.Is(wrong, quarantine.ErrNoCase):
		case err != nil || wrong != nil:
			s.unreadable.Add(1)
			read.damaged = append(read.damaged, s.keys.caseRecord(place.id))
		case c.Open() != at.closed:
			read.cases = append(read.cases, placedCase{*c, place})
		}
	}
	return read, nil
}

// readIndex lists the places after a position. Ids of the same millisecond
// stand in reverse alphabetical order, as Redis keeps them.
func (s *Store) readIndex(ctx context.Context, at position) ([]position, error) {
	index, top := s.keys.casesOpen(), "+inf"
	if at.closed {
		index = s.keys.casesClosed()
	}
	if at.score >= 0 {
		top = strconv.FormatInt(at.score, 10)
	}
	for offset := int64(0); ; offset += casePage {
		members, err := s.client.ZRevRangeByScoreWithScores(ctx, index,
			&redis.ZRangeBy{Min: "-inf", Max: top, Offset: offset, Count: casePage}).Result()
		if err != nil {
			return nil, err
		}
		var places []position
		for _, m := range members {
			id, _ := m.Member.(string)
			place := position{at.closed, int64(m.Score), id}
			if at.score < 0 || place.score < at.score || place.id < at.id {
				places = append(places, place)
			}
		}
		if len(places) > 0 || len(members) < casePage {
			return places, nil
		}
	}
}
