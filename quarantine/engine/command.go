package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// verb is what a person wants done.
type verb string

const (
	verbQuarantine verb = "quarantine"
	verbRelease    verb = "release"
	verbApprove    verb = "approve"
	verbReject     verb = "reject"
	verbExtend     verb = "extend"
	verbNote       verb = "note"
	verbRetry      verb = "retry"
	verbGiveUp     verb = "give-up"

	verbMaintain       verb = "maintain"
	verbEndMaintenance verb = "end-maintenance"
	verbForgetInstance verb = "forget-instance"
)

// command is a person's command as the journal keeps it.
type command struct {
	ID         string                       `json:"id"`
	Verb       verb                         `json:"verb"`
	Case       string                       `json:"case"` // quarantine: the id a new case would get; of a window: none
	By         string                       `json:"by"`
	Reason     string                       `json:"reason"`
	Code       quarantine.ReleaseCode       `json:"code,omitempty"`
	For        quarantine.Duration          `json:"for,omitempty"`
	Quarantine *quarantine.ManualQuarantine `json:"wish,omitempty"`
	Session    quarantine.SessionKey        `json:"session,omitzero"`   // give-up: that one alone; zero: all of the case
	Window     *quarantine.Maintenance      `json:"window,omitempty"`   // maintain, end-maintenance
	Instance   string                       `json:"instance,omitempty"` // forget-instance: its id
	At         time.Time                    `json:"at"`
}

// ends reports whether the command releases a case.
func (c *command) ends() bool { return c.Verb == verbRelease || c.Verb == verbReject }

// rename gives the BNGs of a command their present names.
func (c *command) rename(names *quarantine.BNGNames) {
	c.Session.BNG = names.Current(c.Session.BNG)
	if c.Window != nil {
		window := *c.Window
		window.BNG = names.Current(window.BNG)
		c.Window = &window
	}
}

// aboutRelease reports whether the command is about a release that is not acknowledged.
func (c *command) aboutRelease() bool { return c.Verb == verbRetry || c.Verb == verbGiveUp }

// deferrable reports whether the command may be applied later than it was given. A manual
// restriction may not: the person would not expect it then. Nor may an instance be forgotten
// later, which may be back by then.
func (c *command) deferrable() bool {
	return c.Verb != verbQuarantine && c.Verb != verbApprove && c.Verb != verbForgetInstance
}

// errJournalOnly: a case was closed without knowing of what this journal shows of it.
var errJournalOnly = errors.New("only this host's journal knows what is left of the case")

// errNotDone ends a command that may not be applied later.
var errNotDone = &quarantine.CommandError{Reason: "this instance ended before it was done; give the command again"}

// Quarantine restricts a subscriber by a person's decision, or with dryRun returns the case
// that it would lead to and changes nothing.
func (e *Engine) Quarantine(ctx context.Context, w quarantine.ManualQuarantine, dryRun bool) (*quarantine.Case, error) {
	if _, ok := e.Rules.Profiles[w.Profile]; !ok {
		return nil, &quarantine.FieldError{Field: "profile", Reason: fmt.Sprintf("unknown profile %q", w.Profile)}
	}
	now := e.Now()
	if !dryRun {
		return e.giveCommand(ctx, command{Verb: verbQuarantine, Case: newID("c-", now), By: w.By, Reason: w.Reason, Quarantine: &w})
	}
	situation, err := e.situation(ctx, w.Subscriber)
	if err != nil {
		return nil, err
	}
	c, _, err := e.Rules.Quarantine(w, situation, "", now)
	if err != nil {
		return nil, err
	}
	c.Plan(e.snapshot(c, situation.Sessions))
	return c, nil
}

// Release ends a case by a person's decision. It passes every limit.
func (e *Engine) Release(ctx context.Context, id, by, reason string, code quarantine.ReleaseCode) (*quarantine.Case, error) {
	return e.giveCommand(ctx, command{Verb: verbRelease, Case: id, By: by, Reason: reason, Code: code})
}

// Approve lifts the hold of a case, or of what it was to rise to.
func (e *Engine) Approve(ctx context.Context, id, by, reason string) (*quarantine.Case, error) {
	return e.giveCommand(ctx, command{Verb: verbApprove, Case: id, By: by, Reason: reason})
}

// Reject ends a held case, or drops what a case was to rise to.
func (e *Engine) Reject(ctx context.Context, id, by, reason string) (*quarantine.Case, error) {
	return e.giveCommand(ctx, command{Verb: verbReject, Case: id, By: by, Reason: reason})
}

// Extend moves a case's expiry to d from now.
func (e *Engine) Extend(ctx context.Context, id, by, reason string, d time.Duration) (*quarantine.Case, error) {
	return e.giveCommand(ctx, command{Verb: verbExtend, Case: id, By: by, Reason: reason, For: quarantine.Duration(d)})
}

// Note adds a person's remark to a case.
func (e *Engine) Note(ctx context.Context, id, by, text string) (*quarantine.Case, error) {
	return e.giveCommand(ctx, command{Verb: verbNote, Case: id, By: by, Reason: text})
}

