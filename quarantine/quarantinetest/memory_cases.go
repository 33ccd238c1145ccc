package quarantinetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordon/quarantine"
)

// heldCase is a case as stored, and what lists and checks need of it.
type heldCase struct {
	text    []byte
	version uint64
	stamp   string
	closed  bool
	listed  time.Time // opening time; closing time once closed
}

// heldVerdict is a verdict's status as stored.
type heldVerdict struct {
	text  []byte
	final bool
}

// Dossier implements quarantine.CaseReader.
func (m *Memory) Dossier(_ context.Context, subscriber string) (quarantine.Dossier, error) {
	if err := m.enter(); err != nil {
		return quarantine.Dossier{}, err
	}
	defer m.mu.Unlock()
	var d quarantine.Dossier
	if id, ok := m.open[subscriber]; ok {
		d.Case = m.readCase(id)
		if err := d.Case.Check(); err != nil {
			return quarantine.Dossier{}, err
		}
		m.fillLogIns(d.Case)
	}
	if r, ok := m.released[subscriber]; ok {
		d.Released = &r
	}
	return d, nil
}

// Case implements quarantine.CaseReader.
func (m *Memory) Case(_ context.Context, id string) (*quarantine.Case, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if _, ok := m.cases[id]; !ok {
		return nil, quarantine.ErrNoCase
	}
	c := m.readCase(id)
	if err := c.Check(); err != nil {
		return nil, err
	}
	return c, nil
}

// CasesByID implements quarantine.CaseReader.
func (m *Memory) CasesByID(_ context.Context, ids []string) (map[string]*quarantine.Case, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if len(ids) > quarantine.CasesAtOnce {
		return nil, fmt.Errorf("read cases: %d ids, at most %d at once", len(ids), quarantine.CasesAtOnce)
	}
	found := map[string]*quarantine.Case{}
	for _, id := range ids {
		if _, ok := m.cases[id]; ok {
			if found[id] = m.readCase(id); found[id].Check() != nil {
				found[id] = nil
			}
		}
	}
	return found, nil
}

func (m *Memory) readCase(id string) *quarantine.Case {
	c := mustDecode[quarantine.Case](m.cases[id].text)
	return &c
}

// Cases implements quarantine.CaseReader. The cursor is "after " and the id of
// the last case of the page before.
func (m *Memory) Cases(_ context.Context, f quarantine.CaseFilter) (quarantine.CasePage, error) {
	if err := m.enter(); err != nil {
		return quarantine.CasePage{}, err
	}
	defer m.mu.Unlock()
	if f.Limit < 1 || f.Limit > 1000 {
		return quarantine.CasePage{}, &quarantine.FieldError{Field: "limit", Reason: "is between 1 and 1000"}
	}
	ids := m.listed()
	if f.Cursor != "" {
		after, found := strings.CutPrefix(f.Cursor, "after ")
		at := slices.Index(ids, after)
		if !found || at < 0 {
			return quarantine.CasePage{}, &quarantine.FieldError{Field: "cursor", Reason: "was not handed out by this list"}
		}
		ids = ids[at+1:]
	}
	var page quarantine.CasePage
	for _, id := range ids {
		c := m.readCase(id)
		if c.Check() != nil || !f.Selects(c) {
			continue
		}
		if len(page.Cases) == f.Limit {
			page.Next = "after " + page.Cases[f.Limit-1].ID
			break
		}
		page.Cases = append(page.Cases, *c)
	}
	return page, nil
}

// listed returns all ids: open cases by opening time, then closed ones by
// closing time, newest first.
func (m *Memory) listed() []string {
	ids := make([]string, 0, len(m.cases))
	for id := range m.cases {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		x, y := m.cases[a], m.cases[b]
		if x.closed != y.closed {
			return cmp.Compare(strconv.FormatBool(x.closed), strconv.FormatBool(y.closed))
		}
		return cmp.Or(y.listed.Compare(x.listed), cmp.Compare(b, a))
	})
	return ids
}

