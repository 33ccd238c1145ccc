package engine

import (
	"context"
	"errors"
	"strings"

	"cordon/quarantine"
)

// stage is a moment at which it is asked whether a session may be restricted.
type stage uint8

// The stages, in the order in which a restriction comes to them.
const (
	atLogIn     stage = 1 << iota // an AAA server asks whether a session shall begin restricted; any instance answers
	atPlan                        // the sender reconciles the case: what is deferred is not begun
	atSend                        // a datagram is about to leave for the first time; this stage alone asks the store
	atJournaled                   // the journal has the datagram, which may have taken long
	atRepeat                      // a datagram is about to be retransmitted
)

// stageNames is the one table of their names.
var stageNames = []struct {
	stage stage
	name  string
}{{atLogIn, "log-in"}, {atPlan, "plan"}, {atSend, "send"}, {atJournaled, "journaled"}, {atRepeat, "repeat"}}

func (s stage) String() string {
	var names []string
	for _, n := range stageNames {
		if s&n.stage != 0 {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, ", ")
}

// check is one thing that may defer a restriction. It returns nil if it does not. Exactly
// one of its functions is set; that which reads the store belongs to atSend alone, for no
// other stage may block.
type check struct {
	name   quarantine.Check
	stages stage
	reason string // what people are shown; <> stands for what varies
	ask    func(*Engine, *question) *quarantine.Deferral
	read   func(context.Context, *Engine, *question) *quarantine.Deferral
}

// question is a restriction that is asked about.
type question struct {
	stage      stage
	c          *quarantine.Case
	session    *quarantine.Session
	profile    string
	generation uint64 // of the order
}

const (
	always     = atLogIn | atPlan | atSend | atJournaled | atRepeat
	butRepeats = always &^ atRepeat // what has left once is repeated: its reply says more than a guess about the path
)

// checks is everything that a restriction is asked for, in this order: the first that
// defers is the one that people are shown. Nothing of it is asked for a release.
var checks = [...]check{
	{name: quarantine.CheckLease, stages: atJournaled | atRepeat, reason: notSender, ask: checkLease},
	{name: quarantine.CheckPaused, stages: always, reason: "restricting is paused: <why>", ask: checkPaused},
	{name: quarantine.CheckReleasePending, stages: always, reason: releasePending, ask: checkReleasePending},
	{name: quarantine.CheckMaintenance, stages: always, reason: "<the window>, or: " + windowsUnread, ask: checkMaintenance},
	{name: quarantine.CheckMode, stages: always, reason: "the mode is <mode> now", ask: checkMode},
	{name: quarantine.CheckExempt, stages: always, reason: "exempt: <why>", ask: checkExempt},
	{name: quarantine.CheckAddressUnknown, stages: atLogIn, reason: addressUnknown, ask: checkAddressUnknown},
	{name: quarantine.CheckPath, stages: butRepeats, reason: "<why the BNG is not asked>", ask: checkPath},
	{name: quarantine.CheckStoppedProfile, stages: butRepeats, reason: "<why the profile is stopped>", ask: checkStoppedProfile},
	{name: quarantine.CheckSession, stages: atSend, reason: otherSession + ", or: " + cannotRead + "<why>", read: checkSession},
	{name: quarantine.CheckCase, stages: atSend, reason: caseChanged + ", or: " + cannotRead + "<why>", read: checkCase},
	{name: quarantine.CheckLease, stages: atSend, reason: notSender, ask: checkLease}, // again: reading takes time
}

// Reasons that do not vary.
const (
	notSender      = "this instance is not the elected sender"
	releasePending = "a release of the case waits to be applied"
	windowsUnread  = "the maintenance windows have not been read yet"
	addressUnknown = "prefixes are exempt, and the address is not known at log-in"
	otherSession   = "the session is not the one that was decided about"
	caseChanged    = "the case has changed"
	cannotRead     = "cannot be read: "
)

// mayRestrict returns why the restriction is deferred at that stage; nil: it is not.
func (e *Engine) mayRestrict(ctx context.Context, q *question) *quarantine.Deferral {
	for i := range checks {
		k := &checks[i]
		if k.stages&q.stage == 0 {
			continue
		}
		var d *quarantine.Deferral
		if k.read != nil {
			d = k.read(ctx, e, q)
		} else {
			d = k.ask(e, q)
		}
		if d != nil {
			d.By, d.Longest = k.name, max(d.Longest, quarantine.BriefPause)
			return d
		}
	}
	return nil
}

// mayRestrictNow is mayRestrict at a stage that reads nothing.
func (e *Engine) mayRestrictNow(q *question) *quarantine.Deferral {
	return e.mayRestrict(context.Background(), q)
}

// RestrictionsPaused reports whether nothing new may be restricted at all.
func (e *Engine) RestrictionsPaused() bool {
	_, paused := e.Paused()
	return paused
}

// DeferralAtLogIn returns why the case may not restrict, at its log-in, a session of which no
// more is known than the log-in says; nil: it may.
func (e *Engine) DeferralAtLogIn(c *quarantine.Case, s *quarantine.Session) *quarantine.Deferral {
	return e.mayRestrictNow(&question{stage: atLogIn, c: c, session: s, profile: c.Profile})
}

// because is a deferral for a reason; nil if there is none.
func because(reason string) *quarantine.Deferral {
	if reason == "" {
		return nil
	}
	return &quarantine.Deferral{Reason: reason}
}

func checkLease(e *Engine, _ *question) *quarantine.Deferral {
	if _, ok := e.sender.holds(); !ok {
		return because(notSender)
	}
	return nil
}

func checkPaused(e *Engine, _ *question) *quarantine.Deferral {
	if reason, paused := e.Paused(); paused {
		return because("restricting is paused: " + reason)
	}
	return nil
}

func checkReleasePending(e *Engine, q *question) *quarantine.Deferral {
	if e.ledger.releasePending(q.c.ID) {
		return because(releasePending)
	}
	return nil
}

// checkMaintenance asks for the BNG's window, be it a redundancy group, and for that of
// the member that the session is on.
func checkMaintenance(e *Engine, q *question) *quarantine.Deferral {
	now := e.Now()
	if d := e.windows.defers(q.session.BNG, now); d != nil || q.session.Member == "" {
		return d
	}
	return e.windows.defers(q.session.Member, now)
}

func checkMode(e *Engine, q *question) *quarantine.Deferral {
	return because(e.Rules.ModeDefers(q.c))
}

// checkExempt is also asked for sessions that are restricted: what is in force on one that
// is exempt is released.
func checkExempt(e *Engine, q *question) *quarantine.Deferral {
	if reason, exempt := e.Rules.ExemptHere(q.c, q.session); exempt {
		return because("exempt: " + reason)
	}
	return nil
}

func checkAddressUnknown(e *Engine, q *question) *quarantine.Deferral {
	if e.Rules.ExemptAddress(q.c, q.session) {
		return because(addressUnknown)
	}
	return nil
}

// trial reports whether the session may be let through to find out whether its BNG is
// there again. Nothing is sent at a log-in.
func (q *question) trial() bool { return q.stage != atLogIn }

func checkPath(e *Engine, q *question) *quarantine.Deferral {
	if reason, deferred := e.Paths.PathDefers(*q.session, q.trial()); deferred {
		return &quarantine.Deferral{Reason: reason, Longest: quarantine.LongPause}
	}
	return nil
}

func checkStoppedProfile(e *Engine, q *question) *quarantine.Deferral {
	if reason, stopped := e.Paths.ProfileStopped(*q.session, q.profile, q.trial()); stopped {
		return &quarantine.Deferral{Reason: reason, Longest: quarantine.LongPause}
	}
	return nil
}

func checkSession(ctx context.Context, e *Engine, q *question) *quarantine.Deferral {
	record, err := e.Store.Session(ctx, q.session.SessionKey)
	switch {
	case errors.Is(err, quarantine.ErrNoSession):
		return because(otherSession)
	case err != nil:
		return because(cannotRead + err.Error())
	case !record.Live(), record.Suspect, record.Ignored, record.Subscriber != q.c.Subscriber, !quarantine.SameSession(&record, q.session):
		return because(otherSession)
	}
	return nil
}

func checkCase(ctx context.Context, e *Engine, q *question) *quarantine.Deferral {
	now, err := e.Store.Case(ctx, q.c.ID)
	switch {
	case err != nil:
		return because(cannotRead + err.Error())
	case now.Generation != q.generation || !now.State.Wants():
		return because(caseChanged)
	}
	return nil
}
