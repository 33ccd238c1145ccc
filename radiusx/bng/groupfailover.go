package bng

import (
	"context"
	"slices"
	"time"

	"cordon/quarantine"
)

// acrossGroup carries an order out on a redundancy group: on the member that reported
// the session last, and on the others where that one does not know the session or,
// for a release, does not reply; never where it may be about
// somebody else. "Not found" counts only if all
// say so.
func (e *Enforcer) acrossGroup(ctx context.Context, members []*member, o *quarantine.Order, gate quarantine.Gate) quarantine.Outcome {
	out := e.on(ctx, members[0], o, gate)
	for _, m := range members[1:] {
		switch {
		case o.Check:
			return out
		case o.UndoesOnly() && m.mayHitAnother(o): // its session is not there
		case o.UndoesOnly():
			out = worseUndo(out, e.on(ctx, m, o, gate))
		case out.Kind == quarantine.OutcomeSessionGone:
			out = e.onNextMember(ctx, m, o, gate, out)
		case out.Kind == quarantine.OutcomeUnanswered && !o.Restricts() && m.mayHitAnother(o):
			out.Reason += m.notAsked()
		case out.Kind == quarantine.OutcomeUnanswered && !o.Restricts():
			out = releasedOnTwo(out, e.on(ctx, m, o, gate), m)
		}
	}
	return out
}

// onNextMember asks a member after others said that they do not know the session.
func (e *Enforcer) onNextMember(ctx context.Context, m *member, o *quarantine.Order, gate quarantine.Gate,
	before quarantine.Outcome) quarantine.Outcome {
	if m.mayHitAnother(o) {
		before.Kind = quarantine.OutcomeRefused
		before.Reason += m.notAsked()
		return before
	}
	if o.Restricts() {
		if d := m.defers(&o.Session, o.To, time.Now()); d != nil {
			return quarantine.Outcome{
				Kind: quarantine.OutcomeNotSent, Reason: d.Reason, DeferredBy: d.By, Doubtful: before.Doubtful, Echo: before.Echo,
			}
		}
	}
	out := e.on(ctx, m, o, gate)
	out.Doubtful = out.Doubtful || before.Doubtful
	out.Echo = max(out.Echo, before.Echo)
	if out.Reason != "" {
		out.Reason = m.Name + ": " + out.Reason
	}
	return out
}

// mayHitAnother reports whether an order about a session of another member may be
// carried out on somebody else's here: it names no more than the session's number, and
// each may have one of that.
func (m *member) mayHitAnother(o *quarantine.Order) bool {
	return !m.namesSubscriber(o.To == quarantine.Disconnect) && len(o.Session.ID) < uniqueID
}

func (m *member) notAsked() string {
	return "; " + m.Name + " is not asked, for the session's number alone may be another subscriber's there"
}

// uniqueID is how long an Acct-Session-Id must be, in octets, to count as
// one session's of all BNGs of a group: counters are 8 to 10 characters long, ids
// with a chassis' address or random bits in them 16 and more (SR OS: 22).
const uniqueID = 16

// namesSubscriber reports whether requests say whose session is meant beside its
// Acct-Session-Id, which two BNGs may have given to two subscribers.
func (m *member) namesSubscriber(disconnect bool) bool {
	id := m.Dialect.Identifiers
	if disconnect {
		id = m.Dialect.Disconnect
	}
	return slices.ContainsFunc(id.Must, func(name string) bool { return name != "Acct-Session-Id" && name != "Acct-Multi-Session-Id" })
}

// releasedOnTwo is what a release comes to that one member did not answer and another was
// sent too. Whatever that one replies, the session may be on the unresponsive one still,
// until accounting shows otherwise.
func releasedOnTwo(silent, other quarantine.Outcome, m *member) quarantine.Outcome {
	silent.Reason += "; " + m.Name + ": " + other.Kind.String()
	silent.Doubtful = silent.Doubtful || other.Doubtful
	return silent
}

// worseUndo is what is left of steps that any of the members may have done.
func worseUndo(a, b quarantine.Outcome) quarantine.Outcome {
	if a.Kind == quarantine.OutcomeAcked {
		return b
	}
	return a
}