// SaveCase implements quarantine.CaseWriter.
func (m *Memory) SaveCase(_ context.Context, w quarantine.CaseWrite) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if err := m.checkWrite(w); err != nil {
		return err
	}
	m.stamps++
	w.Case.Version, w.Case.Stamp = w.Case.Version+1, fmt.Sprintf("%p/%d", m, m.stamps)
	c := w.Case
	held := heldCase{text: mustEncode(c), version: c.Version, stamp: c.Stamp, closed: !c.Open(), listed: c.OpenedAt}
	if held.closed {
		held.listed = c.ClosedAt
	}
	m.cases[c.ID] = held
	m.count(w)
	m.schedule(w)
	if r := c.Release; r != nil && !m.released[c.Subscriber].At.After(r.At) {
		m.released[c.Subscriber] = mustDecode[quarantine.PersonRelease](mustEncode(r))
	}
	if w.Verdict != nil {
		m.saveVerdict(*w.Verdict)
	}
	return nil
}

func (m *Memory) checkWrite(w quarantine.CaseWrite) error {
	if w.Case.ID == "" || w.Case.Subscriber == "" {
		return fmt.Errorf("save case: its id or subscriber is empty")
	}
	if w.Term != 0 && w.Term != m.lock.term {
		return quarantine.ErrNotSender
	}
	if held := m.cases[w.Case.ID]; held.version != w.Case.Version || held.version != 0 && held.stamp != w.Case.Stamp {
		return quarantine.ErrConflict
	}
	if id, ok := m.open[w.Case.Subscriber]; ok && id != w.Case.ID && w.Case.Open() {
		return quarantine.ErrConflict
	}
	if !w.Case.Open() && m.open[w.Case.Subscriber] == w.Case.ID && m.logIns[w.Case.Subscriber].n != w.Case.Answered {
		return quarantine.ErrConflict
	}
	if last, ok := m.released[w.Case.Subscriber]; ok && w.Verdict != nil && last.At.After(w.Released) {
		return quarantine.ErrConflict
	}
	if w.Verdict != nil && w.Verdict.Final && m.verdicts[w.Verdict.ID].final {
		return quarantine.ErrConflict
	}
	if w.Reserve == nil || w.Reserve.Forced {
		return nil
	}
	for _, scope := range w.Reserve.Scopes {
		taken, has := m.inWindow(scope, w.Reserve.ID, m.Now())
		if !has && scope.Max > 0 && taken+scope.Units() > scope.Max {
			return &quarantine.LimitError{Scope: scope}
		}
	}
	return nil
}

// counted is a reservation in a counter.
type counted struct {
	at    time.Time
	units int
}

// inWindow counts what the reservations within the window that ends now take, and
// reports whether id is one of them.
func (m *Memory) inWindow(scope quarantine.LimitScope, id string, now time.Time) (n int, has bool) {
	for other, c := range m.counters[scope.Key] {
		if c.at.After(now.Add(-scope.Window)) {
			n += c.units
			has = has || other == id
		}
	}
	return n, has
}

func (m *Memory) count(w quarantine.CaseWrite) {
	if w.Reserve == nil {
		return
	}
	for _, scope := range w.Reserve.Scopes {
		if _, has := m.inWindow(scope, w.Reserve.ID, m.Now()); has {
			continue
		}
		if m.counters[scope.Key] == nil {
			m.counters[scope.Key] = map[string]counted{}
		}
		m.counters[scope.Key][w.Reserve.ID] = counted{m.Now(), scope.Units()}
	}
}

// Verdict implements quarantine.VerdictStore.
func (m *Memory) Verdict(_ context.Context, id string) (quarantine.VerdictStatus, error) {
	if err := m.enter(); err != nil {
		return quarantine.VerdictStatus{}, err
	}
	defer m.mu.Unlock()
	held, ok := m.verdicts[id]
	if !ok {
		return quarantine.VerdictStatus{}, quarantine.ErrNoVerdict
	}
	return mustDecode[quarantine.VerdictStatus](held.text), nil
}

// SaveVerdict implements quarantine.VerdictStore.
func (m *Memory) SaveVerdict(_ context.Context, s quarantine.VerdictStatus) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	m.saveVerdict(s)
	return nil
}

func (m *Memory) saveVerdict(s quarantine.VerdictStatus) {
	if s.Final || !m.verdicts[s.ID].final {
		m.verdicts[s.ID] = heldVerdict{mustEncode(s), s.Final}
	}
}

// KnownVerdicts implements quarantine.VerdictStore.
func (m *Memory) KnownVerdicts(_ context.Context, ids []string) (map[string]bool, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	known := map[string]bool{}
	for _, id := range ids {
		if _, ok := m.verdicts[id]; ok {
			known[id] = true
		}
	}
	return known, nil
}
