package bngsim

import (
	"slices"
	"time"

	"cordon/radiusx"
)

// obey does what an authentic request asks for; the caller holds b.mu.
func (b *BNG) obey(r *request, now time.Time) outcome {
	switch how := b.behaviour; {
	case r.packet[0] == codeCoA && how.coa != OK:
		return outcome{cause: how.coa}
	case r.proxied && how.refusesProxyState, how.onlyAttributes != nil && r.hasOther(how.onlyAttributes):
		return outcome{cause: UnsupportedAttribute}
	case how.needsNAS && len(r.nas) == 0:
		return outcome{cause: MissingAttribute}
	case how.checksNAS && !b.isMe(r.nas):
		return outcome{cause: NASMismatch}
	}
	found, cause := b.match(r.names)
	out := outcome{cause: cause}
	for _, s := range found {
		if r.packet[0] == codeDisconnect {
			out.cause = b.disconnect(s, r)
		} else {
			out = b.change(s, r, now)
		}
		if out.cause != OK {
			break
		}
	}
	return out
}

// isMe reports whether no NAS attribute names another.
func (b *BNG) isMe(nas []radiusx.Attribute) bool {
	for _, a := range nas {
		if a.Name == "NAS-Identifier" && a.Value != b.config.Name ||
			a.Name != "NAS-Identifier" && a.Value != b.config.NASIP.String() {
			return false
		}
	}
	return true
}

// inDisconnect are the attributes beside identifiers that RFC 5176 section 3.6
// lets a Disconnect-Request carry; vendors' attributes are another.
var inDisconnect = []string{"Reply-Message", "Class", "Acct-Terminate-Cause"}

func (b *BNG) disconnect(s *session, r *request) ErrorCause {
	for _, a := range r.changes {
		def, _ := b.words.Lookup(a.Name)
		if !b.behaviour.ignoresUnknown && def.Vendor == 0 && !slices.Contains(inDisconnect, a.Name) {
			return UnsupportedAttribute
		}
	}
	if b.faults.AckIgnore || b.behaviour.acksOnly {
		return OK
	}
	if after := b.behaviour.endsAfter; after > 0 {
		b.after(after, func() func() { b.terminate(s); return nil })
		return OK
	}
	b.terminate(s)
	return OK
}

// terminate ends a session that may have ended by itself; the caller holds b.mu.
func (b *BNG) terminate(s *session) {
	if b.sessions[s.id] != s {
		return
	}
	if _, err := b.close(s, causeAdminReset); err != nil {
		s.note(b.config.Now(), err.Error())
	}
}

// change works a CoA out on a copy of the session's state and takes it over.
func (b *BNG) change(s *session, r *request, now time.Time) outcome {
	if b.behaviour.acksOnly {
		return outcome{}
	}
	c := b.changing(s)
	if b.behaviour.replacesLimits {
		c.resetLimits()
	}
	cause := b.apply(c, r.changes)
	out := outcome{cause, c.says}
	if cause != OK {
		s.note(now, "refused a change: "+cause.String())
		if b.behaviour.atomic {
			return out
		}
	}
	switch ignored := b.faults.AckIgnore; {
	case !ignored && !c.state.Equal(s.state):
		b.adopt(s, c, now)
		if out.cause == OK && b.naks(s) {
			out = outcome{cause: Unexplained}
		}
	case !ignored:
		s.state.set = c.state.set
	}
	if c.reports {
		reports, err := b.reportInterim(s, now)
		b.send(s, reports, err)
	}
	return out
}

// changing is a change of a session that has not begun.
func (b *BNG) changing(s *session) *changing {
	return &changing{
		session: s, state: s.state.clone(), known: b.profiles, unknown: b.behaviour.unknownName, how: b.behaviour, ipset: b.config.IPSet,
	}
}

// adopt gives a session its new state, and perhaps a new id with it; the caller
// holds b.mu.
func (b *BNG) adopt(s *session, c *changing, now time.Time) {
	hidden := b.hidden(s, s.state)
	renumbers := b.behaviour.renumbers || c.renumbers || b.behaviour.hides && !hidden && b.hidden(s, c.state)
	if renumbers {
		reports, err := b.reportStop(s, causeUnavailable, now)
		b.send(s, reports, err)
		b.renumber(s, now)
	}
	letIn := hidden && !b.hidden(s, c.state)
	if letIn {
		s.started = now
	}
	s.state = c.state
	s.note(now, "changed to: "+s.state.String())
	b.notify(s, true)
	report := b.reportServices
	if renumbers || letIn {
		report = b.reportStart
	}
	reports, err := report(s, now)
	b.send(s, reports, err)
	if after := b.behaviour.admits; after > 0 && b.hidden(s, s.state) {
		b.after(after, func() func() { b.admit(s); return nil })
	}
}

// renumber gives a session another id; what accounting knew of it has ended. The
// caller holds b.mu.
func (b *BNG) renumber(s *session, now time.Time) {
	delete(b.sessions, s.id)
	s.number = b.nextNumber()
	s.id, s.started, s.services, s.numbered = b.behaviour.sessionID(s.number), now, nil, 0
	b.sessions[s.id] = s
	s.note(now, "is session "+s.id+" from now on")
}

// send queues the records of a session; the caller holds b.mu.
func (b *BNG) send(s *session, reports []*report, err error) {
	if err != nil {
		s.note(b.config.Now(), err.Error())
	}
	b.queue(reports)
}

// apply works the attributes off in the platform's order, up to the first refusal.
func (b *BNG) apply(c *changing, attrs []radiusx.Attribute) ErrorCause {
	if b.behaviour.together != nil {
		var cause ErrorCause
		if attrs, cause = b.behaviour.together(c, attrs); cause != OK {
			return cause
		}
	}
	for _, a := range b.behaviour.order(attrs, b.config.meaning) {
		change, known := b.behaviour.changes[b.config.meaning(a.Name)]
		switch {
		case !known && b.behaviour.ignoresUnknown:
		case !known:
			return UnsupportedAttribute
		default:
			if cause := change(c, a.Value); cause != OK {
				return cause
			}
		}
	}
	return OK
}
