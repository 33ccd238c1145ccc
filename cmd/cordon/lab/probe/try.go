package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"layeh.com/radius"

	"cordon/radiusx/coa"
)

// setting is how one exchange differs from the configured one.
type setting struct {
	what      string // for people
	port      uint16
	signed    bool // with Message-Authenticator
	stamped   bool // with Event-Timestamp
	otherPort bool
}

// settings are what is tried, in this order: as configured, then each thing that
// is often wrong, by itself.
func (c *Config) settings() []setting {
	b := &c.BNG
	base := setting{what: "as configured", port: c.port(), signed: b.MessageAuthenticator != coa.MessageAuthenticatorOmit,
		stamped: !b.OmitEventTimestamp}
	with := map[bool]string{true: "with ", false: "without "}
	unsigned, unstamped := base, base
	unsigned.signed, unstamped.stamped = !base.signed, !base.stamped
	unsigned.what = with[unsigned.signed] + "Message-Authenticator"
	unstamped.what = with[unstamped.stamped] + "Event-Timestamp"
	both := unsigned
	both.stamped = unstamped.stamped
	both.what = unsigned.what + ", " + unstamped.what
	all := []setting{base, unsigned, unstamped, both}
	for _, port := range c.otherPorts() {
		other := base
		other.what, other.port, other.otherPort = fmt.Sprintf("on port %d", port), port, true
		all = append(all, other)
	}
	return all
}

func (c *Config) port() uint16 { return cmp.Or(c.BNG.CoAPort, c.BNG.Dialect.CoAPort) }

// wellKnown are the ports that platforms listen on unless configured otherwise: RFC 5176
// section 2.3, and Cisco's own.
var wellKnown = []uint16{3799, 1700}

func (c *Config) otherPorts() []uint16 {
	if c.Ports == nil {
		c.Ports = wellKnown
	}
	return slices.DeleteFunc(slices.Clone(c.Ports), func(port uint16) bool { return port == c.port() })
}

// Try is one exchange, for people and programs.
type Try struct {
	What           string  `json:"what"`
	Peer           string  `json:"peer"`
	Outcome        string  `json:"outcome"` // ack, nak or unanswered
	ErrorCause     uint32  `json:"error_cause,omitempty"`
	ErrorCauseName string  `json:"error_cause_name,omitempty"`
	Transmissions  int     `json:"transmissions"`
	Milliseconds   float64 `json:"ms,omitempty"`           // from the first transmission to the answer
	SkewSeconds    int     `json:"skew_seconds,omitempty"` // how far its clock is ahead of ours
	Discarded      int     `json:"discarded,omitempty"`
	LastDiscard    string  `json:"last_discard,omitempty"`
	Hint           string  `json:"hint,omitempty"`

	setting setting
	result  coa.Result
}

// try carries out one exchange. An error means that nothing could be found out.
func (c *Config) try(ctx context.Context, s setting, attributes radius.Attributes, timeout time.Duration) (Try, error) {
	x := coa.Exchange{
		Peer: netip.AddrPortFrom(c.BNG.Address, s.port), Secret: c.BNG.Secret, Code: radius.CodeCoARequest, Attributes: attributes,
		OmitEventTimestamp: !s.stamped, Timeout: timeout,
	}
	switch {
	case !s.signed:
		x.MessageAuthenticator = coa.MessageAuthenticatorOmit
	case c.BNG.MessageAuthenticator == coa.MessageAuthenticatorRequireReply:
		x.MessageAuthenticator = coa.MessageAuthenticatorRequireReply
	}
	r, err := c.Client.Do(ctx, x)
	if err != nil {
		return Try{}, fmt.Errorf("ask %s: %w", x.Peer, err)
	}
	t := Try{
		What: s.what, Peer: x.Peer.String(), Outcome: r.Kind.String(), ErrorCause: r.ErrorCause, Transmissions: r.Transmissions,
		Milliseconds: float64(r.RTT.Microseconds()) / 1000, SkewSeconds: int(r.Skew / time.Second), Discarded: r.Discarded, setting: s, result: r,
	}
	if r.ErrorCause != 0 {
		t.ErrorCauseName = coa.LookupErrorCause(r.ErrorCause).Name
	}
	if r.Discarded > 0 {
		t.LastDiscard = r.LastDiscard.String()
	}
	if r.Hint != nil {
		t.Hint = r.Hint.Error()
	}
	return t, nil
}

func (t *Try) answered() bool { return t.result.Kind != coa.Unanswered }

// refused reports whether ICMP said that the port is closed.
func (t *Try) refused() bool { return errors.Is(t.result.Hint, syscall.ECONNREFUSED) }

// cut reports whether the network said that there is no route.
func (t *Try) cut() bool {
	return slices.ContainsFunc([]error{syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EACCES, syscall.EPERM}, func(why error) bool {
		return errors.Is(t.result.Hint, why)
	})
}

// String is the try on one line.
func (t *Try) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s: ", t.What, t.Peer)
	switch t.result.Kind {
	case coa.ACK:
		b.WriteString("CoA-ACK")
	case coa.NAK:
		b.WriteString("CoA-NAK " + cmp.Or(t.ErrorCauseName, "without Error-Cause"))
	case coa.Unanswered:
		fmt.Fprintf(&b, "no answer; transmitted %d times", t.Transmissions)
	}
	if t.answered() {
		fmt.Fprintf(&b, " after %.1f ms", t.Milliseconds)
	}
	if t.answered() && t.Transmissions > 1 {
		fmt.Fprintf(&b, "; transmitted %d times", t.Transmissions)
	}
	if t.Discarded > 0 {
		fmt.Fprintf(&b, "; %d datagrams discarded, the last one %s", t.Discarded, t.LastDiscard)
	}
	if t.Hint != "" {
		b.WriteString("; " + t.Hint)
	}
	return b.String()
}
