package demo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"cordon/integration/wire"
	"cordon/radiusx/bngsim"
)

// step is one step of the story. Its function prints what it observes, and fails if that
// is not as expected.
type step struct {
	title string
	run   func(*story, context.Context) error
}

// script is the whole story. The lossy path is early, so that the time until its release
// is asserted again passes during other steps.
var script = []step{
	{"the sessions that the BNGs have are those that Cordon knows", (*story).sessionsKnown},
	{"a verdict is accepted, attributed and acted on", (*story).verdictActed},
	{"the same verdict again changes nothing", (*story).verdictDoubled},
	{"a BNG behind a path that loses packets", (*story).lossyPath},
	{"an address that changed hands: the earlier holder is meant", (*story).changedHands},
	{"an IPv6 address inside a delegated prefix", (*story).delegatedPrefix},
	{"a restricted subscriber reconnects", (*story).reconnect},
	{"a rule in shadow: decided and recorded, nothing sent", (*story).shadowRule},
	{"a flood of verdicts from one source is held", (*story).flood},
	{"an operator quarantines by hand", (*story).byHand},
	{"a late duplicate, and why a doubtful release is asserted again", (*story).assertedAgain},
	{"everything is released", (*story).releaseAll},
}

// StepError is a failed step.
type StepError struct {
	Number int // from 1
	Title  string
	Err    error
}

func (e *StepError) Error() string { return fmt.Sprintf("step %d (%s): %v", e.Number, e.Title, e.Err) }

func (e *StepError) Unwrap() error { return e.Err }

// story is a run of the script.
type story struct {
	*stage
	began  time.Time
	random *rand.Rand
	cast   map[*bng][]string // users without a part yet

	meant    map[string]string // user → restriction that his session must show now
	unsteady map[string]bool   // users whose sessions are checked by their own step only
	seen     map[string]part   // case → whose session was seen restricted on its BNG

	first   played // of verdictActed
	doubted doubt  // of lossyPath

	timeout time.Duration // of what should be observed at once
}

// part is a user on a BNG.
type part struct {
	bng  *bng
	user string
}

// played is the case of a step.
type played struct {
	part
	verdict wire.Verdict
	id      string // the verdict's
	kase    string
}

func newStory(s *stage) *story {
	t := &story{
		stage: s, began: time.Now(), random: rand.New(rand.NewPCG(s.Seed, 0)), //nolint:gosec // who plays what, not keys
		timeout: defaultTimeout,
		cast:    map[*bng][]string{}, meant: map[string]string{}, unsteady: map[string]bool{}, seen: map[string]part{},
	}
	for _, b := range s.bngs {
		for _, n := range t.random.Perm(len(b.Subscribers)) {
			t.cast[b] = append(t.cast[b], b.Subscribers[n].User)
		}
	}
	return t
}

// run runs the script and prints the result, counted at the BNGs and in the API.
func (s *story) run(ctx context.Context) error {
	failure := s.steps(ctx)
	if ctx.Err() != nil {
		return failure // interrupted
	}
	released, stuck, err := s.count(ctx)
	if err != nil {
		return errors.Join(failure, fmt.Errorf("count: %w", err))
	}
	s.print(fmt.Sprintf("\ndemo: quarantined %d, released %d, stuck %d\n", len(s.seen), released, stuck))
	if failure == nil && stuck > 0 {
		failure = fmt.Errorf("stuck: %d subscribers", stuck)
	}
	return failure
}

func (s *story) steps(ctx context.Context) error {
	for i, step := range s.script {
		s.heading(fmt.Sprintf("%d  %s", i+1, strings.ToUpper(step.title[:1])+step.title[1:]))
		err := step.run(s, ctx)
		if err == nil {
			err = s.nobodyElse()
		}
		if err != nil {
			return &StepError{i + 1, step.title, err}
		}
	}
	return nil
}

// take returns a user of a BNG without a part yet.
func (s *story) take(b *bng) part {
	user := s.cast[b][0]
	s.cast[b] = s.cast[b][1:]
	return part{b, user}
}

// session is the user's only session on the BNG.
func (p part) session() (bngsim.Session, error) {
	sessions := p.bng.Find(p.user)
	if len(sessions) != 1 {
		return bngsim.Session{}, fmt.Errorf("wanted one session of %s on %s, saw %d", p.user, p.bng.name, len(sessions))
	}
	return sessions[0], nil
}

// shows reports whether a session shows a restriction.
func shows(s bngsim.Session, restriction string) bool {
	return slices.Contains(s.Services, restriction) || s.AddressList == restriction
}

// normal reports whether a session is as at log-in.
func normal(s bngsim.Session) bool { return s.State.Equal(s.Profile) }

