package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"cordon/quarantine"
)

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

// errUnnamedCase refuses a case that would not read back as it was written.
var errUnnamedCase = errors.New("id and subscriber must not be empty, and must be UTF-8")

// writeOf names the write that a case was read from, as the record has it beside the
// case: "0" of a new one.
func writeOf(c *quarantine.Case) string {
	version := strconv.FormatUint(c.Version, 10)
	if c.Stamp == "" { // written before there were stamps
		return version
	}
	return version + "." + c.Stamp
}

// saveArguments is the argument of save.lua, whose head says what each field means.
// What Redis keeps or compares as text is text here too: a number of JSON is a double
// in Lua.
type saveArguments struct {
	Term         string `json:"term,omitempty"`
	Read         string `json:"read"`
	Write        string `json:"write"`
	Case         string `json:"case"`
	Subscriber   string `json:"subscriber"`
	Lane         string `json:"lane"`
	Open         bool   `json:"open,omitempty"`
	Now          string `json:"now_ms"`
	Due          string `json:"due_ms,omitempty"`
	Index        string `json:"index_ms"`
	Keep         string `json:"keep_ms,omitempty"`
	Drop         string `json:"drop_ms,omitempty"`
	Answers      string `json:"answers"`
	Desired      string `json:"desired,omitempty"`
	KnownRelease string `json:"known_release_ms,omitempty"`
	Remember     string `json:"remember_ms"`
	Release      string `json:"release_ms,omitempty"`
	Verdict      string `json:"verdict,omitempty"`

	Reserve *saveReserve `json:"reserve,omitempty"`
}

// saveReserve has the limits counted by the script: deciding and counting must be one
// step, or two instances would both take the last place.
type saveReserve struct {
	ID       string        `json:"id"`
	Forced   bool          `json:"forced,omitempty"`
	Counters []saveCounter `json:"counters"`
}

type saveCounter struct {
	Window int64 `json:"window_ms"`
	Max    int   `json:"max"`
	Units  int   `json:"units"`
}

// saveCall builds the call of save.lua.
func (s *Store) saveCall(w quarantine.CaseWrite, stamp string) (*call, error) {
	next := *w.Case
	next.Version, next.Stamp = next.Version+1, stamp
	if next.ID == "" || next.Subscriber == "" || !utf8.ValidString(next.ID+next.Subscriber) {
		return nil, errUnnamedCase
	}
	args, err := s.saveArguments(&w, &next)
	if err != nil {
		return nil, err
	}
	named, errNamed := json.Marshal(args)
	document, errCase := json.Marshal(&next)
	status, errStatus := json.Marshal(w.Verdict)
	release, errRelease := json.Marshal(next.Release)
	return &call{script: saveScript, keys: s.saveKeys(&w, &next), args: []any{named, document, status, release}},
		errors.Join(errNamed, errCase, errStatus, errRelease)
}

// saveKeys lists the keys of save.lua, in the order that its head gives.
func (s *Store) saveKeys(w *quarantine.CaseWrite, next *quarantine.Case) []string {
	lane, verdict := next.Lane(), ""
	if w.Verdict != nil {
		verdict = w.Verdict.ID
	}
	list := []string{
		s.keys.caseRecord(next.ID), s.keys.open(), s.keys.due(lane), s.keys.due(otherLane(lane)),
		s.keys.casesOpen(), s.keys.casesClosed(), s.keys.term(), s.keys.released(next.Subscriber), s.keys.verdict(verdict),
		s.keys.dueAsked(), s.keys.wanted(), s.keys.logins(next.Subscriber),
	}
	if w.Reserve != nil {
		for _, scope := range w.Reserve.Scopes {
			list = append(list, s.keys.limit(scope.Key))
		}
	}
	return list
}

func (s *Store) saveArguments(w *quarantine.CaseWrite, next *quarantine.Case) (args saveArguments, err error) {
	args = saveArguments{
		Read: writeOf(w.Case), Write: writeOf(next), Case: next.ID, Subscriber: next.Subscriber, Lane: strconv.Itoa(int(next.Lane())),
		Open: next.Open(), Now: ms(w.Now), Due: msOrEmpty(w.DueAt), Index: ms(next.OpenedAt), Answers: strconv.FormatUint(w.Case.Answered, 10),
		KnownRelease: msOrEmpty(w.Released), Remember: ttl(s.cfg.VerdictMemory), Reserve: reserveArguments(w.Reserve),
	}
	if w.Term != 0 {
		args.Term = strconv.FormatUint(w.Term, 10)
	}
	if !next.Open() {
		args.Index, args.Keep = ms(next.ClosedAt), ttl(s.cfg.History-w.Now.Sub(next.ClosedAt))
		args.Drop = ms(w.Now.Add(-s.cfg.History))
	}
	if next.Release != nil {
		args.Release = ms(next.Release.At)
	}
	if w.Verdict != nil {
		args.Verdict = verdictLetter(w.Verdict)
	}
	args.Desired, err = encodeDesired(next)
	return args, err
}

func reserveArguments(r *quarantine.Reservation) *saveReserve {
	if r == nil {
		return nil
	}
	reserve := &saveReserve{ID: r.ID, Forced: r.Forced, Counters: []saveCounter{}}
	for _, scope := range r.Scopes {
		reserve.Counters = append(reserve.Counters, saveCounter{scope.Window.Milliseconds(), scope.Max, scope.Units()})
	}
	return reserve
}

func otherLane(l quarantine.Lane) quarantine.Lane {
	if l == quarantine.LaneRelease {
		return quarantine.LaneRestrict
	}
	return quarantine.LaneRelease
}

func msOrEmpty(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ms(t)
}
