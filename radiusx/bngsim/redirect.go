package bngsim

import (
	"cmp"
	"slices"
)

// redirectKey and ipsetKey stand in the table of platforms for Config.RedirectAttribute
// and Config.IPSetAttribute.
const (
	redirectKey = "attr-l4-redirect"
	ipsetKey    = "attr-l4-redirect-ipset"
)

// setRedirect switches accel-ppp's layer 4 redirect: text that begins with 0,
// or the integer 0, is off. PPP sessions have none; it is ACKed all the same.
func setRedirect(r *changing, value string) ErrorCause {
	switch on := !isOff(value); {
	case !r.session.subscriber.IPoE:
	case r.how.stickySets:
		r.redirectSticky(on)
	default:
		r.redirect(on)
	}
	return OK
}

// nameSet names the set that redirect is about: for this request, and with sticky
// sets for all that follow.
func nameSet(r *changing, value string) ErrorCause {
	r.named, r.state.set = value, value
	return OK
}

// redirect is what a site hopes for: each set is joined and left by its name.
func (r *changing) redirect(on bool) {
	if set := cmp.Or(r.named, r.ipset); set != "" {
		r.state.member(set, on)
		on = len(r.state.Sets) > 0
	}
	r.state.Redirect = on
}

// redirectSticky is what accel-ppp 89637ee does (ctrl/ipoe/ipoe.c,
// ev_radius_coa): the name is kept before anything else is done, on when it is on
// does nothing, and off leaves the set that was named last, whoever named it.
func (r *changing) redirectSticky(on bool) {
	if on == r.state.Redirect {
		return
	}
	if set := cmp.Or(r.state.set, r.ipset); set != "" {
		r.state.member(set, on)
	}
	r.state.Redirect = on
}

// member adds the session to a set or takes it out.
func (s *State) member(set string, in bool) {
	s.Sets = slices.DeleteFunc(s.Sets, func(other string) bool { return other == set })
	if in {
		s.Sets = append(s.Sets, set)
		slices.Sort(s.Sets)
	}
	if len(s.Sets) == 0 {
		s.Sets = nil
	}
}
