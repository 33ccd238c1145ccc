package app

import (
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"cordon/integration/httpx"
	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/acct"
	"cordon/radiusx/bng"
	"cordon/radiusx/dialect"
	"cordon/store/spool"
	"cordon/store/template"
)

// Parts are what the configuration becomes when its secrets are read and its
// names are looked up.
type Parts struct {
	Dictionary    *radiusx.Dictionary
	Dialects      *dialect.Set
	Proxies       map[string]*bng.Proxy // by name
	Fleet         []bng.Config
	Names         quarantine.BNGNames // former and retired BNGs
	Clients       []acct.Client
	Ignore        []bng.Ignore
	Keys          *bng.SubscriberKeys
	Key           bng.SubscriberKey // accounting.subscriber_key
	Rules         quarantine.Rulebook
	Tokens        []httpx.Token
	RedisPassword string

	Sessions        template.Template // where another program keeps sessions; only with that source
	SessionPassword string            // of sessions.redis
}

// check looks at everything that the form of the file does not show, and builds
// the parts.
func check(d *document, cfg *Config) *Parts {
	parts := &Parts{}
	loadDialects(d, cfg, parts)
	checkRedis(d, cfg, parts)
	checkHTTP(d, cfg, parts)
	profiles := checkProfiles(d, cfg)
	checkProxies(d, cfg, parts)
	checkBNGs(d, cfg, parts, profiles)
	checkAccounting(d, cfg, parts)
	checkAttribution(d, cfg)
	checkSessions(d, cfg, parts)
	checkAddressSpaces(d, cfg, parts)
	checkTranslatorLogs(d, cfg)
	checkSources(d, cfg)
	checkPolicy(d, cfg, profiles)
	if cfg.CoA.Source != "" {
		if _, err := netip.ParseAddr(cfg.CoA.Source); err != nil {
			d.fail(path{"coa", "source"}, "%q is no address", cfg.CoA.Source)
		}
	}
	if cfg.Journal.Dir == "" {
		d.fail(path{"journal", "dir"}, "is required: accepted verdicts are kept there")
	}
	parts.Rules = quarantine.Rulebook{
		Policy: cfg.Policy, Limits: cfg.Limits, Exemptions: presentExemptions(d, cfg, parts, loadExemptions(d, cfg)), Profiles: profiles,
		MaxSessions: cfg.Attribution.MaxSessions, MaxAge: cfg.Attribution.MaxAge.Std(),
	}
	return parts
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

func checkRedis(d *document, cfg *Config, parts *Parts) {
	parts.RedisPassword = checkServer(d, path{"redis"}, cfg.Redis.Addrs, cfg.Redis.PasswordFile)
	if cfg.Redis.KeyPrefix == "" || strings.ContainsAny(cfg.Redis.KeyPrefix, "{}: ") {
		d.fail(path{"redis", "key_prefix"}, "is a word without braces, colons and spaces")
	}
	if len(cfg.Redis.Addrs) > 1 && cfg.Redis.MasterName == "" && cfg.Redis.DB != 0 {
		d.fail(path{"redis", "db"}, "a Cluster has only database 0")
	}
}

func checkHTTP(d *document, cfg *Config, parts *Parts) {
	host, _, err := net.SplitHostPort(cfg.HTTP.Listen)
	if err != nil {
		d.fail(path{"http", "listen"}, "%q is no host:port", cfg.HTTP.Listen)
	} else if len(cfg.HTTP.Tokens) == 0 {
		if addr, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !addr.IsLoopback()) {
			d.fail(path{"http", "listen"}, "%s is no loopback address: an API that others can reach needs http.tokens", cfg.HTTP.Listen)
		} else {
			d.warn(path{"http"}, "no tokens: everybody on this host may do everything")
		}
	}
	names := map[string]int{}
	for i, t := range cfg.HTTP.Tokens {
		p := path{"http", "tokens", i}
		names[t.Name]++
		if names[t.Name] == 2 {
			d.fail(p.to("name"), "%s is there twice", t.Name)
		}
		secret := readSecret(d, p, "token", t.Token, t.TokenFile)
		if secret.IsZero() {
			continue
		}
		checkToken(d, p, t, string(secret.Bytes()), parts)
	}
}

// checkToken makes the token that the server keeps.
func checkToken(d *document, p path, t Token, value string, parts *Parts) {
	scopes := make([]httpx.Scope, len(t.Scopes))
	for i, s := range t.Scopes {
		scopes[i] = httpx.Scope(s)
	}
	token, err := httpx.NewToken(t.Name, value, scopes, t.Source)
	if err != nil {
		d.fail(p, "%v", err)
		return
	}
	if token.Weak() {
		d.warn(p, "the token is weak: use 32 random characters or more")
	}
	parts.Tokens = append(parts.Tokens, token)
}

