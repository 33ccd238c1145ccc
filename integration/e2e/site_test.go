package e2e

import (
	"fmt"
	"strings"
)

// site is a configuration as an operator would write it.
type site struct {
	name    string // instance
	redis   string // addresses, a space between two
	master  string // Sentinel's name of it; empty: no Sentinel
	journal string // directory
	http    int    // port
	acct    int    // port
	mode    string // empty: enforce
	bngs    []bngSite
	clients string // lines under accounting.clients; empty: all of bngs, sent from loopback
	tokens  string // http.tokens
	key     string // accounting.subscriber_key
	ignore  string // accounting.ignore_sessions
	spool   string // accounting.spool; empty: not written
	retry   string // attribution.retry_for; empty: not written
	rules   string // lines under policy.rules; empty: bots and spam
	limits  string // empty: far above what a test reaches; "default": not written
	pause   string // file
	deaf    bool   // no accounting listener
	more    string // further top-level keys
}

// bngSite is one BNG, known by its name as NAS-Identifier.
type bngSite struct {
	name string
	port int    // of its CoA listener
	nas  string // bngs[].nas; empty: its name as NAS-Identifier
	addr string // empty: 127.0.0.1; of others nas is not written if it is empty
	more string // further lines
}

const wideLimits = "limits: {per_hour: 100000, per_day: 100000, per_bng_per_hour: 100000, per_source_per_hour: 100000}"

// yaml writes the configuration file.
func (s *site) yaml() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("instance: %s", s.name)
	line(`redis: {addrs: ["%s"], master_name: %q}`, strings.ReplaceAll(s.redis, " ", `", "`), s.master)
	line("journal: {dir: %q}", s.journal)
	line("http:\n  listen: 127.0.0.1:%d", s.http)
	if s.tokens != "" {
		line("  tokens: %s", s.tokens)
	}
	if s.deaf {
		line("accounting:\n  clients:")
	} else {
		line("accounting:\n  listen: [\"127.0.0.1:%d\"]\n  clients:", s.acct)
	}
	if s.clients != "" {
		line("%s", s.clients)
	} else {
		line("    - {address: 127.0.0.1/32, secret: %s}", acctSecret)
	}
	if s.key != "" {
		line("  subscriber_key: %s", s.key)
	}
	if s.ignore != "" {
		line("  ignore_sessions: %s", s.ignore)
	}
	if s.spool != "" {
		line("  spool: %s", s.spool)
	}
	if retry := s.retry; retry != "" {
		line("attribution: {tolerance: 300ms, retry_for: %s}", retry)
	} else {
		line("attribution: {tolerance: 300ms}") // tests need not wait 2 s for each verdict
	}
	line("profiles:\n  - {name: block-smtp, severity: 10, reachable: all but mail}")
	line("  - {name: walled-garden, severity: 20, reachable: portal and emergency calls}\n  - {name: disconnect, severity: 30}")
	line("bngs:")
	for _, bng := range s.bngs {
		nas, addr := bng.nas, bng.addr
		if nas == "" && addr == "" {
			nas = "{identifier: " + bng.name + "}"
		}
		if addr == "" {
			addr = "127.0.0.1"
		}
		line("  - name: %s\n    address: %s\n    secret: %s\n    coa_port: %d\n    disconnect_port: %d", bng.name, addr, coaSecret, bng.port,
			bng.port)
		if nas != "" {
			line("    nas: [%s]", nas)
		}
		if bng.more != "" {
			line("%s", bng.more)
			continue
		}
		line("%s", filterID)
	}
	mode := s.mode
	if mode == "" {
		mode = "enforce"
	}
	line("policy:\n  mode: %s\n  rules:", mode)
	if s.rules != "" {
		line("%s", s.rules)
	} else {
		line("    - {name: bots, match: {category: [botnet, malware], min_confidence: 0.7}, profile: walled-garden, for: 72h}")
		line("    - {name: spam, match: {category: [spam]}, profile: block-smtp, for: 24h}")
	}
	switch s.limits {
	case "default":
	case "":
		line("%s", wideLimits)
	default:
		line("%s", s.limits)
	}
	if s.pause != "" {
		line("pause_file: %q", s.pause)
	}
	if s.more != "" {
		line("%s", s.more)
	}
	return b.String()
}

// filterID is a BNG of the generic platform, fast enough not to be waited for.
const filterID = `    dialect: filter-id
    rate: 200
    max_in_flight: 50
    profiles:
      walled-garden: {restricted: GARDEN, normal: INTERNET}
      block-smtp: {restricted: NO-SMTP, normal: INTERNET}`
