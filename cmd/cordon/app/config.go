package app

import (
	"net/netip"
	"os"
	"time"

	"cordon/integration/intake"
	"cordon/quarantine"
	"cordon/store/spool"
	"cordon/store/template"
)

// Config is the configuration file. Its keys are a contract: other programs
// write it.
type Config struct {
	Instance       string                       `yaml:"instance"` // default: host name
	Redis          Redis                        `yaml:"redis"`
	Journal        Journal                      `yaml:"journal"`
	HTTP           HTTP                         `yaml:"http"`
	Accounting     Accounting                   `yaml:"accounting"`
	Attribution    quarantine.AttributionConfig `yaml:"attribution"`
	AddressSpaces  []quarantine.AddressSpace    `yaml:"address_spaces"`
	Sessions       Sessions                     `yaml:"sessions"`
	TranslatorLogs []quarantine.TranslatorLog   `yaml:"translator_logs"`
	Sources        []Source                     `yaml:"sources"`
	CoA            CoA                          `yaml:"coa"`
	Profiles       []quarantine.Profile         `yaml:"profiles"`
	Proxies        []Proxy                      `yaml:"proxies"`
	BNGs           []BNG                        `yaml:"bngs"`
	RetiredBNGs    []quarantine.RetiredBNG      `yaml:"retired_bngs"`
	Policy         quarantine.Policy            `yaml:"policy"`
	Limits         quarantine.Limits            `yaml:"limits"`
	Exemptions     []quarantine.Exemption       `yaml:"exemptions"`
	ExemptionsFile string                       `yaml:"exemptions_file"` // a list like exemptions, read at start
	PauseFile      string                       `yaml:"pause_file"`      // while it exists, nothing new is restricted
	DialectsDir    string                       `yaml:"dialects_dir"`    // *.yaml in it are dialects beside the built-in ones
	Dictionaries   []string                     `yaml:"dictionaries"`    // FreeRADIUS dictionary files, for attributes that are not built in
}

// Redis is where sessions and cases are kept.
type Redis struct {
	Addrs        []string `yaml:"addrs"`       // one: standalone; several: Cluster, or Sentinels if master_name is set
	MasterName   string   `yaml:"master_name"` // Sentinel's name of the master
	DB           int      `yaml:"db"`
	Username     string   `yaml:"username"`
	PasswordFile string   `yaml:"password_file"`
	KeyPrefix    string   `yaml:"key_prefix"`
	AcceptWeak   bool     `yaml:"accept_weak"` // enforce although Redis may forget
}

// Journal is this host's journal.
type Journal struct {
	Dir string `yaml:"dir"`
}

// HTTP is the API's listener and who may use it.
type HTTP struct {
	Listen string  `yaml:"listen"`
	Tokens []Token `yaml:"tokens"`
}

// Token is one caller of the API.
type Token struct {
	Name      string   `yaml:"name"`
	Token     string   `yaml:"token"`
	TokenFile string   `yaml:"token_file"`
	Scopes    []string `yaml:"scopes"`
	Source    string   `yaml:"source"` // verdicts of this source only
}

// Accounting is the RADIUS accounting listener.
type Accounting struct {
	Listen         []string      `yaml:"listen"`         // addresses that the BNGs send to; empty: none
	SubscriberKey  SubscriberKey `yaml:"subscriber_key"` // of BNGs without one of their own
	Subscriber     Subscriber    `yaml:"subscriber"`
	Clients        []Client      `yaml:"clients"`
	IgnoreSessions []Ignore      `yaml:"ignore_sessions"`
	Spool          Spool         `yaml:"spool"`
}

// Subscriber is what is made of the value of subscriber_key.
type Subscriber struct {
	Realm   string `yaml:"realm"`    // keep | strip
	Case    string `yaml:"case"`     // keep | lower
	MapFile string `yaml:"map_file"` // CSV: key,account id
}

// Spool keeps accounting on this host's disk while Redis is unreachable.
type Spool struct {
	Max spool.Size `yaml:"max"` // on disk; 0: none, accounting is not answered while Redis is unreachable
	// AloneFor is how long accounting is answered while this instance cannot reach
	// Redis and another one can; 0: not at all. The others wait so long for what it
	// may have answered.
	AloneFor quarantine.Duration `yaml:"alone_for"`
}

// Client is one sender of accounting: a BNG, or a relay for several.
type Client struct {
	Address    netip.Prefix `yaml:"address"`
	Secret     string       `yaml:"secret"`
	SecretFile string       `yaml:"secret_file"`
	RelayFor   []string     `yaml:"relay_for"` // if set, it is a relay, and may speak for these BNGs

	UnreportedDelay quarantine.Duration `yaml:"unreported_delay"` // how long records may wait beyond Acct-Delay-Time; 0: the default
}