// readSecret returns the secret given as key or in the file named by key_file.
func readSecret(d *document, p path, key, value, file string) radiusx.Secret {
	var secret radiusx.Secret
	switch {
	case value != "" && file != "":
		d.fail(p.to(key), "give %s or %s_file, not both", key, key)
	case value != "":
		secret, _ = radiusx.NewSecret(value) // refuses only an empty one
	case file != "":
		var err error
		if secret, err = radiusx.ReadSecret(file); err != nil {
			d.fail(p.to(key+"_file"), "%v", err)
		}
	default:
		d.fail(p, "needs %s or %s_file", key, key)
	}
	return secret
}

func readRADIUSSecret(d *document, p path, value, file string) radiusx.Secret {
	secret := readSecret(d, p, "secret", value, file)
	if !secret.IsZero() && secret.Weak() {
		d.warn(p, "the secret is weak: use 32 random characters or more")
	}
	return secret
}

func checkProfiles(d *document, cfg *Config) map[string]quarantine.Profile {
	profiles := make(map[string]quarantine.Profile, len(cfg.Profiles))
	for i, p := range cfg.Profiles {
		switch _, twice := profiles[p.Name]; {
		case p.Name == "":
			d.fail(path{"profiles", i}, "needs a name")
		case twice:
			d.fail(path{"profiles", i, "name"}, "%s is there twice", p.Name)
		case p.Name != quarantine.Disconnect && p.Reachable == "":
			d.warn(path{"profiles", i}, "%s does not say what stays reachable; emergency calls above all", p.Name)
		}
		profiles[p.Name] = p
	}
	return profiles
}

// Bounds of accounting.spool.alone_for. Shorter than the first is a cut cable that
// is put back; others may go on for so long after the answer of one that reaches
// Redis again.
const (
	shortestAlone = time.Minute
	longestAlone  = 168 * time.Hour
)

func checkAccounting(d *document, cfg *Config, parts *Parts) {
	for i, listen := range cfg.Accounting.Listen {
		host, _, err := net.SplitHostPort(listen)
		if err != nil {
			d.fail(path{"accounting", "listen", i}, "%q is no address:port", listen)
		} else if addr, err := netip.ParseAddr(host); err != nil || addr.IsUnspecified() {
			d.fail(path{"accounting", "listen", i}, "give the address that the BNGs send to, so that answers leave from it")
		}
	}
	parts.Key = checkSubscriberKey(d, path{"accounting", "subscriber_key"}, cfg.Accounting.SubscriberKey, parts.Dictionary)
	if most := int64(cfg.Accounting.Spool.Max); most > 0 && most < spool.MinMax {
		d.fail(path{"accounting", "spool", "max"}, "is at least 1MiB, or 0 for no spool")
	}
	if alone := cfg.Accounting.Spool.AloneFor.Std(); alone < 0 || alone > 0 && alone < shortestAlone || alone > longestAlone {
		d.fail(path{"accounting", "spool", "alone_for"}, "must be from %s to %s, or 0 to answer nothing that Redis does not take",
			quarantine.FormatDuration(shortestAlone), quarantine.FormatDuration(longestAlone))
	}
	checkSubscriber(d, cfg, parts)
	if len(cfg.Accounting.Listen) > 0 && len(cfg.Accounting.Clients) == 0 {
		d.fail(path{"accounting", "clients"}, "nobody may send accounting: name the BNGs or the relay")
	}
	for i, c := range cfg.Accounting.Clients {
		p := path{"accounting", "clients", i}
		if !c.Address.IsValid() {
			d.fail(p, "needs an address, such as 192.0.2.1/32")
		}
		for n, name := range c.RelayFor {
			if !slices.ContainsFunc(cfg.BNGs, func(b BNG) bool { return b.Name == name }) {
				d.fail(p.to("relay_for", n), "%s is not in bngs%s", name, calledNow(parts, name))
			}
		}
		client := acct.Client{
			Prefix: c.Address, Secret: readRADIUSSecret(d, p, c.Secret, c.SecretFile), Relay: len(c.RelayFor) > 0, RelayFor: c.RelayFor,
			UnreportedDelay: c.UnreportedDelay.Std(),
		}
		if err := client.Validate(); err != nil && c.Address.IsValid() && !client.Secret.IsZero() {
			d.fail(p, "%v", err)
		}
		parts.Clients = append(parts.Clients, client)
	}
	for i, ignore := range cfg.Accounting.IgnoreSessions {
		if ignore == (Ignore{}) {
			d.fail(path{"accounting", "ignore_sessions", i}, "would ignore every session; name realm or nas_port_id")
		}
		parts.Ignore = append(parts.Ignore, bng.Ignore(ignore))
	}
}

