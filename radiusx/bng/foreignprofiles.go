package bng

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/dialect"
)

// Foreign profiles are those that others put in force on the same lines: billing that
// suspends, a fair-use policy. On most platforms a session has one filter, list or
// redirect, whoever set it: a restriction over a foreign one would restore too much, or
// too little. So as long as one is seen nothing new is put in force; what is in force
// is released all the same.

// LineForeign is that a profile is in force on the line that others put there, see
// Config.Foreign. It is asked for before a restriction.
const LineForeign LineState = "foreign"

// foreignOn finds a foreign profile that accounting showed of the session.
func (m *member) foreignOn(s *quarantine.Session) (value string, found bool) {
	if len(m.Foreign) == 0 {
		return "", false
	}
	reported := attributesObserved(slices.DeleteFunc(slices.Clone(s.Observed), func(shown quarantine.ObservedAttribute) bool {
		return m.Interim > 0 && shown.At.Add(2*m.Interim).Before(s.SeenAt) // others were shown since
	}))
	for _, a := range s.Attributes {
		reported = append(reported, radiusx.Attribute{Name: a.Name, Value: a.Value})
	}
	return m.foreignIn(reported)
}

// foreignIn finds a foreign profile among attributes; what carries no profile does not
// count.
func (m *member) foreignIn(reported []radiusx.Attribute) (value string, found bool) {
	carriers := m.carriers()
	for _, a := range reported {
		if slices.Contains(carriers, a.Name) && m.isForeign(a.Value) {
			return a.String(), true
		}
	}
	return "", false
}

// carriers are the attributes that carry profiles on this BNG.
func (c *Config) carriers() []string {
	names := append(c.Dialect.Carries(), c.Dialect.Shows()...)
	for _, p := range c.Profiles {
		names = append(names, observed(p.Normal)...)
	}
	return names
}

func (c *Config) isForeign(value string) bool {
	return slices.ContainsFunc(c.Foreign, func(pattern string) bool { return wildcards(pattern).MatchString(value) })
}

// lineCheckSeesForeign asks the operator's own check, before something new is put in
// force.
func (r *run) lineCheckSeesForeign(ctx context.Context) (how string, found bool) {
	m := r.bng
	if m.Verify == nil || len(m.Foreign) == 0 || len(r.order.From) > 0 || r.order.To == quarantine.Disconnect {
		return "", false
	}
	word, err := m.Verify.Ask(ctx, r.question(r.subjects()[0]))
	if err != nil || LineState(word) != LineForeign {
		return "", false
	}
	return "the operator's check says so", true
}

func foreignReason(how string) string {
	return fmt.Sprintf("a profile of others is in force on the line (%s; foreign_profiles): not restricted before it is gone", how)
}

// validateForeign checks that foreign profiles are not our own.
func (c *Config) validateForeign() (f quarantine.Faults) {
	for i, pattern := range c.Foreign {
		path := fmt.Sprintf("foreign_profiles[%d]", i)
		if pattern == "" || wildcards(pattern).MatchString("") {
			f = append(f, fault(path, "%q must not match every line", pattern))
		}
		for _, name := range slices.Sorted(maps.Keys(c.Profiles)) {
			p := c.Profiles[name]
			normal := ResolveNormal(p.Normal, func(string) string { return "" })
			for _, own := range []string{p.Restricted, normal} {
				if own != "" && own != dialect.Overlay && wildcards(pattern).MatchString(own) {
					f = append(f, fault(path, "%q must not match %s, which is of profile %s here", pattern, own, name))
				}
			}
		}
	}
	return f
}

// ForeignUnseen says why foreign profiles cannot be seen on this BNG; "" if they can, or
// if none are configured.
func (c *Config) ForeignUnseen() string {
	if len(c.Foreign) == 0 || c.Verify != nil || len(c.Dialect.Shows()) > 0 {
		return ""
	}
	return fmt.Sprintf("no attribute of %s is known to show in accounting what is in force, and no verify is configured: "+
		"a profile of others is seen only if the BNG reports it after all", c.Dialect.Name)
}
