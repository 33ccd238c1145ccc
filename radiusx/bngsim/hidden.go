package bngsim

// hidden reports whether accounting does not show the session while it has that
// state: CoovaChilli's at the portal.
func (b *BNG) hidden(s *session, state State) bool {
	return state.Portal || b.behaviour.hides && !state.Equal(s.subscriber.Profile)
}

// admit gives a hidden session what AAA gives at log-in, as CoovaChilli does with
// MAC authentication at the client's next DHCP request. The caller holds b.mu.
func (b *BNG) admit(s *session) {
	if b.sessions[s.id] != s || !b.hidden(s, s.state) {
		return
	}
	now := b.config.Now()
	s.state, s.started = s.subscriber.Profile.clone(), now
	s.note(now, "admitted again: "+s.state.String())
	b.notify(s, true)
	reports, err := b.reportStart(s, now)
	b.send(s, reports, err)
}

// naks reports whether a change that was done is refused all the same. The caller
// holds b.mu.
func (b *BNG) naks(s *session) bool {
	if s.snapshot().InForce() == "" && !s.state.Redirect {
		return b.behaviour.naksRestore
	}
	return b.behaviour.naksRestrict
}
