package prove

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"cordon/quarantine"
	"cordon/radiusx/bng"
	"cordon/radiusx/bng/proof"
)

// Trial is what is to be tried.
type Trial struct {
	BNG      bng.Config
	Profile  string
	Session  quarantine.Session
	Sessions quarantine.SessionReader // where accounting of the session is read; nil: nowhere
	Client   bng.Exchanger
	Observe  bng.Observer // may be nil
	// Ask asks the person at the terminal about the line; nil: there is none.
	Ask  func(question string) (bool, error)
	Wait time.Duration // how long the network has to show a change
	Out  io.Writer     // what happens, a line a step
}

// How the trial goes about it.
const (
	verifyEvery  = 2 * time.Second
	restoreTries = 3
)

// errDenied is what a step fails with that the BNG acknowledged and the network,
// or a person, denies.
var errDenied = errors.New("not done")

// errNotShown is what a step fails with that the BNG acknowledged and nothing
// showed.
var errNotShown = errors.New("acknowledged, but nothing showed it: an ACK is no proof")

// trial is a Trial under way.
type trial struct {
	Trial
	enforcer *bng.Enforcer
	record   proof.Record
	applied  []quarantine.AppliedProfile // what may be in force on the line, as a case would release it
	residue  string                      // of a change that was half done; see quarantine.Outcome
}

// Run carries the trial out. The record tells what was seen of it, also beside
// an error. Whatever happens after the restriction left, the line is restored.
func (t Trial) Run(ctx context.Context) (proof.Record, error) {
	fleet, err := bng.NewFleet([]bng.Config{t.BNG})
	if err != nil {
		return proof.Record{}, err
	}
	run := &trial{Trial: t, enforcer: bng.NewEnforcer(fleet, t.Client, t.Observe)}
	if run.record, err = t.blank(); err != nil {
		return run.record, err
	}
	prepared, impossible := run.enforcer.Prepare(t.Session, t.Profile)
	if impossible != nil {
		return run.record, errors.New(impossible.Reason)
	}
	if t.Profile == quarantine.Disconnect {
		run.record.Restrict, err = run.disconnect(ctx)
		return run.record, err
	}
	if why := t.BNG.ForeignUnseen(); why != "" {
		run.report("note       foreign_profiles: %s", why)
	}
	restrict := quarantine.Order{Session: t.Session, To: t.Profile}
	restrict.Prepare(prepared)
	run.record.Restrict, err = run.step(ctx, "restrict", restrict)
	if len(run.applied) == 0 {
		return run.record, err
	}
	restored, undone := run.restore(context.WithoutCancel(ctx), quarantine.Order{Session: t.Session, From: run.applied})
	run.record.Restore = restored
	return run.record, errors.Join(err, undone)
}

// blank is the record before anything happened.
func (t *Trial) blank() (proof.Record, error) {
	print, err := t.BNG.Fingerprint(t.Profile)
	return proof.Record{
		BNG: t.BNG.Name, Dialect: t.BNG.Dialect.Name, Address: t.BNG.Address, Profile: t.Profile, Fingerprint: print,
		Session: t.Session.ID, Subscriber: t.Session.Subscriber, At: time.Now().UTC().Truncate(time.Second),
	}, err
}

// restore restores the line, and tries again where the BNG does not answer or
// did not do what it acknowledged.
func (t *trial) restore(ctx context.Context, o quarantine.Order) (step proof.Step, err error) {
	o.Confirmed = t.record.Restrict.Outcome == quarantine.OutcomeAcked
	for range restoreTries {
		t.undo(ctx)
		step, err = t.step(ctx, "restore", o)
		if step.Outcome == quarantine.OutcomeAcked && !errors.Is(err, errDenied) {
			return step, err
		}
		if step.Outcome == quarantine.OutcomeSessionGone && o.From[0].Naked {
			return step, nil // it was refused, and there is nothing to restore
		}
		o.Confirmed = false
	}
	return step, fmt.Errorf("%w; THE LINE MAY STILL BE RESTRICTED: check the session on the BNG", err)
}

// undo undoes the rest of a half-done change.
func (t *trial) undo(ctx context.Context) {
	if t.residue != "" {
		t.residue = t.enforcer.Enforce(ctx, quarantine.Order{Session: t.Session, Residue: t.residue}, quarantine.OpenGate{}).Residue
	}
}

