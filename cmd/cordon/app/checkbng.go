package app

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cordon/integration/linecheck"
	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/bng"
	"cordon/radiusx/bng/proof"
	"cordon/radiusx/dialect"
)

// loadDialects reads the operators' own dictionaries and dialects.
func loadDialects(d *document, cfg *Config, parts *Parts) {
	parts.Dictionary, parts.Dialects = radiusx.Builtin(), dialect.Builtin()
	names := make([]string, len(cfg.Dictionaries))
	for i, file := range cfg.Dictionaries {
		full, err := filepath.Abs(file)
		if err != nil {
			d.fail(path{"dictionaries", i}, "%v", err)
		}
		names[i] = strings.TrimPrefix(full, "/")
	}
	dictionary, notes, err := radiusx.LoadDictionary(parts.Dictionary, os.DirFS("/"), names...)
	if err != nil {
		d.fail(path{"dictionaries"}, "%s", oneLine(err))
		return
	}
	for _, note := range notes {
		d.warn(path{"dictionaries"}, "passed over: %v", note)
	}
	parts.Dictionary = dictionary
	if cfg.DialectsDir == "" {
		return
	}
	own, err := dialect.Load(os.DirFS(cfg.DialectsDir), dictionary)
	if err == nil {
		own, err = parts.Dialects.With(own)
	}
	if err != nil {
		d.fail(path{"dialects_dir"}, "%s", oneLine(err))
		return
	}
	parts.Dialects = own
}

func checkProxies(d *document, cfg *Config, parts *Parts) {
	parts.Proxies = map[string]*bng.Proxy{}
	for i, x := range cfg.Proxies {
		p, before := path{"proxies", i}, len(d.faults)
		proxy := &bng.Proxy{
			Name: x.Name, Address: x.Address, Secret: readRADIUSSecret(d, p, x.Secret, x.SecretFile),
			CoAPort: x.CoAPort, DisconnectPort: x.DisconnectPort, Deadline: x.Deadline.Std(),
		}
		if parts.Proxies[x.Name] != nil {
			d.fail(p.to("name"), "%s is there twice", x.Name)
		}
		if err := proxy.Validate(); err != nil && len(d.faults) == before {
			d.fail(p, "%s", oneLine(err))
		}
		parts.Proxies[x.Name] = proxy
	}
}

// checkVia says where requests go: to the BNG, with its secret, or to a proxy.
func checkVia(d *document, p path, b *BNG, parts *Parts, c *bng.Config) {
	if b.Via == "" {
		c.Secret = readRADIUSSecret(d, p, b.Secret, b.SecretFile)
		return
	}
	if c.Via = parts.Proxies[b.Via]; c.Via == nil {
		d.fail(p.to("via"), "%q is not in proxies", b.Via)
	}
	if b.Secret != "" || b.SecretFile != "" || b.CoAPort != 0 || b.DisconnectPort != 0 {
		d.warn(p.to("via"), "secret and ports of %s are not used: its requests go to proxy %s", b.Name, b.Via)
	}
}

func checkBNGs(d *document, cfg *Config, parts *Parts, profiles map[string]quarantine.Profile) {
	for i := range cfg.BNGs {
		b, p := &cfg.BNGs[i], path{"bngs", i}
		if c, ok := checkBNG(d, p, b, parts, profiles); ok {
			checkProofs(d, p, cfg, &c)
			parts.Fleet = append(parts.Fleet, c)
		}
	}
	checkGroups(d, cfg, parts.Fleet)
	checkRoster(d, cfg, parts)
	warnNames(d, cfg, parts.Fleet)
	if len(d.faults) == 0 {
		if _, err := bng.NewFleet(parts.Fleet); err != nil {
			d.fail(path{"bngs"}, "%v", err)
		}
	}
}

func checkBNG(d *document, p path, b *BNG, parts *Parts, profiles map[string]quarantine.Profile) (bng.Config, bool) {
	before := len(d.faults)
	c := bng.Config{
		Name: b.Name, Formerly: b.Formerly, Group: b.Group, Address: b.Address, Options: b.DialectOptions, Interim: time.Duration(b.Interim),
		SubscriberKey: checkSubscriberKey(d, p.to("subscriber_key"), b.SubscriberKey, parts.Dictionary),
		CoAPort:       b.CoAPort, DisconnectPort: b.DisconnectPort, Rate: b.Rate, MaxInFlight: b.MaxInFlight,
		CheckEventTimestamp: b.CheckEventTimestamp, Foreign: b.ForeignProfiles,
		Profiles: map[string]dialect.Profile{},
	}
	checkVia(d, p, b, parts, &c)
	if err := bng.CheckName(b.Group); err != nil {
		d.fail(p.to("group"), "%v", err)
	}
	if err := c.Role.UnmarshalText([]byte(b.Role)); err != nil {
		d.fail(p.to("role"), "%v", err)
	}
	for i, n := range b.NAS {
		if !n.IP.IsValid() && n.Identifier == "" {
			d.fail(p.to("nas", i), "needs ip or identifier")
		}
		if n.IP.IsValid() {
			c.NAS = append(c.NAS, bng.NAS{IP: n.IP})
		}
		if n.Identifier != "" {
			c.NAS = append(c.NAS, bng.NAS{Identifier: n.Identifier})
		}
	}
	var known bool
	if c.Dialect, known = parts.Dialects.Get(b.Dialect); !known {
		d.fail(p.to("dialect"), "%q is none of %s", b.Dialect, strings.Join(parts.Dialects.Names(), ", "))
		return c, false
	}
	checkInterims(d, p, b, &c)
	checkOneSessionPer(d, p, b, &c, parts)
	checkSigning(d, p, b, &c)
	checkVerify(d, p, b, &c)
	checkBNGProfiles(d, p, b, &c, profiles)
	if len(d.faults) > before {
		return c, false
	}
	if err := c.Validate(); err != nil {
		d.fail(p, "%s", oneLine(err))
		return c, false
	}
	if why := c.ForeignUnseen(); why != "" {
		d.warn(p.to("foreign_profiles"), "%s", why)
	}
	return c, true
}

