package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// Unserved is a restriction that is, or may be, in force where no release can be sent: its BNG left
// the configuration.
type Unserved struct {
	Case, Subscriber string
	Session          quarantine.SessionKey
	Reason           string
}

// UnservedInJournal lists what is outstanding in this host's journal and not served, by case.
func (e *Engine) UnservedInJournal() []Unserved { return e.ledger.unserved(e.Serves) }

// Unserved lists what is outstanding in the open cases and in this host's journal and not served,
// by case. The journal forgets what its case does not have any more. An error means that the store
// did not answer for all.
func (e *Engine) Unserved(ctx context.Context) ([]Unserved, error) {
	if e.Serves == nil {
		return nil, nil
	}
	all, err := e.unservedCases(ctx)
	if err != nil {
		return nil, err
	}
	for _, u := range e.UnservedInJournal() {
		if slices.ContainsFunc(all, func(known Unserved) bool { return known.Case == u.Case && known.Session == u.Session }) {
			continue
		}
		c, err := e.Store.Case(ctx, u.Case)
		switch {
		case err == nil:
			e.ledger.compare(u.Case, c)
		case !errors.Is(err, quarantine.ErrNoCase):
			return nil, fmt.Errorf("read case %s: %w", u.Case, err)
		}
	}
	for _, u := range e.UnservedInJournal() {
		if !slices.ContainsFunc(all, func(known Unserved) bool { return known.Case == u.Case && known.Session == u.Session }) {
			all = append(all, u)
		}
	}
	return all, nil
}

// StillUnserved returns those of found that are still unserved, as the cases are by now.
func (e *Engine) StillUnserved(ctx context.Context, found []Unserved) (all []Unserved, err error) {
	cases := map[string][]Unserved{}
	for _, u := range found {
		now, read := cases[u.Case]
		if !read {
			c, err := e.Store.Case(ctx, u.Case)
			switch {
			case err == nil:
				e.ledger.compare(u.Case, c)
				now = e.unservedOf(c)
			case errors.Is(err, quarantine.ErrNoCase) && e.ledger.owes(u.Case):
				now = []Unserved{u}
			case !errors.Is(err, quarantine.ErrNoCase):
				return nil, fmt.Errorf("read case %s: %w", u.Case, err)
			}
			cases[u.Case] = now
			all = append(all, now...)
		}
	}
	return all, nil
}

// maxPage is how many cases the store lists per call.
const maxPage = 1000

// unservedCases lists those of all open cases of the store.
func (e *Engine) unservedCases(ctx context.Context) (all []Unserved, err error) {
	f := quarantine.CaseFilter{Limit: maxPage}
	for {
		page, err := e.Store.Cases(ctx, f)
		if err != nil {
			return nil, fmt.Errorf("list the open cases: %w", err)
		}
		for i := range page.Cases {
			if !page.Cases[i].Open() { // open ones come first
				return all, nil
			}
			all = append(all, e.unservedOf(&page.Cases[i])...)
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			return all, nil
		}
	}
}

func (e *Engine) unservedOf(c *quarantine.Case) (all []Unserved) {
	if !c.Open() {
		return nil
	}
	for i := range c.Sessions {
		se := &c.Sessions[i]
		if _, retired := e.Names.Retired[se.Session.BNG]; retired || !se.Outstanding() {
			continue
		}
		if err := e.Serves(&se.Session, append(slices.Clone(se.Applied), se.Given...)); err != nil {
			all = append(all, Unserved{c.ID, c.Subscriber, se.Session.SessionKey, err.Error()})
		}
	}
	return all
}

// unserved lists what is outstanding and not served, by case.
func (l *ledger) unserved(serves func(*quarantine.Session, []quarantine.AppliedProfile) error) (all []Unserved) {
	if serves == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for caseID, of := range l.outstanding {
		for _, o := range of {
			if _, retired := l.names.Retired[o.Session.BNG]; retired {
				continue
			}
			if err := serves(&o.Session, o.Applied); err != nil {
				all = append(all, Unserved{caseID, o.Session.Subscriber, o.Session.SessionKey, err.Error()})
			}
		}
	}
	slices.SortFunc(all, func(a, b Unserved) int {
		return cmp.Or(cmp.Compare(a.Case, b.Case), cmp.Compare(a.Session.String(), b.Session.String()))
	})
	return all
}

// JournalUnserved lists what is outstanding in a journal and not served, by case, without an
// engine: to check a configuration before it is used.
func JournalUnserved(
	ctx context.Context, journal quarantine.Journal, names quarantine.BNGNames,
	serves func(*quarantine.Session, []quarantine.AppliedProfile) error,
) ([]Unserved, error) {
	l := newLedger("", names)
	if err := journal.Replay(ctx, l.replay); err != nil {
		return nil, fmt.Errorf("replay the journal: %w", err)
	}
	return l.unserved(serves), nil
}

// retire ends what the case has on retired BNGs, and returns the other sessions.
func (e *Engine) retire(c *quarantine.Case, sessions []quarantine.Session) []quarantine.Session {
	if len(e.Names.Retired) == 0 {
		return sessions
	}
	c.Retire(&e.Names, e.Now())
	return slices.DeleteFunc(sessions, func(s quarantine.Session) bool {
		_, retired := e.Names.Retired[s.BNG]
		return retired
	})
}

// forgetRetired has the journal forget what is outstanding on retired BNGs: no release of it is
// sent, with or without the store.
func (e *Engine) forgetRetired(ctx context.Context) {
	for _, id := range e.ledger.cases() {
		for _, o := range e.ledger.ofCase(id) {
			if reason, retired := e.Names.Retired[o.Session.BNG]; retired {
				e.Logger.Warn("a release is dropped: the BNG was retired", zap.String("case", id),
					zap.String("bng", o.Session.BNG), zap.String("session", o.Session.ID), zap.String("reason", reason))
				e.forgetRelease(ctx, id, &o.Session)
			}
		}
	}
}
