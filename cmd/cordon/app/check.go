package app

import (
	"net/netip"
	"strings"

	"cordon/integration/httpx"
	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/acct"
	"cordon/radiusx/bng"
	"cordon/radiusx/dialect"
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

// check checks everything that the form of the file does not show, and builds the
// parts.
func check(d *document, cfg *Config) *Parts {
	parts := &Parts{}
	loadDialects(d, cfg, parts)
	checkRedis(d, cfg, parts)
	checkHTTP(d, cfg, parts)
	faults, warnings := quarantine.ValidateProfiles(cfg.Profiles)
	d.add(path{"profiles"}, faults)
	d.addWarnings(path{"profiles"}, warnings)
	profiles := quarantine.ProfilesByName(cfg.Profiles)
	checkProxies(d, cfg, parts)
	checkBNGs(d, cfg, parts, profiles)
	checkAccounting(d, cfg, parts)
	d.add(path{"attribution"}, cfg.Attribution.Validate())
	checkSessions(d, cfg, parts)
	d.add(nil, quarantine.ValidateAddressSpaces(cfg.AddressSpaces, roster(cfg)))
	checkTranslatorLogs(d, cfg)
	checkSources(d, cfg)
	d.add(path{"policy"}, cfg.Policy.Validate(profiles, cfg.lacking))
	d.add(path{"limits"}, cfg.Limits.Validate())
	if cfg.CoA.Source != "" {
		if _, err := netip.ParseAddr(cfg.CoA.Source); err != nil {
			d.fail(path{"coa", "source"}, "invalid address %q", cfg.CoA.Source)
		}
	}
	if cfg.Journal.Dir == "" {
		d.fail(path{"journal", "dir"}, "must be set: accepted verdicts are kept there")
	}
	parts.Rules = quarantine.Rulebook{
		Policy: cfg.Policy, Limits: cfg.Limits, Exemptions: loadExemptions(d, cfg), Profiles: profiles,
		MaxSessions: cfg.Attribution.MaxSessions, MaxAge: cfg.Attribution.MaxAge.Std(),
	}
	return parts
}

// lacking lists the BNGs that have no name for a profile.
func (c *Config) lacking(profile string) (bngs []string) {
	for _, b := range c.BNGs {
		if _, has := b.Profiles[profile]; !has {
			bngs = append(bngs, b.Name)
		}
	}
	return bngs
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
