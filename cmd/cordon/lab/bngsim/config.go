package bngsim

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordon/radiusx"
	"cordon/radiusx/bngsim"
)

// Config is one simulated BNG with its subscribers.
type Config struct {
	Name     string         // NAS-Identifier, and the first part of every User-Name
	Platform string         // see Platforms
	Quirks   []string       // see bngsim.Quirks
	NASIP    netip.Addr     // NAS-IP-Address or NAS-IPv6-Address; invalid: it names itself by Name alone
	Listen   string         // UDP address:port that CoA and Disconnect requests come to; port 0 takes a free one
	Secret   radiusx.Secret // shared with whoever sends them

	AcctServer string         // address:port that accounting goes to; empty: nowhere
	AcctSecret radiusx.Secret // zero: Secret
	Interim    time.Duration  // between two Interim-Updates of a session; 0: none

	// Profiles are the names of services and filters that are configured on the
	// BNG, as far as its platform checks; empty: it accepts every name.
	Profiles []string
	// Normal is the name that AAA sends at log-in: service, filter, address list
	// or shaper rate. Empty: the platform's own, see Normal.
	Normal                      string
	RedirectAttribute           string // accel-ppp's attr-l4-redirect
	IPSetAttribute              string // accel-ppp's attr-l4-redirect-ipset
	RequireMessageAuthenticator bool   // requests without one are dropped

	Subscribers int          // lines that log in
	V4          netip.Prefix // their addresses come from here; needs room for all and one more
	V6          netip.Prefix // each gets a /64 and a delegated /56 from here; invalid: no IPv6

	Faults    bngsim.Faults
	SlowBy    time.Duration // of the quirk slow; 0: bngsim's own
	ClockSkew time.Duration // of the quirk clock-skew; 0: bngsim's own
	HookTakes time.Duration // of the quirks slow-hooks and queued-hooks; 0: bngsim's own
	DHCPEvery time.Duration // of the quirk mac-auth; 0: bngsim's own
	Seed      uint64        // of faults and jitter

	OnPacket func(bngsim.Packet) // called for every datagram, from any goroutine; must not block
}

// Platforms lists the platforms that can be simulated.
func Platforms() []string {
	var names []string
	for _, m := range bngsim.Platforms() {
		names = append(names, string(m))
	}
	return names
}

func (c *Config) quirks() []bngsim.Quirk {
	quirks := make([]bngsim.Quirk, len(c.Quirks))
	for i, q := range c.Quirks {
		quirks[i] = bngsim.Quirk(q)
	}
	return quirks
}

// blockBits is the length of what one subscriber takes of Config.V6: a /56 that
// its /64 comes from, and the /56 delegated to it.
const blockBits = 55

// Validate reports everything that is wrong with the configuration.
func (c *Config) Validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !slices.Contains(Platforms(), c.Platform) {
		fail("unknown platform %q: must be one of %s", c.Platform, strings.Join(Platforms(), ", "))
	}
	if err := bngsim.CheckQuirks(c.quirks()...); err != nil {
		fail("%w", err)
	}
	if c.SlowBy < 0 || c.HookTakes < 0 || c.DHCPEvery < 0 {
		fail("slow by, hook takes and DHCP every must not be negative")
	}
	if c.Name == "" {
		fail("name must be set")
	}
	if _, err := netip.ParseAddrPort(c.Listen); err != nil {
		fail("listen: invalid address:port %q", c.Listen)
	}
	if c.Secret.IsZero() {
		fail("secret must be set")
	}
	if server, err := netip.ParseAddrPort(c.AcctServer); c.AcctServer != "" && (err != nil || server.Port() == 0) {
		fail("accounting server: invalid address:port %q", c.AcctServer)
	}
	if c.Interim < 0 {
		fail("interim must not be negative")
	}
	for what, name := range map[string]string{"redirect": c.RedirectAttribute, "ipset": c.IPSetAttribute} {
		if _, known := radiusx.Builtin().Lookup(name); name != "" && !known {
			fail("%s attribute: unknown attribute %q", what, name)
		}
	}
	errs = append(errs, c.checkRoom(), checkFaults(c.Faults))
	return errors.Join(errs...)
}

// checkRoom asks that all subscribers find addresses.
func (c *Config) checkRoom() error {
	var errs []error
	switch {
	case c.Subscribers < 0:
		return errors.New("the number of subscribers must not be negative")
	case !c.V4.IsValid() || !c.V4.Addr().Is4():
		errs = append(errs, errors.New("v4: must be an IPv4 prefix"))
	case !fits(c.Subscribers+2, 32-c.V4.Bits()): // one to move to, and the network's own
		errs = append(errs, fmt.Errorf("v4: %s is too small for %d subscribers", c.V4, c.Subscribers))
	}
	switch {
	case !c.V6.IsValid():
	case !c.V6.Addr().Is6() || c.V6.Addr().Is4In6():
		errs = append(errs, fmt.Errorf("v6: %s must be an IPv6 prefix", c.V6))
	case !fits(c.Subscribers, blockBits-c.V6.Bits()):
		errs = append(errs, fmt.Errorf("v6: %s is too small for %d subscribers: each has a /%d", c.V6, c.Subscribers, blockBits))
	}
	return errors.Join(errs...)
}

// fits reports whether n things can be numbered with so many bits.
func fits(n, bits int) bool { return bits >= 31 || (bits >= 0 && n <= 1<<bits) }

func checkFaults(f bngsim.Faults) error {
	for _, link := range []bngsim.Link{f.In, f.Out, f.AcctIn, f.AcctOut} {
		if !(link.Lose >= 0 && link.Lose <= 1 && link.Double >= 0 && link.Double <= 1) {
			return errors.New("faults: probabilities must be between 0 and 1")
		}
		if link.Delay < 0 || link.Jitter < 0 {
			return errors.New("faults: delays must not be negative")
		}
	}
	return nil
}

// Refusal reads the Error-Cause (RFC 5176 section 3.5) that a BNG refuses every
// request with: a number, "none" for a NAK without one, or nothing for a BNG
// that does not refuse.
func Refusal(s string) (bngsim.ErrorCause, error) {
	switch s {
	case "":
		return bngsim.OK, nil
	case "none":
		return bngsim.Unexplained, nil
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return bngsim.OK, fmt.Errorf("invalid Error-Cause %q: must be a number, such as 503, or none", s)
	}
	return bngsim.ErrorCause(n), nil
}

// SecretOf is a secret given as it is or in a file; zero if neither is given.
func SecretOf(value, file string) (radiusx.Secret, error) {
	switch {
	case value != "" && file != "":
		return radiusx.Secret{}, errors.New("must be a secret or a file with it, not both")
	case file != "":
		return radiusx.ReadSecret(file)
	case value != "":
		return radiusx.NewSecret(value)
	}
	return radiusx.Secret{}, nil
}
