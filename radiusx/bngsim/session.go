package bngsim

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Subscriber is a line that can log in, with what AAA would assign.
type Subscriber struct {
	User      string       // User-Name
	IPv4      netip.Addr   // Framed-IP-Address; invalid for none
	IPv6      netip.Addr   // Framed-IPv6-Address
	Prefix    netip.Prefix // Framed-IPv6-Prefix
	Delegated netip.Prefix // Delegated-IPv6-Prefix
	MAC       string       // Calling-Station-Id
	NASPortID string       // NAS-Port-Id
	Line      string       // Alc-Subsc-ID-Str, where the platform has it
	Class     string       // Class, as given at log-in
	IPoE      bool         // not PPP; accel-ppp redirects only these
	Profile   State        // what AAA gives at log-in
}

// State is what a change of authorization changes of a session.
type State struct {
	Services       []string // Junos, Cisco, SmartEdge: active services, "name" or "name(parameters)"
	FilterID       string   // Filter-Id: filter, user group on Huawei, on accel-ppp the shaper's rate
	AddressList    string   // MikroTik: the list that holds the session's IPv4 address
	RateLimit      string   // MikroTik: Mikrotik-Rate-Limit; Chilli: bits a second "up/down"
	SessionTimeout uint32   // Chilli: seconds; 0 for none
	Interim        uint32   // Chilli: Acct-Interim-Interval, seconds; 0 for the BNG's own
	Redirect       bool     // accel-ppp: HTTP is redirected (IPv4 only)
	Sets           []string // accel-ppp: the sets (ipset) that hold the session's IPv4 address, sorted
	ServiceProfile string   // Nokia's SLA profile, RtBrick's service profile, SKAT's policing profile
	Overrides      []string // Nokia, RtBrick, SmartEdge: what lies over the profile, "what=name", sorted
	Portal         bool     // Chilli: the line sees the log-in page and nothing else, and is not accounted for

	set string // accel-ppp: the set that was named last, which the data plane does not show
}

// clone returns a copy that shares no memory.
func (s State) clone() State {
	s.Services, s.Overrides, s.Sets = slices.Clone(s.Services), slices.Clone(s.Overrides), slices.Clone(s.Sets)
	return s
}

// Equal reports whether the states are the same; the order of services counts.
func (s State) Equal(t State) bool {
	return slices.Equal(s.Services, t.Services) && s.FilterID == t.FilterID &&
		s.AddressList == t.AddressList && s.RateLimit == t.RateLimit && s.Redirect == t.Redirect &&
		s.SessionTimeout == t.SessionTimeout && s.Interim == t.Interim && slices.Equal(s.Sets, t.Sets) &&
		s.ServiceProfile == t.ServiceProfile && slices.Equal(s.Overrides, t.Overrides) && s.Portal == t.Portal
}

// String lists what is set, "plain" for nothing.
func (s State) String() string {
	var parts []string
	for _, p := range []struct{ label, value string }{
		{"services=", strings.Join(s.Services, "+")},
		{"filter=", s.FilterID},
		{"list=", s.AddressList},
		{"rate=", s.RateLimit},
		{"profile=", s.ServiceProfile},
		{"overrides=", strings.Join(s.Overrides, "+")},
		{"sets=", strings.Join(s.Sets, "+")},
		{"timeout=", seconds(s.SessionTimeout)},
		{"interim=", seconds(s.Interim)},
	} {
		if p.value != "" {
			parts = append(parts, p.label+p.value)
		}
	}
	if s.Redirect {
		parts = append(parts, "redirected")
	}
	if s.Portal {
		parts = append(parts, "at the portal")
	}
	if len(parts) == 0 {
		return "plain"
	}
	return strings.Join(parts, " ")
}

// seconds is a number of them, "" for none.
func seconds(n uint32) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%ds", n)
}

// Session is one session as the BNG sees it at a moment: a snapshot.
type Session struct {
	ID         string // Acct-Session-Id
	Subscriber        // as it logged in
	State             // as it is now
	Started    time.Time
	History    []Event // the last things that happened to it, oldest first
}

// InForce is what the data plane does to the session beside what AAA gave it, ""
// for nothing. Sets are reported apart, in [State.Sets], for others have their own.
func (s Session) InForce() string {
	now, given := s.State, s.Profile
	if len(now.Sets) > 0 || len(given.Sets) > 0 { // each set redirects for itself
		now.Sets, given.Sets, now.Redirect, given.Redirect = nil, nil, false, false
	}
	if now.Equal(given) {
		return ""
	}
	return now.String()
}

// Event is one line of a session's history.
type Event struct {
	At   time.Time
	What string
}

// String returns the session on one line.
func (s Session) String() string {
	return fmt.Sprintf("%s %s %s since %s: %s", s.ID, s.User, s.addresses(), s.Started.UTC().Format(time.TimeOnly), s.State)
}

func (s Session) addresses() string {
	var parts []string
	if s.IPv4.IsValid() {
		parts = append(parts, s.IPv4.String())
	}
	if s.IPv6.IsValid() {
		parts = append(parts, s.IPv6.String())
	}
	for _, p := range []netip.Prefix{s.Prefix, s.Delegated} {
		if p.IsValid() {
			parts = append(parts, p.String())
		}
	}
	if len(parts) == 0 {
		return "no address"
	}
	return strings.Join(parts, ",")
}

// WriteTable writes the sessions as an aligned table with a heading.
func WriteTable(w io.Writer, sessions []Session) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "SESSION\tUSER\tADDRESSES\tSINCE\tSTATE")
	for _, s := range sessions {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", s.ID, s.User, s.addresses(), s.Started.UTC().Format(time.DateTime), s.State)
	}
	return t.Flush() // tabwriter keeps the first error
}
