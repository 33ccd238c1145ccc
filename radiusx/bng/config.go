package bng

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"cordon/radiusx"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// Config is one BNG.
type Config struct {
	Name string
	// Formerly is what the BNG was called before: sessions that are kept, or were
	// restricted, under such a name are its own.
	Formerly []string
	Group    string     // the redundancy group whose sessions move between its BNGs; empty: none
	Address  netip.Addr // where CoA goes
	NAS      []NAS      // how it names itself in accounting; empty: by Address
	Secret   radiusx.Secret
	Via      *Proxy // nil: requests go to Address; else to the proxy, and Secret is not used
	Role     Role
	Dialect  *dialect.Dialect
	Options  map[string]string // dialect_options

	CoAPort        uint16 // 0: the dialect's
	DisconnectPort uint16 // 0: the dialect's

	MessageAuthenticator coa.MessageAuthenticatorMode
	OmitEventTimestamp   bool
	CheckEventTimestamp  bool // answers stamped more than 300 s off are not believed

	Rate        float64 // requests a second; 0: the dialect's
	MaxInFlight int     // requests unanswered at a time; 0: the dialect's

	SubscriberKey    SubscriberKey   // how its records name the subscriber; empty: AccountingConfig.Key
	Interim          time.Duration   // how often it renews a session; 0: not at all, or not known
	InterimAddresses dialect.Listing // what Interim-Updates list; "": as the dialect says
	OneSessionPer    []string        // attributes that name a line, where it has one session a line; none: not known

	Profiles map[string]dialect.Profile // the domain's profiles under their names on this BNG

	// Foreign are the profiles that others put in force on its lines; * stands for any
	// octets. As long as one is seen, nothing new is put in force.
	Foreign []string

	Verify LineCheck // the operator's own look at a line; nil: none
}

// NAS is one way in which a BNG names itself; only what is set counts.
type NAS struct {
	IP         netip.Addr // NAS-IP-Address or NAS-IPv6-Address
	Identifier string     // NAS-Identifier
}

// Validate reports everything that is wrong with the configuration.
func (c *Config) Validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Name == "" {
		fail("a BNG needs a name")
	} else if err := CheckName(c.Name); err != nil {
		errs = append(errs, err)
	}
	for _, name := range append([]string{c.Group}, c.Formerly...) {
		if err := CheckName(name); err != nil {
			errs = append(errs, err)
		}
	}
	if !c.Address.IsValid() || c.Address.IsUnspecified() || c.Address.IsMulticast() {
		fail("address is required: where CoA-Requests go")
	}
	switch {
	case c.Via != nil:
		if err := c.Via.Validate(); err != nil {
			fail("proxy %s: %w", c.Via.Name, err)
		}
	case c.Secret.IsZero():
		fail("a secret is required")
	}
	if c.Rate < 0 || c.MaxInFlight < 0 {
		fail("rate and max_in_flight are not negative")
	}
	if c.Dialect == nil {
		fail("a dialect is required")
		return errors.Join(errs...)
	}
	if err := c.checkVia(); err != nil {
		errs = append(errs, err)
	}
	for name := range c.Profiles {
		for _, err := range c.CheckProfile(name) {
			fail("profile %s: %w", name, err)
		}
	}
	errs = append(errs, c.checkForeign()...)
	return errors.Join(errs...)
}

// CheckName says why a BNG or a redundancy group cannot be called so.
func CheckName(name string) error {
	if strings.Contains(name, "/") || strings.HasPrefix(name, unconfigured) {
		return fmt.Errorf("%q is no name for a BNG: no slash, and not beginning with %q", name, unconfigured)
	}
	return nil
}

// CheckProfile says why a profile could not be put in force on this BNG and
// taken away again; nil if it could. The dialect must be set.
func (c *Config) CheckProfile(name string) []error {
	p := c.Profiles[name]
	for _, attribute := range observed(p.Normal) {
		dictionary, err := c.Dialect.Dictionary(c.Options)
		if err != nil {
			return []error{err}
		}
		if _, known := dictionary.Lookup(attribute); !known {
			return []error{fmt.Errorf("normal: %s is no attribute that is known here", attribute)}
		}
	}
	var err error
	if p.Normal, err = fallbacks(p.Normal); err != nil {
		return []error{err}
	}
	return c.Dialect.Check(p, c.Options)
}

// Fingerprint stands for everything that this BNG would be sent because of a
// profile, and where to: what was proved on it holds as long as it stays the
// same. Errors are those of [dialect.Dialect.Steps].
func (c *Config) Fingerprint(profile string) (string, error) {
	p := c.Profiles[profile]
	p.Normal = ResolveNormal(p.Normal, func(string) string { return "" })
	sent, err := c.Dialect.Fingerprint(p, c.Options)
	if err != nil {
		return "", err
	}
	full := *c
	full.setDefaults()
	return fmt.Sprintf("%s@%s/%d/%d/%s/%t", sent, c.Address, full.CoAPort, full.DisconnectPort, c.MessageAuthenticator, !c.OmitEventTimestamp), nil
}

func (c *Config) setDefaults() {
	if len(c.NAS) == 0 {
		c.NAS = []NAS{{IP: c.Address}}
	}
	if c.CoAPort == 0 {
		c.CoAPort = c.Dialect.CoAPort
	}
	if c.DisconnectPort == 0 {
		c.DisconnectPort = c.Dialect.DisconnectPort
	}
	if c.Rate == 0 {
		c.Rate = float64(c.Dialect.Rate)
	}
	if c.MaxInFlight == 0 {
		c.MaxInFlight = c.Dialect.MaxInFlight
	}
	if c.InterimAddresses == "" {
		c.InterimAddresses = c.Dialect.InterimAddresses.List
	}
	if c.Via != nil {
		via := *c.Via
		via.setDefaults()
		c.Via = &via
	}
}

