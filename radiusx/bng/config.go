package bng

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"cordon/radiusx"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// Config is one BNG.
type Config struct {
	Name string
	// Formerly is what the BNG was called before: sessions that are stored, or were
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
	CheckEventTimestamp  bool // replies stamped more than 300 s off are discarded

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

	Verify LineCheck // the operator's own check of a line; nil: none
}

// NAS is how a BNG names itself: an address, an identifier, or both. Only what is set
// counts.
type NAS struct {
	IP         netip.Addr // NAS-IP-Address or NAS-IPv6-Address
	Identifier string     // NAS-Identifier
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
	return fmt.Sprintf("%s@%s/%d/%d/%s/%t", sent, c.Address, full.CoAPort, full.DisconnectPort, c.MessageAuthenticator,
		!c.OmitEventTimestamp), nil
}

func (c *Config) setDefaults() {
	c.NAS = c.names()
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
	nas        map[NAS]*member    // by each name that is one BNG's alone and distinguishes it from all others
	shared     map[string]bool    // identifiers of several BNGs
	sources    map[netip.Addr][]*member
	groups     map[string][]*member
	restricted map[string]bool     // names of restricted profiles, on any BNG
	changes    chan struct{}       // capacity 1: a path became reachable
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
	observable map[string]bool // attributes by which its accounting shows what is in force
	proxyNames []radiusx.Attribute
}

// NewFleet checks the BNGs, each and against each other.
func NewFleet(configs []Config) (*Fleet, error) {
	if err := validateAll(configs).Err(); err != nil {
		return nil, err
	}
	f := &Fleet{
		named: make(map[string]*member, len(configs)), former: map[string]*member{}, nas: map[NAS]*member{}, shared: map[string]bool{},
		sources: map[netip.Addr][]*member{}, groups: map[string][]*member{}, restricted: map[string]bool{}, changes: make(chan struct{}, 1),
		proxied: map[string]*breaker{},
	}
	for _, c := range configs {
		m, err := newMember(c)
		if err != nil {
			return nil, fmt.Errorf("bng %s: %w", c.Name, err)
		}
		m.path = f.pathTo(&m.Config)
		m.path.pacers = append(m.path.pacers, m.pace)
		f.add(m)
	}
	f.index()
	return f, nil
}

func newMember(c Config) (*member, error) {
	c.setDefaults()
	dictionary, err := c.Dialect.Dictionary(c.Options)
	if err != nil {
		return nil, fmt.Errorf("dialect options: %w", err)
	}
	m := &member{
		Config: c, dictionary: dictionary, pace: newPacer(c.Rate, c.MaxInFlight), refusals: refusals{named: map[string]*refusal{}},
		observable: map[string]bool{},
	}
	for _, name := range c.Dialect.Shows() {
		m.observable[name] = true
	}
	m.pace.share = m.surge.share
	return m, nil
}

// pathTo returns the breaker of the way to a BNG.
func (f *Fleet) pathTo(c *Config) *breaker {
	if c.Via == nil {
		return newBreaker(c.Name, f.changes)
	}
	if f.proxied[c.Via.Name] == nil {
		f.proxied[c.Via.Name] = newBreaker("proxy "+c.Via.Name, f.changes)
	}
	return f.proxied[c.Via.Name]
}

func (f *Fleet) add(m *member) {
	f.bngs, f.named[m.Name] = append(f.bngs, m), m
	if m.Group != "" {
		f.groups[m.Group] = append(f.groups[m.Group], m)
	}
	for _, old := range m.Formerly {
		f.former[old] = m
	}
	for _, p := range m.Profiles {
		f.restricted[p.Restricted] = true
	}
}

// names lists the names of a BNG, each an address or an identifier.
func (c *Config) names() (list []NAS) {
	for _, n := range c.NAS {
		list = append(list, n.names()...)
	}
	if len(list) == 0 {
		return []NAS{{IP: c.Address}}
	}
	return list
}

func (n NAS) names() (list []NAS) {
	if n.IP.IsValid() {
		list = append(list, NAS{IP: n.IP})
	}
	if n.Identifier != "" {
		list = append(list, NAS{Identifier: n.Identifier})
	}
	return list
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

// AccountingAttributes lists the attributes of accounting that dialects and normal profiles read.
func (f *Fleet) AccountingAttributes() []string {
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
