package app

import (
	"os"
	"path/filepath"
	"slices"
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
		d.warn(path{"dictionaries"}, "skipped: %v", note)
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
		p := path{"proxies", i}
		proxy := &bng.Proxy{
			Name: x.Name, Address: x.Address, Secret: readRADIUSSecret(d, p, x.Secret, x.SecretFile),
			CoAPort: x.CoAPort, DisconnectPort: x.DisconnectPort, Deadline: x.Deadline.Std(),
		}
		if parts.Proxies[x.Name] != nil {
			d.fail(p.to("name"), "duplicate name %q", x.Name)
		}
		d.add(p, besides(proxy.Validate(), "secret"))
		parts.Proxies[x.Name] = proxy
	}
}

// besides leaves out faults of what was a fault already when it was read: at these paths
// and, where they end in a dot, below them.
func besides(faults quarantine.Faults, read ...string) quarantine.Faults {
	return slices.DeleteFunc(faults, func(f quarantine.Fault) bool {
		return slices.ContainsFunc(read, func(r string) bool { return f.Path == r || strings.HasSuffix(r, ".") && strings.HasPrefix(f.Path, r) })
	})
}

// checkVia says where requests go: to the BNG, with its secret, or to a proxy.
func checkVia(d *document, p path, b *BNG, parts *Parts, c *bng.Config) {
	if b.Via == "" {
		c.Secret = readRADIUSSecret(d, p, b.Secret, b.SecretFile)
		return
	}
	if c.Via = parts.Proxies[b.Via]; c.Via == nil {
		d.fail(p.to("via"), "unknown proxy %q: must be one of proxies", b.Via)
	}
	if b.Secret != "" || b.SecretFile != "" || b.CoAPort != 0 || b.DisconnectPort != 0 {
		d.warn(p.to("via"), "secret and ports of %s are not used: its requests go to proxy %s", b.Name, b.Via)
	}
}

// checkBNGs builds the fleet: a configuration for each entry of bngs, in their order.
func checkBNGs(d *document, cfg *Config, parts *Parts, profiles map[string]quarantine.Profile) {
	before := len(d.faults)
	for i := range cfg.BNGs {
		parts.Fleet = append(parts.Fleet, checkBNG(d, path{"bngs", i}, cfg, i, parts, profiles))
	}
	d.add(nil, bng.ValidateFleet(parts.Fleet))
	checkRoster(d, cfg, parts)
	d.addWarnings(nil, bng.FleetWarnings(parts.Fleet, cfg.relayed))
	faulty := slices.ContainsFunc(parts.Fleet, func(c bng.Config) bool { return c.Via != nil && len(c.Via.Validate()) > 0 })
	if len(d.faults) == before && !faulty {
		if _, err := bng.NewFleet(parts.Fleet); err != nil {
			d.fail(path{"bngs"}, "%s", oneLine(err))
		}
	}
}

// relayed reports whether a relay sends the accounting of a BNG.
func (c *Config) relayed(bng string) bool {
	return slices.ContainsFunc(c.Accounting.Clients, func(client Client) bool { return slices.Contains(client.RelayFor, bng) })
}

func checkBNG(d *document, p path, cfg *Config, i int, parts *Parts, profiles map[string]quarantine.Profile) bng.Config {
	b, before := &cfg.BNGs[i], len(d.faults)
	c := bng.Config{
		Name: b.Name, Formerly: b.Formerly, Group: b.Group, Address: b.Address, Options: b.DialectOptions, Interim: time.Duration(b.Interim),
		SubscriberKey: checkSubscriberKey(d, p.to("subscriber_key"), b.SubscriberKey, parts.Dictionary),
		CoAPort:       b.CoAPort, DisconnectPort: b.DisconnectPort, Rate: b.Rate, MaxInFlight: b.MaxInFlight,
		CheckEventTimestamp: b.CheckEventTimestamp, Foreign: b.ForeignProfiles, InterimAddresses: dialect.Listing(b.InterimAddresses),
		OneSessionPer: b.OneSessionPer, Profiles: map[string]dialect.Profile{},
	}
	for _, n := range b.NAS {
		c.NAS = append(c.NAS, bng.NAS(n))
	}
	for name, names := range b.Profiles {
		c.Profiles[name] = dialect.Profile{Restricted: names.Restricted, Normal: names.Normal}
	}
	checkVia(d, p, b, parts, &c)
	if err := c.Role.UnmarshalText([]byte(b.Role)); err != nil {
		d.fail(p.to("role"), "%v", err)
	}
	var known bool
	if c.Dialect, known = parts.Dialects.Get(b.Dialect); known {
		d.add(p, c.Sign(b.MessageAuthenticator, b.EventTimestamp))
	} else {
		d.fail(p.to("dialect"), "unknown dialect %q: must be one of %s", b.Dialect, strings.Join(parts.Dialects.Names(), ", "))
	}
	checkVerify(d, p, b, &c)
	checkNames(d, p, b, parts, profiles)
	d.add(p, besides(c.Validate(), "secret", "dialect", "via."))
	if len(d.faults) == before {
		d.addWarnings(p, c.Warnings())
		checkProofs(d, p, cfg, &c)
	}
	return c
}

// checkNames checks what a BNG's entry refers to elsewhere: profiles, and attributes of
// the dictionary.
func checkNames(d *document, p path, b *BNG, parts *Parts, profiles map[string]quarantine.Profile) {
	for name := range b.Profiles {
		at := p.to("profiles", name)
		if _, known := profiles[name]; !known {
			d.fail(at, "unknown profile %q: must be one of profiles", name)
		} else if name == quarantine.Disconnect {
			d.fail(at, "disconnect must have no names on a BNG")
		}
	}
	for i, name := range b.OneSessionPer {
		if _, known := parts.Dictionary.Lookup(name); !known {
			d.fail(p.to("one_session_per", i), "unknown attribute %q", name)
		}
	}
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

// checkVerify builds the operator's own check.
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