// Retry retries everything outstanding of a case now, whatever its back-off. While the store is
// unavailable, what this host's journal shows to be released of it is sent at once.
func (e *Engine) Retry(ctx context.Context, id, by, reason string) (*quarantine.Case, error) {
	return e.giveCommand(ctx, command{Verb: verbRetry, Case: id, By: by, Reason: reason})
}

// GiveUp records a person's decision that nothing more is sent for what a case has still to
// restore: on one session, or with the zero key on all. This host's journal stops releasing it
// as well, also while the store is unavailable.
func (e *Engine) GiveUp(ctx context.Context, id, by, reason string, session quarantine.SessionKey) (*quarantine.Case, error) {
	return e.giveCommand(ctx, command{Verb: verbGiveUp, Case: id, By: by, Reason: reason, Session: session})
}

// giveCommand makes a command durable, then applies it. If the store fails, a deferrable
// command is applied when the store is back: ErrDeferred, or a *DeferredError where this
// host's journal knows nothing of the case.
func (e *Engine) giveCommand(ctx context.Context, c command) (*quarantine.Case, error) {
	c.rename(&e.Names)
	c.At = e.Now().UTC()
	c.ID = newID("m-", c.At)
	// From here on the command is given, whether or not the person still waits.
	ctx = context.WithoutCancel(ctx)
	e.ledger.beginCommand(c.ID, c.Case)
	if err := e.journalCommand(ctx, c); err != nil {
		e.ledger.removeCommand(c.ID) // should the journal write it all the same, it is not applied
		return nil, err
	}
	if c.Verb == verbRetry {
		e.ledger.retry(c.Case)
	}
	result, err := e.runCommandGuarded(ctx, c)
	if err != nil && !e.final(c, err) && c.deferrable() {
		e.ledger.commandWaits(c.ID)
		e.Logger.Warn("command waits for the store", zap.String("command", c.ID), zap.Error(err))
		return nil, e.deferredError(&c)
	}
	if err == nil && result != nil {
		c.Case = result.ID // a manual quarantine may have changed the open case
	}
	e.finishCommand(ctx, c, result, err)
	return result, err
}

// deferredError says that a command waits for the store, and on which instances to give it as
// well if nothing is released from here meanwhile.
func (e *Engine) deferredError(c *command) error {
	if c.Case == "" || c.Verb == verbNote || e.ledger.knewOf(c) {
		return quarantine.ErrDeferred
	}
	read := e.peers.last()
	others := read.peers
	if len(others) == 0 {
		others = e.peers.all() // the store has not answered since the start
	}
	present := slices.DeleteFunc(slices.Clone(others), func(i quarantine.Instance) bool { return i.Departure != nil })
	return &quarantine.DeferredError{Instances: present}
}

// journalCommand makes a command durable. A journal that refuses, or hangs, defers no
// release.
func (e *Engine) journalCommand(ctx context.Context, c command) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	given := changing(reserved(entry(entryCommand, c.ID, c)), func() { e.ledger.addBegunCommand(c) })
	err := e.Journal.Append(ctx, given)
	if err != nil && c.ends() {
		e.Logger.Error("journal write failed; the release is sent all the same", zap.String("command", c.ID), zap.Error(err))
		given.Durable()
		return nil
	}
	if err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return nil
}

// final reports whether an error is the command's own, so that a retry would not change it. A
// case that the store does not have although the journal knows of a restriction by it was lost
// by the store.
func (e *Engine) final(c command, err error) bool {
	var refused *quarantine.CommandError
	var field *quarantine.FieldError
	if errors.Is(err, quarantine.ErrNoCase) {
		return !(c.ends() && e.ledger.owes(c.Case))
	}
	var shared *quarantine.SharedNameError
	return errors.As(err, &refused) || errors.As(err, &field) || errors.As(err, &shared)
}

func (e *Engine) finishCommand(ctx context.Context, c command, result *quarantine.Case, err error) {
	var a applied
	switch {
	case err != nil:
		a.Error = err.Error()
	case result != nil:
		a.Subscriber, a.GoesOn = result.Subscriber, c.Verb == verbReject && result.State.Wants()
	}
	e.append(ctx, changing(reserved(entry(entryApplied, c.ID, a)), func() { e.ledger.finishCommand(c.ID, a, e.Now()) }))
	about := zap.String("case", c.Case)
	switch {
	case c.Window != nil:
		about = zap.String("bng", c.Window.BNG)
	case c.Instance != "":
		about = zap.String("instance", c.Instance)
	}
	e.Logger.Info("command", zap.String("command", c.ID), zap.String("verb", string(c.Verb)), about,
		zap.String("by", c.By), zap.String("reason", c.Reason), zap.Error(err))
}

// runCommandGuarded is runCommand that survives a panic.
func (e *Engine) runCommandGuarded(ctx context.Context, c command) (result *quarantine.Case, err error) {
	err = e.guard("command", c.ID, func() (err error) {
		result, err = e.runCommand(ctx, c)
		return err
	})
	return result, err
}

