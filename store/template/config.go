package template

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"cordon/quarantine"
)

// Password authenticates to Redis. It prints as "<secret>".
type Password string

// String hides the password.
func (Password) String() string { return "<secret>" }

// GoString hides the password from %#v.
func (Password) GoString() string { return `"<secret>"` }

// Server says which Redis the sessions are in.
type Server struct {
	Addrs      []string // host:port or a Unix socket's path; several: Cluster, or Sentinels with MasterName
	MasterName string
	DB         int
	Username   string
	Password   Password
}

// Type is what a key holds.
type Type string

// The types. JSON is a string that holds a JSON object.
const (
	String Type = "string"
	Hash   Type = "hash"
	JSON   Type = "json"
	List   Type = "list"
	Set    Type = "set"
)

// structured reports whether Fields say where values are; else Value does.
func (t Type) structured() bool { return t == Hash || t == JSON }

// Lookup is one way to find sessions: the key, and how to read what is there.
// What is read is a session's record, or leads to one.
type Lookup struct {
	Key  string `yaml:"key"`  // pattern
	Type Type   `yaml:"type"` // default: hash if there are fields, else string
	// Value is the pattern of a string, or of each element of a list or set.
	Value string `yaml:"value"`
	// Fields are the hash fields, or dotted paths in a JSON object, of what they
	// are called here.
	Fields map[string]string `yaml:"fields"`
	// Attributes are the same of RADIUS attributes to keep for dialects.
	Attributes map[string]string `yaml:"attributes"`
}

// isSet reports whether the look-up is configured at all.
func (l *Lookup) isSet() bool {
	return l.Key != "" || l.Type != "" || l.Value != "" || len(l.Fields)+len(l.Attributes) > 0
}

// TimeFormat is how times are written.
type TimeFormat string

// The formats.
const (
	Unix      TimeFormat = "unix"    // seconds since 1970, a fraction may follow
	UnixMilli TimeFormat = "unix_ms" // milliseconds since 1970
	RFC3339   TimeFormat = "rfc3339" // with an offset
)

// Template says where sessions are and how they are written.
type Template struct {
	BySession     Lookup
	BySubscriber  Lookup // required
	ByAddress     Lookup
	ByPrefix      Lookup
	PrefixLengths []int // of ByPrefix: lengths of the prefixes in use
	TimeFormat    TimeFormat
	// SilentAfter is how long a session that no record renews counts as on
	// line; 0: for ever.
	SilentAfter time.Duration
}

// rediswho is what FreeRADIUS' rlm_rediswho writes as it is shipped: a list of
// the newest records of each user. A Stop looks like any other record, so a
// session counts as on line until it is silent.
var rediswho = Template{
	BySubscriber: Lookup{
		Key: "{subscriber}", Type: List, Value: "{updated},{session},{nas_ip},{duration},{address},{*}",
	},
	TimeFormat: Unix, SilentAfter: 45 * time.Minute,
}

var presets = map[string]Template{"rediswho": rediswho}

// Preset returns a ready-made template; false if there is none of that name.
func Preset(name string) (Template, bool) {
	t, ok := presets[name]
	return t, ok
}

// Fault is one thing wrong with a template: at a key of sessions in the
// configuration file.
type Fault struct {
	At      []any // by_session, key
	Message string
}

func (f Fault) Error() string { return fmt.Sprintf("%v: %s", f.At, f.Message) }

// Check names everything that is wrong with the template.
func (t *Template) Check() []Fault {
	_, faults := compile(t)
	return faults
}

// Config is what a Reader works with.
type Config struct {
	Server   Server
	Template Template
	Lag      time.Duration // see quarantine.Present
	MaxAge   time.Duration // see quarantine.Present

	// BNG names the BNG that calls itself so. Required.
	BNG func(ip netip.Addr, identifier string) string
	// NAS lists how the named BNG calls itself. Required.
	NAS func(bng string) (ips []netip.Addr, identifiers []string)
	// Space is the address space of a prefix on a BNG; nil: all is public.
	Space func(bng string, p netip.Prefix) string
	// Ignored reports whether a session is never touched; nil: none is.
	Ignored func(s *quarantine.Session) bool
	// Restricted reports whether a value is a restricted profile's name, which is not
	// kept: it is not what the subscriber should have. Nil: none is.
	Restricted func(quarantine.Attribute) bool
	// Interim is how often a BNG renews its sessions, 0 if that is not known:
	// then Template.SilentAfter counts. Nil: not known of any.
	Interim func(bng string) time.Duration
	// Now is the clock; nil: the host's.
	Now func() time.Time
}

// Validate names everything that is wrong with the configuration.
func (c *Config) Validate() error {
	var wrong []string
	for _, f := range c.Template.Check() {
		wrong = append(wrong, f.Error())
	}
	for what, bad := range map[string]bool{
		"addrs must name a Redis": len(c.Server.Addrs) == 0, "BNG and NAS are required": c.BNG == nil || c.NAS == nil,
		"lag and max_age must be greater than 0": c.Lag <= 0 || c.MaxAge <= 0,
	} {
		if bad {
			wrong = append(wrong, what)
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return fmt.Errorf("sessions: %s", strings.Join(wrong, "; "))
	}
	return nil
}

func (c *Config) setDefaults() {
	if c.Space == nil {
		c.Space = func(string, netip.Prefix) string { return "" }
	}
	if c.Ignored == nil {
		c.Ignored = func(*quarantine.Session) bool { return false }
	}
	if c.Restricted == nil {
		c.Restricted = func(quarantine.Attribute) bool { return false }
	}
	if c.Interim == nil {
		c.Interim = func(string) time.Duration { return 0 }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}