// Fleet is all configured BNGs, and what was learned of them since the start.
// Which they are does not change after NewFleet.
type Fleet struct {
	bngs       []*member
	named      map[string]*member
	former     map[string]*member // by what they were called before
	nas        map[NAS]*member    // by each name that is one BNG's alone and can tell it from all others
	shared     map[string]bool    // identifiers of several BNGs
	sources    map[netip.Addr][]*member
	groups     map[string][]*member
	restricted map[string]bool     // names of restricted profiles, on any BNG
	news       chan struct{}       // capacity 1: a path was heard again
	proxied    map[string]*breaker // by the proxy's name
}

// member is one BNG with what belongs to it at run time.
type member struct {
	Config
	dictionary *radiusx.Dictionary
	pace       *pacer
	path       *breaker // shared with whoever is reached the same way
	refusals   refusals
	surge      surge
	vitals     vitals
	shows      map[string]bool // attributes by which its accounting shows what is in force
	proxyNames []radiusx.Attribute
}

// NewFleet checks the BNGs, each and against each other.
func NewFleet(configs []Config) (*Fleet, error) {
	f := &Fleet{named: make(map[string]*member, len(configs)), former: map[string]*member{}, nas: map[NAS]*member{}, shared: map[string]bool{}, sources: map[netip.Addr][]*member{}, groups: map[string][]*member{}, restricted: map[string]bool{}, news: make(chan struct{}, 1), proxied: map[string]*breaker{}}
	var errs []error
	for _, c := range configs {
		if err := c.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("bng %s: %w", c.Name, err))
			continue
		}
		c.setDefaults()
		dictionary, err := c.Dialect.Dictionary(c.Options)
		if err != nil {
			errs = append(errs, fmt.Errorf("bng %s: %w", c.Name, err))
			continue
		}
		if f.named[c.Name] != nil {
			errs = append(errs, fmt.Errorf("bng %s: the name is given twice", c.Name))
			continue
		}
		m := &member{
			Config: c, dictionary: dictionary, pace: newPacer(c.Rate, c.MaxInFlight), refusals: refusals{named: map[string]*refusal{}},
			shows: map[string]bool{},
		}
		for _, name := range c.Dialect.Shows() {
			m.shows[name] = true
		}
		m.path = f.pathTo(&m.Config)
		m.pace.share = m.surge.share
		m.path.pacers = append(m.path.pacers, m.pace)
		errs = append(errs, f.clash(m), f.join(m))
		f.add(m)
	}
	f.index()
	return f, errors.Join(append(errs, f.checkGroups(), f.checkFormer())...)
}

// pathTo returns the breaker of the way to a BNG.
func (f *Fleet) pathTo(c *Config) *breaker {
	if c.Via == nil {
		return newBreaker(c.Name, f.news)
	}
	if f.proxied[c.Via.Name] == nil {
		f.proxied[c.Via.Name] = newBreaker("proxy "+c.Via.Name, f.news)
	}
	return f.proxied[c.Via.Name]
}

func (f *Fleet) add(m *member) {
	f.bngs, f.named[m.Name] = append(f.bngs, m), m
	for _, p := range m.Profiles {
		f.restricted[p.Restricted] = true
	}
}

// clash reports an address by which another BNG knows itself too: its accounting
// could not be told from the other's. An identifier that several have, and
// addresses that every host has, are no evidence of either.
func (f *Fleet) clash(m *member) error {
	for _, nas := range m.NAS {
		for _, other := range f.bngs {
			if evident(nas.IP) && slices.Contains(other.NAS, nas) {
				return fmt.Errorf("bng %s: names itself like bng %s: %s", m.Name, other.Name, nas)
			}
		}
	}
	return nil
}

// String writes a NAS name for people.
func (n NAS) String() string {
	if n.IP.IsValid() {
		return n.IP.String()
	}
	return n.Identifier
}

// Names lists the configured BNGs in their order.
func (f *Fleet) Names() []string {
	names := make([]string, len(f.bngs))
	for i, m := range f.bngs {
		names[i] = m.Name
	}
	return names
}

// Restricted reports whether an attribute's value is the name of a restricted
// profile on any BNG. Such a value is never what a subscriber should have.
func (f *Fleet) Restricted(value string) bool { return f.restricted[value] }

// Keep lists the attributes of accounting that dialects and normal profiles read.
func (f *Fleet) Keep() []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, m := range f.bngs {
		for _, name := range append(m.Dialect.Wants(), m.Dialect.Shows()...) {
			add(name)
		}
		if len(m.Foreign) > 0 {
			for _, name := range m.carriers() {
				add(name)
			}
		}
		for _, p := range m.Profiles {
			for _, name := range observed(p.Normal) {
				add(name)
			}
		}
		for _, name := range m.OneSessionPer {
			add(name)
		}
	}
	return names
}

// OneSessionPer names the attributes that are one line's, where the BNG of that name,
// or every BNG of the redundancy group, has one session a line; none otherwise.
func (f *Fleet) OneSessionPer(bng string) []string {
	var line []string
	for _, m := range f.bngs {
		switch {
		case m.SessionsUnder() != bng:
		case len(m.OneSessionPer) == 0 || line != nil && !slices.Equal(line, m.OneSessionPer):
			return nil
		default:
			line = m.OneSessionPer
		}
	}
	return line
}
