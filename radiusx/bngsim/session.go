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
	Line      string       // Alc-Subsc-ID-Str, where the make has it
	Class     string       // Class, as given at log-in
	IPoE      bool         // not PPP; accel-ppp redirects only these
	Profile   State        // what AAA gives at log-in
}

// State is what a change of authorization changes of a session.
type State struct {
	Services       []string // Junos, Cisco, SmartEdge: active services, "name" or "name(parameters)"
	FilterID       string   // Filter-Id: filter, user group on Huawei, on accel-ppp the shaper's rate
	AddressList    string   // MikroTik: the list that holds the session's IPv4 address
	RateLimit      string   // MikroTik: Mikrotik-Rate-Limit; Chilli: kbit/s "up/down"
	Redirect       bool     // accel-ppp: HTTP is redirected (IPv4 only)
	ServiceProfile string   // Nokia's SLA profile, RtBrick's service profile, SKAT's policing profile
	Overrides      []string // Nokia, RtBrick, SmartEdge: what lies over the profile, "what=name", sorted
	Portal         bool     // Chilli: the line sees the log-in page and nothing else, and is not accounted for
}

// clone returns a copy that shares no memory.
func (s State) clone() State {
	s.Services, s.Overrides = slices.Clone(s.Services), slices.Clone(s.Overrides)
	return s
}

// Equal reports whether the states are the same; the order of services counts.
func (s State) Equal(t State) bool {
	return slices.Equal(s.Services, t.Services) && s.FilterID == t.FilterID &&
		s.AddressList == t.AddressList && s.RateLimit == t.RateLimit && s.Redirect == t.Redirect &&
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

// Session is one session as the BNG sees it at a moment: a snapshot.
type Session struct {
	ID         string // Acct-Session-Id
	Subscriber        // as it logged in
	State             // as it is now
	Started    time.Time
	History    []Event // the last things that happened to it, oldest first
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