// nobodyElse checks every session of both BNGs: those of the story, and no others, show a
// restriction.
func (s *story) nobodyElse() error {
	others := 0
	for _, b := range s.bngs {
		for _, session := range b.Sessions() {
			restriction := s.meant[session.User]
			switch {
			case s.unsteady[session.User]:
			case restriction != "" && !shows(session, restriction):
				return fmt.Errorf("wanted %s on %s/%s (%s), saw %s", restriction, b.name, session.ID, session.User, session.State)
			case restriction == "" && !normal(session):
				return fmt.Errorf("wanted no change of %s/%s (%s), saw %s instead of %s",
					b.name, session.ID, session.User, session.State, session.Profile)
			case restriction == "":
				others++
			}
		}
	}
	if len(s.meant)+len(s.unsteady) == 0 {
		s.say("all %d sessions are as at log-in", others)
	} else {
		s.say("the other %d sessions are as at log-in", others)
	}
	return nil
}

// count returns how many of the restricted subscribers are released: case closed, session
// as at log-in. Every other one is stuck, and so is whoever else has an open case or a
// changed session.
func (s *story) count(ctx context.Context) (released, stuck int, err error) {
	bad := map[string]bool{}
	open, err := s.api.openCases(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, c := range open {
		bad[c.Subscriber] = true
	}
	for _, b := range s.bngs {
		for _, session := range b.Sessions() {
			if !normal(session) {
				bad[session.User] = true
			}
		}
	}
	for _, p := range s.seen {
		if !bad[p.user] {
			released++
		}
	}
	return released, len(bad), nil
}

// poll is the interval of until.
const poll = 20 * time.Millisecond

// until polls look until it is satisfied. It fails with what was wanted and what was seen
// last.
func (s *story) until(ctx context.Context, timeout time.Duration, wanted string, look func() (seen string, ok bool, err error)) error {
	for deadline := time.Now().Add(timeout); ; {
		seen, ok, err := look()
		switch {
		case err != nil:
			return err
		case ok:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("wanted %s, saw %s for %s", wanted, seen, timeout)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(poll):
		}
	}
}

// decided waits until a verdict has one of the states.
func (s *story) decided(ctx context.Context, id string, states ...string) (wire.VerdictStatus, error) {
	var v wire.VerdictStatus
	wanted := fmt.Sprintf("verdict %s to be %s", id, strings.Join(states, " or "))
	err := s.until(ctx, s.timeout, wanted, func() (string, bool, error) {
		var err error
		v, err = get[wire.VerdictStatus](ctx, s.api, "/verdicts/"+id, nil)
		return fmt.Sprintf("%s (%s)", v.State, v.Reason), slices.Contains(states, v.State), err
	})
	return v, err
}

// caseIs waits until a case has a state.
func (s *story) caseIs(ctx context.Context, id, state string) (wire.Case, error) {
	return s.caseWithin(ctx, s.timeout, id, state)
}

func (s *story) caseWithin(ctx context.Context, timeout time.Duration, id, state string) (wire.Case, error) {
	var c wire.Case
	err := s.until(ctx, timeout, fmt.Sprintf("case %s to be %s", id, state), func() (string, bool, error) {
		var err error
		c, err = s.api.kase(ctx, id)
		return describe(c), c.State == state, err
	})
	return c, err
}

// describe is a case on one line.
func describe(c wire.Case) string {
	var text strings.Builder
	text.WriteString(c.State)
	for _, e := range c.Sessions {
		fmt.Fprintf(&text, ", %s/%s %s", e.BNG, e.SessionID, e.Enforcement)
		if e.Reason != "" {
			fmt.Fprintf(&text, " (%s)", e.Reason)
		}
	}
	return text.String()
}

// bngShows waits until the BNG shows a restriction on a user's session, and records the
// case as seen.
func (s *story) bngShows(ctx context.Context, p part, kase, restriction string) (bngsim.Session, error) {
	session, err := s.sessionIs(ctx, p, restriction, func(x bngsim.Session) bool { return shows(x, restriction) })
	if err == nil {
		s.seen[kase] = p
	}
	return session, err
}

// bngRestored waits until a user's session is as at log-in.
func (s *story) bngRestored(ctx context.Context, p part) (bngsim.Session, error) {
	return s.sessionIs(ctx, p, "the profile of its log-in", normal)
}

func (s *story) sessionIs(ctx context.Context, p part, wanted string, as func(bngsim.Session) bool) (bngsim.Session, error) {
	var session bngsim.Session
	err := s.until(ctx, s.timeout, fmt.Sprintf("%s to show %s for %s", p.bng.name, wanted, p.user), func() (string, bool, error) {
		var err error
		session, err = p.session()
		return session.State.String(), as(session), err
	})
	return session, err
}