// step carries one order out and verifies it.
func (t *trial) step(ctx context.Context, name string, o quarantine.Order) (proof.Step, error) {
	out := t.enforcer.Enforce(ctx, o, quarantine.OpenGate{})
	step := proof.Step{Outcome: out.Kind, Reason: out.Reason}
	t.residue = out.Residue
	if o.Restricts() {
		t.applied = inForce(&out, &o)
	}
	t.report("%-10s %s%s", name, out.Kind, because(out.Reason))
	if out.Kind != quarantine.OutcomeAcked {
		return step, fmt.Errorf("%s: %s%s", name, out.Kind, because(out.Reason))
	}
	o.Check, o.Since = true, time.Now()
	found, err := t.verify(ctx, o)
	if err != nil {
		return step, fmt.Errorf("%s: %w", name, err)
	}
	step.Shown, step.How = found.Kind == quarantine.OutcomeVerified, found.Reason
	t.report("  verify   %s", map[quarantine.OutcomeKind]string{
		quarantine.OutcomeVerified: "shown: ", quarantine.OutcomeRefused: "", quarantine.OutcomeAcked: "not shown: ",
	}[found.Kind]+found.Reason)
	switch {
	case step.Shown:
		return step, nil
	case found.Kind == quarantine.OutcomeRefused:
		return step, fmt.Errorf("%s: %w: %s", name, errDenied, found.Reason)
	}
	return step, fmt.Errorf("%s: %w", name, errNotShown)
}

// inForce is what a restriction that was tried may have left on the line. Some
// platforms refuse what they did, so a refused one is restored too.
func inForce(out *quarantine.Outcome, o *quarantine.Order) []quarantine.AppliedProfile {
	if out.Kind == quarantine.OutcomeAcked || out.Kind == quarantine.OutcomeVerified {
		return []quarantine.AppliedProfile{o.Restriction()}
	}
	return out.MayBeInForce(o)
}

// verify asks the network, and then the person, whether the order is in force.
func (t *trial) verify(ctx context.Context, o quarantine.Order) (quarantine.Outcome, error) {
	out := quarantine.Outcome{Kind: quarantine.OutcomeAcked, Reason: "nothing here can show it"}
	for end := o.Since.Add(t.Wait); ; {
		if !sleep(ctx, verifyEvery) {
			return out, ctx.Err()
		}
		var err error
		if out, err = t.verifyOnce(ctx, &o); err != nil {
			return out, err
		}
		if out.Kind != quarantine.OutcomeAcked || !time.Now().Before(end) {
			break
		}
	}
	if out.Kind != quarantine.OutcomeAcked || t.Ask == nil {
		return out, nil
	}
	question := fmt.Sprintf("Look at the line now. Is it restricted (%s)?", t.Profile)
	if o.To == "" {
		question = "Look at the line now. Is it as it was before?"
	}
	yes, err := t.Ask(question)
	if err != nil {
		return out, err
	}
	if yes {
		return quarantine.Outcome{Kind: quarantine.OutcomeVerified, Reason: "confirmed by a person"}, nil
	}
	return quarantine.Outcome{Kind: quarantine.OutcomeRefused, Reason: "acknowledged, but a person denies it"}, nil
}

// verifyOnce asks the network once.
func (t *trial) verifyOnce(ctx context.Context, o *quarantine.Order) (quarantine.Outcome, error) {
	if t.BNG.Dialect.Outlives() && t.Sessions != nil {
		return t.verifyRenamed(ctx, o)
	}
	if err := t.refresh(ctx, &o.Session); err != nil {
		return quarantine.Outcome{Kind: quarantine.OutcomeAcked, Reason: "nothing here can show it"}, err
	}
	return t.enforcer.Enforce(ctx, *o, quarantine.OpenGate{}), nil
}

// refresh reads what accounting has reported of the session since.
func (t *trial) refresh(ctx context.Context, s *quarantine.Session) error {
	if t.Sessions == nil {
		return nil
	}
	record, err := t.Sessions.Session(ctx, s.SessionKey)
	switch {
	case err != nil:
		return fmt.Errorf("read the session: %w", err)
	case !record.Live() || !quarantine.SameSession(&record, s):
		return errors.New("the session ended meanwhile")
	}
	*s = record
	return nil
}

// disconnect ends the session and waits for its Stop.
func (t *trial) disconnect(ctx context.Context) (proof.Step, error) {
	out := t.enforcer.Enforce(ctx, quarantine.Order{Session: t.Session, To: quarantine.Disconnect}, quarantine.OpenGate{})
	step := proof.Step{Outcome: out.Kind, Reason: out.Reason}
	t.report("%-10s %s%s", "disconnect", out.Kind, because(out.Reason))
	if out.Kind != quarantine.OutcomeAcked {
		return step, fmt.Errorf("disconnect: %s%s", out.Kind, because(out.Reason))
	}
	for end := time.Now().Add(t.Wait); t.Sessions != nil && time.Now().Before(end) && sleep(ctx, verifyEvery); {
		record, err := t.Sessions.Session(ctx, t.Session.SessionKey)
		if err == nil && !(record.Live() && quarantine.SameSession(&record, &t.Session)) {
			step.Shown, step.How = true, "accounting shows that the session ended"
			t.report("  verify   shown: %s", step.How)
			return step, nil
		}
	}
	if t.Ask != nil {
		yes, err := t.Ask("Look at the line now. Did its session end?")
		if err == nil && yes {
			step.Shown, step.How = true, "confirmed by a person"
			return step, nil
		}
	}
	return step, fmt.Errorf("disconnect: %w", errNotShown)
}

func (t *trial) report(format string, args ...any) {
	_, _ = fmt.Fprintf(t.Out, format+"\n", args...) // a closed terminal reads nothing
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
