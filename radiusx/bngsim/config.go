package bngsim

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"cordon/radiusx"
)

// Config is what a [BNG] needs. Zero numbers and durations become the default
// named beside them.
type Config struct {
	Name     string     // NAS-Identifier, and the name in histories
	NASIP    netip.Addr // NAS-IP-Address or NAS-IPv6-Address
	Platform Platform   // whose behaviour to take after
	Quirks   []Quirk    // and how it departs from it; see [Quirks]
	Secret   radiusx.Secret

	// Conn is the socket of the dynamic authorization server; the BNG closes
	// it. Nil: there is none.
	Conn net.PacketConn
	// Allowed are the sources it listens to; nil means every one.
	Allowed []netip.Prefix
	// RequireMessageAuthenticator and RequireEventTimestamp make it drop
	// requests without these, as some gear does.
	RequireMessageAuthenticator bool
	RequireEventTimestamp       bool
	// EventWindow is how far a request's Event-Timestamp may be from Now; 300s.
	EventWindow time.Duration
	// DuplicateWindow is how long an answer is repeated to the same source
	// port and identifier; 0 is the platform's, negative is not at all.
	DuplicateWindow time.Duration

	Profiles          []string // names of services and filters it knows; nil means any
	ProfileAttribute  string   // osvbng: the attribute that carries the profile; Filter-Id
	RedirectAttribute string   // accel-ppp: the attribute configured as attr-l4-redirect; none
	IPSetAttribute    string   // accel-ppp: the one configured as attr-l4-redirect-ipset; none
	IPSet             string   // accel-ppp: l4-redirect-ipset, where a session goes that no set was named for; none

	SlowBy    time.Duration // of the quirk slow: from a request to its answer; 5s
	ClockSkew time.Duration // of the quirk clock-skew: what the clock is ahead, negative for behind; 10m
	HookTakes time.Duration // of the quirks slow-hooks and queued-hooks: from a request to its answer; 12s
	DHCPEvery time.Duration // of the quirk mac-auth: from a restriction to the client's next DHCP request; 3m

	Accounting Accounting
	ReuseIDs   bool // session ids begin anew with each Reboot

	Dictionary *radiusx.Dictionary // radiusx.Builtin()
	OnPacket   func(Packet)        // called for every datagram, from any goroutine; must not block
	// OnSession is called when a session has come, has changed or is over, which live
	// tells. It must not block and must not call the BNG.
	OnSession   func(s Session, live bool)
	KeepPackets int              // how many datagrams Packets returns; 256, negative for none
	Now         func() time.Time // time.Now
	Seed        uint64           // of faults, jitter and session counters; 0 is a seed too
}

// Accounting says where a BNG reports its sessions.
type Accounting struct {
	Server netip.AddrPort // invalid: no accounting is sent
	Conn   net.PacketConn // socket to send from; the BNG closes it; required with Server
	Secret radiusx.Secret // Config.Secret

	Retry    time.Duration // pause before the first retransmission, doubled up to MaxRetry; 2s
	MaxRetry time.Duration // 16s
	Interval time.Duration // of Interim-Updates; 0 sends them only on request

	// OmitEventTimestamp leaves Event-Timestamp out, so that only
	// Acct-Delay-Time shows when something happened.
	OmitEventTimestamp bool
}

func (c *Config) setDefaults() {
	setDefault(&c.EventWindow, 300*time.Second)
	setDefault(&c.KeepPackets, 256)
	setDefault(&c.SlowBy, 5*time.Second)
	setDefault(&c.ClockSkew, 10*time.Minute)
	setDefault(&c.HookTakes, 12*time.Second)
	setDefault(&c.DHCPEvery, 3*time.Minute)
	setDefault(&c.Accounting.Retry, 2*time.Second)
	setDefault(&c.Accounting.MaxRetry, 16*time.Second)
	if c.Accounting.Secret.IsZero() {
		c.Accounting.Secret = c.Secret
	}
	if c.Dictionary == nil {
		c.Dictionary = radiusx.Builtin()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// meaning is what an attribute that the site chose stands for in the table of
// platforms.
func (c *Config) meaning(attribute string) string {
	switch attribute {
	case "": // what is not configured means nothing
	case c.RedirectAttribute:
		return redirectKey
	case c.IPSetAttribute:
		return ipsetKey
	case c.ProfileAttribute:
		return "Filter-Id"
	}
	return attribute
}

// known are the names that the BNG knows; nil knows every one.
func (c *Config) known(how *behaviour) map[string]bool {
	if c.Profiles == nil || !how.checksProfiles {
		return nil
	}
	known := make(map[string]bool, len(c.Profiles))
	for _, p := range c.Profiles {
		known[p] = true
	}
	return known
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate reports everything that is wrong with the configuration.
func (c Config) Validate() error {
	c.setDefaults()
	var errs []error
	if c.Platform.behaviour() == nil {
		errs = append(errs, fmt.Errorf("unknown platform %q, known: %v", c.Platform, Platforms()))
	}
	if c.Platform.behaviour() != nil {
		if _, err := bent(&c, c.Quirks); err != nil {
			errs = append(errs, err)
		}
	}
	if c.SlowBy < 0 || c.HookTakes < 0 || c.DHCPEvery < 0 {
		errs = append(errs, errors.New("slow by, hook takes and DHCP every must not be negative"))
	}
	if c.Name == "" && !c.NASIP.IsValid() {
		errs = append(errs, errors.New("neither name nor NAS address"))
	}
	if c.Secret.IsZero() {
		errs = append(errs, errors.New("no secret"))
	}
	if c.Accounting.Server.IsValid() != (c.Accounting.Conn != nil) {
		errs = append(errs, errors.New("accounting must have both a server and a socket"))
	}
	if c.Accounting.Retry < 0 || c.Accounting.MaxRetry < c.Accounting.Retry || c.Accounting.Interval < 0 {
		errs = append(errs, errors.New("accounting: want 0 < retry <= max retry, interval >= 0"))
	}
	for what, name := range map[string]string{"redirect": c.RedirectAttribute, "ipset": c.IPSetAttribute, "profile": c.ProfileAttribute} {
		if _, ok := c.Dictionary.Lookup(name); !ok && name != "" {
			errs = append(errs, fmt.Errorf("unknown %s attribute %q", what, name))
		}
	}
	return errors.Join(errs...)
}