// Ignore describes sessions that are seen and never touched.
type Ignore struct {
	Realm     string `yaml:"realm"`
	NASPortID string `yaml:"nas_port_id"` // * is any text
}

// Source is what is known about a sender of verdicts.
type Source struct {
	quarantine.VerdictSource `yaml:",inline"`

	Quota intake.Quota `yaml:"quota"` // verdicts it may send; default: 100000/h
}

// CoA is about dynamic authorization as a whole.
type CoA struct {
	Source string `yaml:"source"` // local address that the BNGs trust
}

// Addr is that address; invalid: any.
func (c CoA) Addr() netip.Addr {
	if c.Source == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(c.Source) // checked with the configuration
}

// Proxy is an AAA server that forwards our requests to BNGs.
type Proxy struct {
	Name           string              `yaml:"name"`
	Address        netip.Addr          `yaml:"address"`
	Secret         string              `yaml:"secret"`
	SecretFile     string              `yaml:"secret_file"`
	CoAPort        uint16              `yaml:"coa_port"`
	DisconnectPort uint16              `yaml:"disconnect_port"`
	Deadline       quarantine.Duration `yaml:"deadline"` // how long it tries a BNG before it gives up
}

// BNG is one BNG.
type BNG struct {
	Name                 string                `yaml:"name"`
	Formerly             []string              `yaml:"formerly"` // what it, or its group, was called before
	Group                string                `yaml:"group"`    // redundancy group: its sessions may move to the others of it
	Address              netip.Addr            `yaml:"address"`
	Via                  string                `yaml:"via"` // name of a proxy
	NAS                  []NAS                 `yaml:"nas"`
	SubscriberKey        SubscriberKey         `yaml:"subscriber_key"` // default: accounting.subscriber_key
	Role                 string                `yaml:"role"`           // bng | lac | lns
	Secret               string                `yaml:"secret"`
	SecretFile           string                `yaml:"secret_file"`
	Dialect              string                `yaml:"dialect"`
	DialectOptions       map[string]string     `yaml:"dialect_options"`
	CoAPort              uint16                `yaml:"coa_port"`
	DisconnectPort       uint16                `yaml:"disconnect_port"`
	MessageAuthenticator string                `yaml:"message_authenticator"` // send | omit | require-reply; default: the dialect's
	EventTimestamp       string                `yaml:"event_timestamp"`       // send | omit; default: the dialect's
	CheckEventTimestamp  bool                  `yaml:"check_event_timestamp"` // discard replies that are stamped more than 300 s off
	Rate                 float64               `yaml:"rate"`
	MaxInFlight          int                   `yaml:"max_in_flight"`
	Interim              quarantine.Interim    `yaml:"interim"`           // how often sessions are renewed
	InterimAddresses     string                `yaml:"interim_addresses"` // some | all; default: the dialect's
	OneSessionPer        []string              `yaml:"one_session_per"`   // attributes that name a line, where it has one session a line
	ForeignProfiles      []string              `yaml:"foreign_profiles"`  // values that others set; * is any text
	Verify               *Verify               `yaml:"verify"`
	Profiles             map[string]BNGProfile `yaml:"profiles"`
}

// Verify is the operator's own check of what is in force on a line: one of
// exec and http.
type Verify struct {
	Exec    []string            `yaml:"exec"`    // program and arguments
	HTTP    string              `yaml:"http"`    // URL
	Timeout quarantine.Duration `yaml:"timeout"` // for one answer; default 5 s
}

// NAS is a name of a BNG in its accounting.
type NAS struct {
	IP         netip.Addr `yaml:"ip"`
	Identifier string     `yaml:"identifier"`
}

// BNGProfile is a profile's name on a BNG, and what to restore.
type BNGProfile struct {
	Restricted string `yaml:"restricted"`
	Normal     string `yaml:"normal"` // overlay, a name, or $Attribute|fallback; see bng.ResolveNormal
}

// Default returns the configuration that a file's keys are laid over.
func Default() Config {
	host, err := os.Hostname()
	if err != nil {
		host = "cordon"
	}
	return Config{
		Instance: host,
		Redis:    Redis{Addrs: []string{"127.0.0.1:6379"}, KeyPrefix: "cordon"},
		Journal:  Journal{Dir: "/var/lib/cordon"},
		HTTP:     HTTP{Listen: "127.0.0.1:8480"},
		Accounting: Accounting{SubscriberKey: SubscriberKey{"User-Name"},
			Spool: Spool{Max: 1e9, AloneFor: quarantine.Duration(30 * time.Minute)}},
		Attribution: quarantine.DefaultAttribution,
		Sessions:    Sessions{Source: fromAccounting, Settings: template.DefaultSettings},
		Policy:      quarantine.Policy{Mode: quarantine.ModeShadow},
		Limits:      quarantine.DefaultLimits,
	}
}
