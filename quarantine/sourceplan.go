package quarantine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// SourcePlan is what the configuration says about the sources of accounting.
type SourcePlan struct {
	Rule SilenceRule
	// BNGs that are expected to send, by name. One without Interim may be silent for
	// as long as it likes.
	Interim map[string]time.Duration
	Relays  []AccountingRelay
	// Groups are redundancy groups, by the name that stands as the BNG of their
	// sessions: the BNGs of each. The one that sent last stands for the group.
	Groups map[string][]string
}

// AccountingRelay is an AAA server that copies the accounting of BNGs.
type AccountingRelay struct {
	Name string // its prefix
	For  []string
}

// SilentSource is a source that stopped.
type SilentSource struct {
	Name  string
	Relay bool
	Last  time.Time // arrival of its last record
	// Reported is how far it had come then; later moments of its BNGs wait.
	Reported time.Time
}

// String says it to people.
func (s SilentSource) String() string {
	kind := "BNG"
	if s.Relay {
		kind = "relay"
	}
	return fmt.Sprintf("%s %s has sent no accounting since %s", kind, s.Name, s.Last.UTC().Format(time.RFC3339))
}

// Silent lists the sources that stopped, relays first, by name: a BNG that is
// heard through such a relay only is not listed by itself.
func (p *SourcePlan) Silent(known *AccountingSources, now time.Time) []SilentSource {
	var silent []SilentSource
	behind := map[string]bool{}
	for _, r := range p.Relays {
		s := known.Sources[r.Name]
		if !slices.ContainsFunc(r.For, p.expected) || !known.Silent(&s, p.Rule, now) {
			continue
		}
		silent = append(silent, SilentSource{Name: r.Name, Relay: true, Last: s.Last, Reported: s.Reported})
		for _, bng := range r.For {
			if b := known.Sources[bng]; !b.Last.After(s.Last) {
				behind[bng] = true
			}
		}
	}
	var bngs []SilentSource
	for bng := range p.Interim {
		s := known.Sources[bng]
		if p.expected(bng) && !behind[bng] && !p.coveredByGroup(known, bng) && known.Silent(&s, p.Rule, now) {
			bngs = append(bngs, SilentSource{Name: bng, Last: s.Last, Reported: s.Reported})
		}
	}
	byName := func(a, b SilentSource) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(silent, byName)
	slices.SortFunc(bngs, byName)
	return append(silent, bngs...)
}

// Names lists the BNGs and relays, sorted.
func (p SourcePlan) Names() []string {
	names := slices.Collect(maps.Keys(p.Interim))
	for _, r := range p.Relays {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (p *SourcePlan) expected(bng string) bool { return p.Interim[bng] > 0 }

// When a relay is known to hand on old records: the freshest of what came last was
// older than relayBehind, and it came not longer than relayCatchesUp ago, for a
// relay that still has records does not pause.
const (
	relayBehind    = time.Minute
	relayCatchesUp = 2 * time.Minute
)

// Overdue says why none of the bindings confirms who held an address until a moment:
// the sources that would have reported the next holder have stopped, hand on old
// records, or have not come so far. Empty: one of them confirms it.
func (p *SourcePlan) Overdue(known *AccountingSources, held []Binding, until, now time.Time) (reason string) {
	silent := p.Silent(known, now)
	for i := range held {
		if reason = p.overdue(known, silent, p.newestMember(known, held[i].Session.BNG), until, now); reason == "" {
			return ""
		}
	}
	return reason
}

func (p *SourcePlan) overdue(known *AccountingSources, silent []SilentSource, bng string, until, now time.Time) string {
	s := known.Sources[bng]
	if name, log := LogName(bng); log {
		if until.After(s.Reported) { // unknown: its first push has just been stored
			return fmt.Sprintf("waits for the translator's log %s, which has not come so far", name)
		}
		return ""
	}
	for _, stopped := range silent {
		if until.After(stopped.Reported) && p.waits(known, &stopped, bng) {
			return "waits for accounting of that moment: " + stopped.String()
		}
	}
	for _, r := range p.Relays {
		relay := known.Sources[r.Name]
		old := relay.Behind > relayBehind && now.Sub(relay.Last) < relayCatchesUp
		if old && until.After(relay.Reported) && slices.Contains(r.For, bng) && !s.Last.After(relay.Last) {
			return fmt.Sprintf("waits for accounting of that moment: relay %s is still sending older records", r.Name)
		}
	}
	return ""
}

// newestMember is the BNG of a group that sent last, or the BNG itself.
func (p *SourcePlan) newestMember(known *AccountingSources, bng string) string {
	members := p.Groups[bng]
	if len(members) == 0 {
		return bng
	}
	return slices.MaxFunc(members, func(a, b string) int { return known.Sources[a].Last.Compare(known.Sources[b].Last) })
}

// coveredByGroup reports whether another BNG of its group sent after it.
func (p *SourcePlan) coveredByGroup(known *AccountingSources, bng string) bool {
	for _, members := range p.Groups {
		if slices.Contains(members, bng) && slices.ContainsFunc(members, func(other string) bool {
			return known.Sources[other].Last.After(known.Sources[bng].Last)
		}) {
			return true
		}
	}
	return false
}

// waits reports whether a BNG's addresses wait for a source that stopped: nobody
// else reports about the BNG since.
func (p *SourcePlan) waits(known *AccountingSources, stopped *SilentSource, bng string) bool {
	return p.expected(bng) && p.covers(stopped, bng) && !known.Sources[bng].Last.After(stopped.Last)
}

// Waiting lists the BNGs whose addresses wait for a source that stopped.
func (p *SourcePlan) Waiting(known *AccountingSources, stopped SilentSource) []string {
	var bngs []string
	for bng := range p.Interim {
		if p.waits(known, &stopped, bng) {
			bngs = append(bngs, bng)
		}
	}
	return bngs
}

// covers reports whether the source sends a BNG's accounting.
func (p *SourcePlan) covers(s *SilentSource, bng string) bool {
	if !s.Relay {
		return s.Name == bng
	}
	return slices.ContainsFunc(p.Relays, func(r AccountingRelay) bool { return r.Name == s.Name && slices.Contains(r.For, bng) })
}
