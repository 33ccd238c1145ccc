package bng

import (
	"net/netip"
	"slices"
	"time"

	"layeh.com/radius"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/coa"
)

// Proxy is an AAA server that hands our requests on to BNGs (RFC 8559;
// FreeRADIUS calls it coa-relay).
type Proxy struct {
	Name    string
	Address netip.Addr
	Secret  radiusx.Secret // between it and us; the BNGs' are its own business

	CoAPort        uint16 // 0: 3799
	DisconnectPort uint16 // 0: CoAPort

	// Deadline is how long it tries a BNG before it gives up, 1 s to 30 s; 0: 30 s.
	Deadline time.Duration
}

// MaxProxyDeadline is RFC 5080's MRD. Five transmissions of ours, the most
// there are, last a little longer than such a proxy takes.
const MaxProxyDeadline = 30 * time.Second

// proxyMargin is for the way to the proxy and back.
const proxyMargin = 5 * time.Second

// Validate checks the configuration. Paths are those of an entry of proxies.
func (p *Proxy) Validate() quarantine.Faults {
	var f quarantine.Faults
	if p.Name == "" {
		f = append(f, fault("name", "must not be empty"))
	}
	if !hostAddress(p.Address) {
		f = append(f, fault("address", "must be that of a host: requests for the BNGs behind it go there"))
	}
	if p.Secret.IsZero() {
		f = append(f, fault("secret", "must not be empty"))
	}
	if p.Deadline != 0 && (p.Deadline < time.Second || p.Deadline > MaxProxyDeadline) {
		f = append(f, fault("deadline", "must be from 1s to %s", quarantine.FormatDuration(MaxProxyDeadline)))
	}
	return f
}

func (p *Proxy) setDefaults() {
	if p.CoAPort == 0 {
		p.CoAPort = 3799
	}
	if p.DisconnectPort == 0 {
		p.DisconnectPort = p.CoAPort
	}
	if p.Deadline == 0 {
		p.Deadline = MaxProxyDeadline
	}
}

// validateVia checks that the BNG can be reached through its proxy, which finds it
// by NAS attributes: a platform may refuse those.
func (c *Config) validateVia() quarantine.Faults {
	if c.Via == nil {
		return nil
	}
	f := c.Via.Validate().Under("via")
	for _, never := range slices.Concat(c.Dialect.Identifiers.Never, c.Dialect.Disconnect.Never) {
		for _, a := range c.nasAttributes(nil) {
			if never.Attribute == a.Name {
				return append(f, fault("via", "requests through a proxy name the BNG by %s, which %s must not get: %s", a.Name,
					c.Dialect.Name, never.Reason))
			}
		}
	}
	return f
}

// nasAttributes name the BNG to a proxy: the first address and the first
// identifier that it calls itself in accounting and that are no other's, else the
// address where CoA goes. By any other name the proxy might find another BNG.
func (c *Config) nasAttributes(shared map[string]bool) []radiusx.Attribute {
	own := slices.DeleteFunc(slices.Clone(c.names()), func(n NAS) bool { return !n.Distinctive() || shared[n.Identifier] })
	if len(own) == 0 {
		own = []NAS{{IP: c.Address}}
	}
	return attributesOf(own)
}

// attributesOf writes names of a NAS as attributes, the first of each kind.
func attributesOf(names []NAS) []radiusx.Attribute {
	var list []radiusx.Attribute
	for _, n := range names {
		one := n.attribute()
		if !slices.ContainsFunc(list, func(a radiusx.Attribute) bool { return a.Name == one.Name }) {
			list = append(list, one)
		}
	}
	return list
}

// attribute is the attribute that has the name.
func (n NAS) attribute() radiusx.Attribute {
	switch {
	case n.Identifier != "":
		return radiusx.Attribute{Name: "NAS-Identifier", Value: n.Identifier}
	case n.IP.Is4():
		return radiusx.Attribute{Name: "NAS-IP-Address", Value: n.IP.String()}
	}
	return radiusx.Attribute{Name: "NAS-IPv6-Address", Value: n.IP.String()}
}

// addressed returns the attributes of a request, with the BNG named first if a
// proxy must find it. What is sent behind them counts as named too.
func (m *member) addressed(attributes []radiusx.Attribute, behind radius.Attributes) []radiusx.Attribute {
	if m.Via == nil {
		return attributes
	}
	var missing []radiusx.Attribute
	named := slices.Concat(attributes, m.dictionary.Decode(behind))
	for _, nas := range m.proxyNames {
		if !slices.ContainsFunc(named, func(a radiusx.Attribute) bool { return a.Name == nas.Name }) {
			missing = append(missing, nas)
		}
	}
	return append(missing, attributes...)
}

// peer is where a request of that kind goes, and the secret shared with whoever
// is there.
func (m *member) peer(code radius.Code) (netip.AddrPort, radiusx.Secret) {
	address, secret, port, disconnect := m.Address, m.Secret, m.CoAPort, m.DisconnectPort
	if m.Via != nil {
		address, secret, port, disconnect = m.Via.Address, m.Via.Secret, m.Via.CoAPort, m.Via.DisconnectPort
	}
	if code == radius.CodeDisconnectRequest {
		port = disconnect
	}
	return netip.AddrPortFrom(address, port), secret
}

// exchangeTimeout is how long an exchange that would get that long from a BNG gets:
// longer than the proxy's own deadline.
func (m *member) exchangeTimeout(direct time.Duration) time.Duration {
	if m.Via == nil {
		return direct
	}
	return max(direct, m.Via.Deadline+proxyMargin)
}

// lateDuplicate is how long after an order a late duplicate of it may still act: our last
// transmission may start the proxy's own tries anew. 0: as with any BNG.
func (m *member) lateDuplicate() time.Duration {
	if m.Via == nil {
		return 0
	}
	return m.exchangeTimeout(0) + m.Via.Deadline + proxyMargin
}

// repliedByProxy reports whether a reply is the proxy's own and says nothing of the
// BNG.
func (m *member) repliedByProxy(result coa.Result) bool {
	return m.Via != nil && result.Kind == coa.NAK && coa.LookupErrorCause(result.ErrorCause).ByProxy
}
