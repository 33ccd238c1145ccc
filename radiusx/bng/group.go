package bng

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"cordon/quarantine"
)

// A redundancy group is BNGs of which any may serve a line (Nokia SRRP with
// multi-chassis synchronization, Cisco's and Juniper's inter-chassis redundancy).
// After a switch-over the other one reports the session, under the same
// Acct-Session-Id on most platforms. So the group's sessions are under the group's
// name, and each knows which member reported it last.

// SessionsUnder is the name that the BNG's sessions are under: its group's, or its
// own.
func (c *Config) SessionsUnder() string {
	if c.Group != "" {
		return c.Group
	}
	return c.Name
}

// mayJoin says why a BNG cannot be in one group with another of it: an order
// that was made for the one is sent to the other.
func (c *Config) mayJoin(other *Config) error {
	var differ []string
	note := func(what string, same bool) {
		if !same {
			differ = append(differ, what)
		}
	}
	note("dialect", c.Dialect == other.Dialect)
	note("dialect_options", maps.Equal(c.Options, other.Options))
	note("role", c.Role == other.Role)
	note("profiles", maps.Equal(c.Profiles, other.Profiles))
	note("foreign_profiles", slices.Equal(c.Foreign, other.Foreign))
	note("interim", c.Interim == other.Interim)
	note("subscriber_key", c.SubscriberKey.equal(other.SubscriberKey))
	if len(differ) > 0 {
		return fmt.Errorf("bng %s: %s must be the same as of %s: both are in group %s, and serve the same sessions",
			c.Name, strings.Join(differ, ", "), other.Name, c.Group)
	}
	return nil
}

// place puts an event under its BNG's group.
func (f *Fleet) place(ev *quarantine.SessionEvent) {
	if m := f.named[ev.Key.BNG]; m != nil && m.Group != "" {
		ev.Key.BNG, ev.Member = m.Group, m.Name
	}
}

// membersOf lists the BNGs that sessions under a name may be on: the one of that
// name, or that was called so, or a group's.
func (f *Fleet) membersOf(name string) []*member {
	if m := f.named[name]; m != nil {
		return []*member{m}
	}
	if group := f.groups[name]; group != nil {
		return group
	}
	if m := f.former[name]; m != nil {
		return f.with(m)
	}
	return nil
}

// candidates lists the BNGs that a session may be on, the one that reported it
// last first. One that is not in that group any more, or whose group is gone, has
// its sessions still.
func (f *Fleet) candidates(s *quarantine.Session) []*member {
	all, last := f.membersOf(s.BNG), f.called(s.Member)
	switch at := slices.Index(all, last); {
	case last == nil || at == 0:
		return all
	case at < 0:
		return f.with(last)
	default:
		return slices.Concat(all[at:at+1], all[:at], all[at+1:])
	}
}

// called is the BNG of that name, present or former; nil: none.
func (f *Fleet) called(name string) *member {
	if m := f.named[name]; m != nil {
		return m
	}
	return f.former[name]
}

// serving is the BNG that a session is on; nil: it is not configured.
func (f *Fleet) serving(s *quarantine.Session) *member {
	if all := f.candidates(s); len(all) > 0 {
		return all[0]
	}
	return nil
}
