package store

import (
	"errors"
	"fmt"
	"time"

	"cordon/quarantine"
)

// Password authenticates to Redis. It prints as "<secret>".
type Password string

// String hides the password.
func (Password) String() string { return "<secret>" }

// GoString hides the password from %#v.
func (Password) GoString() string { return `"<secret>"` }

// MarshalText hides the password from JSON and YAML.
func (Password) MarshalText() ([]byte, error) { return []byte("<secret>"), nil }

// Config says which Redis to use and how long to remember. The zero value of a
// field that has a default means the default.
type Config struct {
	// Addrs are host:port, or the path of a Unix socket. With MasterName they
	// are Sentinels; several without it are nodes of a Cluster.
	Addrs      []string
	MasterName string
	DB         int // 0 on a Cluster, which has no other
	Username   string
	Password   Password

	// KeyPrefix begins every key. Two installations that share a Redis need
	// different ones. Default "cordon".
	KeyPrefix string

	// Instance names this instance among those that share the Redis, and keeps its
	// name over a restart. Empty: an instance that was started anew after a crash of
	// Redis does not know which of its own records may be lost.
	Instance string

	// History is how long ended sessions and bindings, and closed cases, are
	// kept. It bounds how old an event may be that can still be attributed.
	// Default 168 h.
	History time.Duration
	// Idle is how long a live session is kept that no accounting record renews.
	// A BNG that sends no Interim-Updates loses sessions that last longer.
	// Default 720 h, at least History.
	Idle time.Duration
	// VerdictMemory is how long a verdict's status and a person's release are
	// remembered. It must be longer than the oldest event that is accepted, or
	// a duplicate would count again and a release would be forgotten too soon.
	// Default 336 h.
	VerdictMemory time.Duration

	// Without is what the server lacks of what every Redis has. For servers that only
	// speak its protocol, in tests and demonstrations; zero: it lacks nothing.
	Without Capabilities

	// Restricted reports whether an attribute's value is the name of a restricted
	// profile; see quarantine.ApplyEvent. Nil: none is.
	Restricted func(quarantine.Attribute) bool
	// Interim is how often a BNG renews its sessions; see quarantine.StaleSince.
	// Nil: not known of any.
	Interim func(bng string) time.Duration
	// Names is what BNGs were called before: what is stored under such a name is
	// read under the present one.
	Names quarantine.BNGNames
	// Now is the clock that wake-ups by accounting are dated with. Nil: the
	// host's.
	Now func() time.Time
}

// Capabilities are what a server may lack.
type Capabilities uint8

// Identity is INFO server, INFO replication and CLIENT INFO, by which a server says
// which process it is and whose data it has. One that lacks it is taken for the same
// server for ever: a restart or a failover of it would not be noticed, and addresses
// would be attributed by what it has lost.
const Identity Capabilities = 1 << iota

// Defaults of Config.
const (
	DefaultKeyPrefix     = "cordon"
	DefaultHistory       = 168 * time.Hour
	DefaultIdle          = quarantine.UnrenewedFor
	DefaultVerdictMemory = 336 * time.Hour
)

// Validate names everything that is wrong with the configuration.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	fault := func(bad bool, field, reason string) {
		if bad {
			errs = append(errs, fmt.Errorf("redis: %s %s", field, reason))
		}
	}
	for _, f := range ValidateServer(c.Addrs, c.MasterName, c.DB) {
		errs = append(errs, fmt.Errorf("redis: %w", f))
	}
	if err := CheckKeyPrefix(c.KeyPrefix); err != nil {
		errs = append(errs, fmt.Errorf("redis: key_prefix: %w", err))
	}
	fault(c.History < time.Minute, "history", "must be at least a minute")
	fault(c.Idle < c.History, "idle", "must be at least history")
	fault(c.VerdictMemory < time.Minute, "verdict memory", "must be at least a minute")
	fault(c.Without&^Identity != 0, "without", "must be store.Identity or nothing")
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.KeyPrefix == "" {
		c.KeyPrefix = DefaultKeyPrefix
	}
	if c.History == 0 {
		c.History = DefaultHistory
	}
	if c.Idle == 0 {
		c.Idle = max(DefaultIdle, c.History)
	}
	if c.VerdictMemory == 0 {
		c.VerdictMemory = DefaultVerdictMemory
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
	return c
}
