package bng

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"cordon/quarantine"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

func fault(path, format string, args ...any) quarantine.Fault {
	return quarantine.Fault{Path: path, Err: fmt.Errorf(format, args...)}
}

// Validate checks one BNG; what must fit other BNGs is [ValidateFleet]'s. Paths are
// those of an entry of bngs.
func (c *Config) Validate() quarantine.Faults {
	f := c.validateNames()
	if !hostAddress(c.Address) {
		f = append(f, fault("address", "must be that of a host: CoA-Requests go there"))
	}
	if c.Via == nil && c.Secret.IsZero() {
		f = append(f, fault("secret", "must not be empty"))
	}
	if c.Rate < 0 {
		f = append(f, fault("rate", "must not be negative"))
	}
	if c.MaxInFlight < 0 {
		f = append(f, fault("max_in_flight", "must not be negative"))
	}
	switch c.InterimAddresses {
	case "", dialect.ListsSome, dialect.ListsAll:
	default:
		f = append(f, fault("interim_addresses", "must be some or all"))
	}
	if c.Dialect == nil {
		return append(f, fault("dialect", "must be set"))
	}
	return slices.Concat(f, c.validateVia(), c.validateStamping(), c.validateProfiles(), c.validateForeign())
}

// hostAddress reports whether requests can be sent to an address.
func hostAddress(a netip.Addr) bool { return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() }

func (c *Config) validateNames() quarantine.Faults {
	var f quarantine.Faults
	check := func(path, name string) {
		if strings.Contains(name, "/") || strings.HasPrefix(name, unconfigured) {
			f = append(f, fault(path, "invalid name %q: must have no slash and must not begin with %q", name, unconfigured))
		}
	}
	if c.Name == "" {
		f = append(f, fault("name", "must not be empty"))
	}
	check("name", c.Name)
	check("group", c.Group)
	for i, old := range c.Formerly {
		check(fmt.Sprintf("formerly[%d]", i), old)
	}
	for i, nas := range c.NAS {
		if !nas.IP.IsValid() && nas.Identifier == "" {
			f = append(f, fault(fmt.Sprintf("nas[%d]", i), "must have ip or identifier"))
		}
	}
	return f
}

// validateProfiles checks that each profile could be put in force and released
// again, with the options that the site has set.
func (c *Config) validateProfiles() (f quarantine.Faults) {
	if _, err := c.Dialect.Dictionary(c.Options); err != nil {
		return append(f, quarantine.Fault{Path: "dialect_options", Err: err})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Profiles)) {
		path := quarantine.PathTo("profiles", name)
		if c.Profiles[name].Restricted == "" {
			f = append(f, fault(path, "must have restricted: the profile's name on this BNG"))
		}
		for _, err := range c.checkProfile(name) {
			f = append(f, quarantine.Fault{Path: path, Err: err})
		}
	}
	return f
}

// checkProfile says why a profile could not be put in force on this BNG and released
// again; nil if it could. The dialect must be set.
func (c *Config) checkProfile(name string) []error {
	p := c.Profiles[name]
	for _, attribute := range observed(p.Normal) {
		dictionary, err := c.Dialect.Dictionary(c.Options)
		if err != nil {
			return []error{err}
		}
		if _, known := dictionary.Lookup(attribute); !known {
			return []error{fmt.Errorf("normal: unknown attribute %q", attribute)}
		}
	}
	var err error
	if p.Normal, err = fallbacks(p.Normal); err != nil {
		return []error{err}
	}
	return c.Dialect.Check(p, c.Options)
}

// Sign sets how requests are signed and stamped: as the words of the configuration say
// (message_authenticator, event_timestamp), and where they are empty as suits the
// platform. The dialect must be set.
func (c *Config) Sign(messageAuthenticator, eventTimestamp string) (f quarantine.Faults) {
	if messageAuthenticator == "" {
		messageAuthenticator = string(c.Dialect.MessageAuthenticator)
	}
	if err := c.MessageAuthenticator.UnmarshalText([]byte(messageAuthenticator)); err != nil {
		f = append(f, quarantine.Fault{Path: "message_authenticator", Err: err})
	}
	stamping := dialect.Stamping(eventTimestamp)
	switch stamping {
	case "":
		stamping = c.Dialect.EventTimestamp
	case dialect.StampSend, dialect.StampOmit:
	default:
		f = append(f, fault("event_timestamp", "must be send or omit"))
	}
	c.OmitEventTimestamp = stamping == dialect.StampOmit
	return f
}

func (c *Config) validateStamping() (f quarantine.Faults) {
	if c.OmitEventTimestamp && c.Dialect.EventTimestamp == dialect.StampMandatory {
		f = append(f, fault("event_timestamp", "must be send: %s drops requests without it", c.Dialect.Name))
	}
	if c.MessageAuthenticator < coa.MessageAuthenticatorSend || c.MessageAuthenticator > coa.MessageAuthenticatorRequireReply {
		f = append(f, quarantine.Fault{Path: "message_authenticator", Err: errors.New("must be send, omit or require-reply")})
	}
	return f
}

// Warnings are about what works and deserves a person's attention. The configuration
// must be valid. Paths are as Validate's.
func (c *Config) Warnings() (w quarantine.Faults) {
	for _, name := range slices.Sorted(maps.Keys(c.Profiles)) {
		p, path := c.Profiles[name], quarantine.PathTo("profiles", name)
		uncovered := c.Dialect.Uncovered(p)
		for _, family := range slices.Sorted(maps.Keys(uncovered)) {
			w = append(w, fault(path, "does not restrict %s: %s", family, uncovered[family]))
		}
		for _, warning := range c.Dialect.Unset(p, c.Options) {
			w = append(w, fault(path, "%s", warning))
		}
	}
	if why := c.ForeignUnseen(); why != "" {
		w = append(w, fault("foreign_profiles", "%s", why))
	}
	return w
}