func checkAttribution(d *document, cfg *Config) {
	a := &cfg.Attribution
	for _, amount := range []struct {
		key   string
		value quarantine.Duration
	}{{"tolerance", a.Tolerance}, {"retry_for", a.RetryFor}, {"max_age", a.MaxAge}, {"history", a.History}} {
		if amount.value < 0 || (amount.value == 0 && amount.key != "tolerance") {
			d.fail(path{"attribution", amount.key}, "must be longer than nothing")
		}
	}
	if a.History < a.MaxAge {
		d.fail(path{"attribution", "history"}, "is shorter than max_age (%s): who held an address would be forgotten before verdicts are too old", a.MaxAge)
	}
	if a.MaxSessions < 1 {
		d.fail(path{"attribution", "max_sessions"}, "is 1 or more")
	}
}

// checkAddressSpaces looks whether every address of a space is in one only, for
// each BNG and each source.
func checkAddressSpaces(d *document, cfg *Config, parts *Parts) {
	names := map[string]bool{}
	for i, s := range cfg.AddressSpaces {
		p := path{"address_spaces", i}
		switch {
		case !spaceName.MatchString(s.Name):
			d.fail(p, "name: %q is no name: lower case, digits and dashes", s.Name)
		case names[s.Name]:
			d.fail(p.to("name"), "%s is there twice", s.Name)
		case len(s.Prefixes) == 0:
			d.fail(p, "needs prefixes")
		case len(s.BNGs) == 0:
			d.fail(p, "needs bngs: whose sessions hold these addresses")
		}
		names[s.Name] = true
		for n, bng := range s.BNGs {
			if !slices.ContainsFunc(cfg.BNGs, func(b BNG) bool { return b.Name == bng }) {
				d.fail(p.to("bngs", n), "%s is not in bngs%s", bng, calledNow(parts, bng))
			}
		}
		for _, other := range cfg.AddressSpaces[:i] {
			if clash := clashing(&s, &other); clash != "" {
				d.fail(p, "overlaps with address space %s for %s", other.Name, clash)
			}
		}
	}
}

var spaceName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// clashing names a BNG or source for which an address would be in both spaces.
func clashing(a, b *quarantine.AddressSpace) string {
	overlap := slices.ContainsFunc(a.Prefixes, func(p netip.Prefix) bool { return slices.ContainsFunc(b.Prefixes, p.Overlaps) })
	if !overlap {
		return ""
	}
	for kind, lists := range map[string][2][]string{"BNG": {a.BNGs, b.BNGs}, "source": {a.Sources, b.Sources}} {
		for _, name := range lists[0] {
			if slices.Contains(lists[1], name) {
				return kind + " " + name
			}
		}
	}
	return ""
}

func checkSources(d *document, cfg *Config) {
	names := map[string]bool{}
	for i, s := range cfg.Sources {
		p := path{"sources", i}
		switch {
		case s.Name == "":
			d.fail(p, "needs a name")
		case names[s.Name]:
			d.fail(p.to("name"), "%s is there twice", s.Name)
		case s.Kind != "" && s.Kind != "stream" && s.Kind != "batch":
			d.fail(p.to("kind"), "is stream or batch")
		case s.MaxAge > cfg.Attribution.MaxAge:
			d.fail(p.to("max_age"), "is longer than attribution.max_age (%s)", cfg.Attribution.MaxAge)
		case s.Tolerance < 0 || s.MaxAge < 0:
			d.fail(p, "durations are not negative")
		}
		names[s.Name] = true
	}
}

func checkPolicy(d *document, cfg *Config, profiles map[string]quarantine.Profile) {
	names := map[string]bool{}
	for i := range cfg.Policy.Rules {
		r, p := &cfg.Policy.Rules[i], path{"policy", "rules", i}
		if r.Name == "" {
			d.fail(p, "needs a name")
		} else if names[r.Name] {
			d.fail(p.to("name"), "%s is there twice", r.Name)
		}
		names[r.Name] = true
		if r.For <= 0 {
			d.fail(p, "needs for: how long the restriction lasts")
		}
		if c := r.Match.MinConfidence; c != nil && (*c < 0 || *c > 1) {
			d.fail(p.to("match", "min_confidence"), "is between 0 and 1")
		}
		if t := r.Threshold; t.Count < 0 || t.Sources < 0 || t.Sum < 0 || t.Within < 0 {
			d.fail(p.to("threshold"), "amounts are not negative")
		}
		checkRuleProfile(d, p.to("profile"), r.Profile, cfg, profiles)
	}
	l := cfg.Limits
	if l.PerHour < 0 || l.PerDay < 0 || l.PerBNGPerHour < 0 || l.PerSourcePerHour < 0 {
		d.fail(path{"limits"}, "are not negative; 0 means that the limit does not exist")
	}
}

// checkRuleProfile asks that a rule's profile can be had on every BNG.
func checkRuleProfile(d *document, p path, profile string, cfg *Config, profiles map[string]quarantine.Profile) {
	if _, known := profiles[profile]; !known {
		d.fail(p, "%q is not in profiles", profile)
		return
	}
	if profile == quarantine.Disconnect {
		return
	}
	for _, b := range cfg.BNGs {
		if _, has := b.Profiles[profile]; !has {
			d.fail(p, "bng %s has no %s under its profiles", b.Name, profile)
		}
	}
}