// runCommand applies a command. One about a maintenance window or an instance has no case.
func (e *Engine) runCommand(ctx context.Context, c command) (*quarantine.Case, error) {
	switch {
	case c.Window != nil:
		return nil, e.saveWindow(ctx, *c.Window)
	case c.Verb == verbForgetInstance:
		return nil, e.forgetInstance(ctx, c)
	}
	return e.changeCase(ctx, c)
}

// changeCase applies a command to the case as it is now, again if another writer changes it
// meanwhile.
func (e *Engine) changeCase(ctx context.Context, c command) (*quarantine.Case, error) {
	for range saveTries {
		subject, write, err := e.change(ctx, c)
		if c.aboutRelease() && (errors.Is(err, quarantine.ErrNoCase) || errors.Is(err, errJournalOnly)) {
			return e.changeLostCase(ctx, c)
		}
		if err != nil {
			return nil, err
		}
		err = e.Store.SaveCase(ctx, write)
		switch {
		case err == nil:
			e.wakeReconciler()
			e.journalExpiry(ctx, subject)
			if c.Verb == verbGiveUp {
				e.noteGivenUp(ctx, subject)
			}
			return subject, nil
		case !errors.Is(err, quarantine.ErrConflict):
			return nil, fmt.Errorf("save the case: %w", err)
		}
	}
	return nil, fmt.Errorf("save the case: %w", quarantine.ErrConflict)
}

// change reads the case and applies the command to it.
func (e *Engine) change(ctx context.Context, c command) (*quarantine.Case, quarantine.CaseWrite, error) {
	now := e.Now()
	subject, reserve, err := e.changed(ctx, c, now)
	if err != nil {
		return nil, quarantine.CaseWrite{}, err
	}
	write := quarantine.CaseWrite{Case: subject, DueAt: e.firstDue(subject, now), Reserve: reserve, Now: now}
	if subject.State == quarantine.Closed {
		write.DueAt = time.Time{}
	}
	return subject, write, nil
}

func (e *Engine) changed(ctx context.Context, c command, now time.Time) (*quarantine.Case, *quarantine.Reservation, error) {
	if c.Verb == verbQuarantine {
		situation, err := e.situation(ctx, c.Quarantine.Subscriber)
		if err != nil {
			return nil, nil, err
		}
		if open := situation.Dossier.Case; open != nil {
			e.enterOwed(open)
		}
		return e.Rules.Quarantine(*c.Quarantine, situation, c.Case, now)
	}
	subject, err := e.Store.Case(ctx, c.Case)
	if err != nil {
		return nil, nil, fmt.Errorf("read case %s: %w", c.Case, err)
	}
	e.enterOwed(subject)
	if subject.State == quarantine.Closed && c.aboutRelease() && e.ledger.owes(c.Case) {
		return nil, nil, errJournalOnly
	}
	if c.ends() || c.Verb == verbGiveUp {
		if subject, err = e.withLogIns(ctx, subject); err != nil {
			return nil, nil, err
		}
	}
	switch c.Verb {
	case verbApprove:
		sessions, err := e.Store.SessionsOf(ctx, subject.Subscriber)
		if err != nil {
			return nil, nil, fmt.Errorf("read the sessions: %w", err)
		}
		reserve, err := e.Rules.Approve(subject, sessions, c.By, c.Reason, now)
		return subject, reserve, err
	case verbRelease:
		return subject, nil, subject.ReleaseBy(c.By, c.Reason, c.Code, c.At, now)
	case verbReject:
		return subject, nil, subject.Reject(c.By, c.Reason, c.At, now)
	case verbExtend:
		return subject, nil, subject.Extend(c.By, c.Reason, time.Duration(c.For), c.At)
	case verbRetry:
		return subject, nil, subject.Retry(c.By, now)
	case verbGiveUp:
		return subject, nil, subject.GiveUp(c.By, c.Reason, c.Session, now)
	case verbNote:
		subject.AddNote(c.By, c.Reason, c.At)
		return subject, nil, nil
	}
	return nil, nil, &quarantine.CommandError{Reason: fmt.Sprintf("unknown command %q", c.Verb)}
}

// withLogIns reads an open case again together with what was answered at the
// subscriber's log-ins, which decides whether something is to be given back.
func (e *Engine) withLogIns(ctx context.Context, c *quarantine.Case) (*quarantine.Case, error) {
	dossier, err := e.Store.Dossier(ctx, c.Subscriber)
	if err != nil {
		return nil, fmt.Errorf("read the dossier: %w", err)
	}
	if dossier.Case == nil || dossier.Case.ID != c.ID {
		return c, nil
	}
	e.enterOwed(dossier.Case)
	return dossier.Case, nil
}

// journalExpiry writes to the journal when the case's restrictions expire.
func (e *Engine) journalExpiry(ctx context.Context, c *quarantine.Case) {
	if news := e.newExpiry(c); len(news) > 0 {
		e.append(ctx, news...)
	}
}

// newExpiry is that entry, if the expiry has changed.
func (e *Engine) newExpiry(c *quarantine.Case) []quarantine.JournalEntry {
	if at := c.Ends(); e.ledger.expires(c.ID, at) {
		return []quarantine.JournalEntry{entry(entryExpiry, c.ID, expiry{ExpiresAt: at})}
	}
	return nil
}
