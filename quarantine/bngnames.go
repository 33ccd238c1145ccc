package quarantine

import (
	"fmt"
	"slices"
	"time"
)

// BNGNames is what the configuration says of names that BNGs, or redundancy groups,
// do not have any more. The zero value says nothing.
type BNGNames struct {
	Formerly map[string]string // what a BNG or group was called before: what its sessions are under now
	Members  map[string]string // what a BNG was called before: its own present name, be it in a group or not
	Retired  map[string]string // BNGs that are gone for good: why
}

// Current is what the BNG of that name is called now.
func (n *BNGNames) Current(bng string) string {
	if now, renamed := n.Formerly[bng]; renamed {
		return now
	}
	return bng
}

// Former lists what the BNG was called before, sorted.
func (n *BNGNames) Former(bng string) (names []string) {
	for old, now := range n.Formerly {
		if now == bng {
			names = append(names, old)
		}
	}
	slices.Sort(names)
	return names
}

// Rename gives the session's BNG its present name. A BNG that is in a group by now
// is the member on which the session is.
func (n *BNGNames) Rename(s *Session) {
	if member, renamed := n.Members[s.Member]; renamed {
		s.Member = member
	}
	now, renamed := n.Formerly[s.BNG]
	if !renamed {
		return
	}
	if member := n.Members[s.BNG]; s.Member == "" && member != now {
		s.Member = member
	}
	s.BNG = now
}

// RenameIn gives the BNGs of a case their present names.
func (n *BNGNames) RenameIn(c *Case) {
	if len(n.Formerly) == 0 {
		return
	}
	for i := range c.Sessions {
		n.Rename(&c.Sessions[i].Session)
	}
	for old, lines := range c.Counted {
		if now := n.Current(old); now != old {
			delete(c.Counted, old)
			c.Counted[now] += lines
		}
	}
}

// Continue returns a session of a renamed BNG that was reported under both names, as
// the newer record has it. What only the older one knows of the same attachment is
// kept: a record in the middle of a session lists less than its Start.
func Continue(older, newer Session) Session {
	older.BNG = newer.BNG
	if !SameAttachment(&older, &newer) || older.Subscriber != newer.Subscriber {
		return newer
	}
	newer.StartedAt, newer.StartedBy, newer.StartSeen, newer.Guessed = older.StartedAt, older.StartedBy, older.StartSeen, older.Guessed
	for _, a := range older.Attributes {
		if newer.Attribute(a.Name) == "" {
			newer.Attributes = append(slices.Clone(newer.Attributes), a)
		}
	}
	return newer
}

// Outstanding reports whether something of ours is, or may be, in force on the
// session, or looked after still: what a release would be owed for.
func (e *SessionEnforcement) Outstanding() bool { return e.Enforcement != Gone && e.owes() }

// Retire ends the case's sessions on BNGs that are gone for good: nothing is owed
// there any more. It reports whether there were any.
func (c *Case) Retire(n *BNGNames, now time.Time) (retired bool) {
	if len(n.Retired) == 0 || c.State == Closed {
		return false
	}
	noted := map[string]bool{}
	for i := range c.Sessions {
		e := &c.Sessions[i]
		reason, is := n.Retired[e.Session.BNG]
		if !is || e.Enforcement == Gone {
			continue
		}
		why := fmt.Sprintf("BNG %s was retired: %s", e.Session.BNG, reason)
		e.end(now, why)
		if retired = true; !noted[why] {
			noted[why] = true
			c.record(now, "", why)
		}
	}
	return retired
}