// checkProofs lets an experimental dialect enforce only what was proved on the
// very BNG.
func checkProofs(d *document, p path, cfg *Config, c *bng.Config) {
	if d.trial {
		return
	}
	for _, missing := range proof.Missing(cfg.Journal.Dir, c, proof.Required(&cfg.Policy, c)) {
		d.fail(p.to("dialect"), "%v", missing)
	}
}

// checkVerify makes the operator's own check ready.
func checkVerify(d *document, p path, b *BNG, c *bng.Config) {
	if b.Verify == nil {
		return
	}
	check, err := linecheck.New(linecheck.Config{Exec: b.Verify.Exec, HTTP: b.Verify.HTTP, Timeout: b.Verify.Timeout.Std()})
	if err != nil {
		d.fail(p.to("verify"), "%s", oneLine(err))
		return
	}
	c.Verify = check
}

// checkSigning says how requests are signed and stamped: as the BNG's entry
// says, else as its make likes it.
func checkSigning(d *document, p path, b *BNG, c *bng.Config) {
	signing := cmp.Or(b.MessageAuthenticator, string(c.Dialect.MessageAuthenticator))
	if err := c.MessageAuthenticator.UnmarshalText([]byte(signing)); err != nil {
		d.fail(p.to("message_authenticator"), "is send, omit or require-reply")
	}
	stamping := cmp.Or(dialect.Stamping(b.EventTimestamp), c.Dialect.EventTimestamp)
	c.OmitEventTimestamp = stamping == dialect.StampOmit
	switch {
	case b.EventTimestamp != "" && b.EventTimestamp != "send" && b.EventTimestamp != "omit":
		d.fail(p.to("event_timestamp"), "is send or omit")
	case c.OmitEventTimestamp && c.Dialect.EventTimestamp == dialect.StampMandatory:
		d.fail(p.to("event_timestamp"), "%s drops requests without it", b.Dialect)
	}
}

// checkInterims says what the BNG's Interim-Updates mean for addresses that they
// leave out: what its entry says, else what is known of its platform.
func checkInterims(d *document, p path, b *BNG, c *bng.Config) {
	switch c.InterimAddresses = dialect.Listing(b.InterimAddresses); c.InterimAddresses {
	case "", dialect.ListsSome, dialect.ListsAll:
	default:
		d.fail(p.to("interim_addresses"), "must be some or all")
	}
}

// checkOneSessionPer reads which attributes name a line, where the BNG has one session
// a line.
func checkOneSessionPer(d *document, p path, b *BNG, c *bng.Config, parts *Parts) {
	for i, name := range b.OneSessionPer {
		if _, known := parts.Dictionary.Lookup(name); !known {
			d.fail(p.to("one_session_per", i), "unknown attribute %q", name)
		}
	}
	c.OneSessionPer = b.OneSessionPer
}

func checkBNGProfiles(d *document, p path, b *BNG, c *bng.Config, profiles map[string]quarantine.Profile) {
	for name, names := range b.Profiles {
		at := p.to("profiles", name)
		switch _, known := profiles[name]; {
		case !known:
			d.fail(at, "%s is not in profiles", name)
		case name == quarantine.Disconnect:
			d.fail(at, "disconnect needs no names on a BNG")
		case names.Restricted == "":
			d.fail(at, "needs restricted: the profile's name on this BNG")
		}
		c.Profiles[name] = dialect.Profile{Restricted: names.Restricted, Normal: names.Normal}
		for _, err := range c.CheckProfile(name) {
			d.fail(at, "%v", err)
		}
		for family, why := range c.Dialect.Uncovered(c.Profiles[name]) {
			d.warn(at, "does not restrict %s: %s", family, why)
		}
		for _, warning := range c.Dialect.Unset(c.Profiles[name], c.Options) {
			d.warn(at, "%s", warning)
		}
	}
}
