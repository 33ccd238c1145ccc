package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordon/integration/httpx"
	"cordon/quarantine"
)

// Bounds of what a person may ask for.
const (
	MaxFor  = 365 * 24 * time.Hour // longest restriction; longer is a contract matter, not a quarantine
	MaxWait = time.Minute          // longest ?wait=
)

// commander carries out what people decide. The running engine is one. Errors
// are the domain's: *FieldError, *CommandError, ErrNoCase, ErrConflict,
// ErrDeferred (which may be a *DeferredError); any other means that the store or the log does not answer.
type commander interface {
	// Quarantine opens or turns the subscriber's case; a dry run writes and sends
	// nothing and returns the case as it would be, its Version 0 if it would be new.
	Quarantine(ctx context.Context, w quarantine.ManualQuarantine, dryRun bool) (*quarantine.Case, error)
	Extend(ctx context.Context, id, by, reason string, d time.Duration) (*quarantine.Case, error)
	Note(ctx context.Context, id, by, text string) (*quarantine.Case, error)
}

// releaser ends cases, and sees to releases that do not get through.
type releaser interface {
	Release(ctx context.Context, id, by, reason string, code quarantine.ReleaseCode) (*quarantine.Case, error)
	Retry(ctx context.Context, id, by, reason string) (*quarantine.Case, error)
	// GiveUp is about one session, or with the zero key about all of the case.
	GiveUp(ctx context.Context, id, by, reason string, session quarantine.SessionKey) (*quarantine.Case, error)
}

// approver decides about held cases.
type approver interface {
	Approve(ctx context.Context, id, by, reason string) (*quarantine.Case, error)
	Reject(ctx context.Context, id, by, reason string) (*quarantine.Case, error)
}

// maintainer keeps restrictions off BNGs that people work on.
type maintainer interface {
	// Maintain gives the BNG a window, in place of the one it has.
	Maintain(ctx context.Context, bng, by, reason string, d time.Duration) (quarantine.Maintenance, error)
	// EndMaintenance ends the BNG's window; a *CommandError if it has none.
	EndMaintenance(ctx context.Context, bng, by, reason string) (quarantine.Maintenance, error)
	// Maintenances returns the windows that stand, as they were last heard of.
	Maintenances() []quarantine.Maintenance
}

// registrar knows the running servers.
type registrar interface {
	// Instances lists them all, the one that is asked first.
	Instances(ctx context.Context) ([]quarantine.InstanceStatus, error)
	// ForgetInstance declares a silent one lost, by name or id. Errors: a
	// *CommandError, ErrNoInstance.
	ForgetInstance(ctx context.Context, name, by, reason string) (quarantine.InstanceStatus, error)
}

// observer tells what became of things.
type observer interface {
	// Verdict returns ErrNoVerdict for an id that is not known.
	Verdict(ctx context.Context, id string) (quarantine.VerdictStatus, error)
	// Resolve finds the subscriber that a person points at. Errors: a
	// *AmbiguousError, ErrUnknownAddress, ErrNoSession.
	Resolve(ctx context.Context, t quarantine.Target) (subscriber string, err error)
	// Await returns the case once none of its sessions is pending, or as it is
	// when ctx ends.
	Await(ctx context.Context, id string) (*quarantine.Case, error)
}

// engine is what the API needs of the running part.
type engine interface {
	commander
	releaser
	approver
	maintainer
	registrar
	observer
}

// BNG is what the configuration says of one BNG, as GET /bngs shows it.
type BNG struct {
	Name     string   `json:"name"`
	Formerly []string `json:"formerly,omitempty" doc:"What it was called before."`
	Group    string   `json:"group,omitempty" doc:"Redundancy group, whose name its sessions have as their BNG."`
	Address  string   `json:"address" doc:"Where CoA goes."`
	Dialect  string   `json:"dialect"`
	Profiles []string `json:"profiles" doc:"Profiles it knows a name for."`
	// Health is filled in when it is asked for.
	Health *BNGHealth `json:"health" doc:"How it answers; null on an instance that is not the sender, which alone knows."`
	// Clock likewise.
	Clock *AccountingClock `json:"accounting_clock" doc:"What its accounting tells of its clock; null if none with Event-Timestamp came to this instance."`
}

// Config is what the API shows of the configuration, and where it asks.
type Config struct {
	Cases    quarantine.CaseReader
	Sessions quarantine.SessionReader
	Bindings quarantine.BindingFinder
	MACs     quarantine.MACFinder
	// Gaps lists where records may be missing; asked after Bindings. Nil: nowhere.
	Gaps     func(ctx context.Context) ([]quarantine.Gap, error)
	BNGs     []BNG
	Profiles []string // the configured names, all of them
	// DefaultFor is how long a manual quarantine lasts that says nothing of it;
	// 0: 24 h.
	DefaultFor time.Duration
	// History is how far around a moment neighbours are looked for; 0: 168 h.
	History time.Duration
	// Addresses is what the operator says about addresses.
	Addresses quarantine.AddressPlan
	// Health tells how the BNGs answer, by name; nil: this instance does not know.
	// It may be nil itself.
	Health func() map[string]BNGHealth
	// Accounting tells how the accounting of BNGs comes in, by name; nil: unknown.
	Accounting func() map[string]BNGAccounting
	// Clocks tells what accounting shows of the BNGs' clocks, by name; nil: it does
	// not come to this instance. It must be safe for concurrent use.
	Clocks func() map[string]AccountingClock
	// Discovered lists who sends accounting and is no configured BNG; nil: this
	// instance takes none.
	Discovered func() []DiscoveredBNG
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Validate reports every fault, joined.
func (c Config) Validate() error {
	var faults []error
	if c.Cases == nil || c.Sessions == nil || c.Bindings == nil || c.MACs == nil {
		faults = append(faults, errors.New("the API needs cases, sessions and bindings to read"))
	}
	if c.DefaultFor < 0 || c.DefaultFor > MaxFor {
		faults = append(faults, fmt.Errorf("the default duration of a quarantine is above 0 and at most %s", quarantine.FormatDuration(MaxFor)))
	}
	if c.History < 0 {
		faults = append(faults, errors.New("the history of bindings is above 0"))
	}
	return errors.Join(faults...)
}

// API answers people and their tools.
type API struct {
	engine engine
	Config
}

// New returns an API in front of engine.
func New(e engine, c Config) (*API, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.DefaultFor == 0 {
		c.DefaultFor = 24 * time.Hour
	}
	if c.History == 0 {
		c.History = 168 * time.Hour
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &API{e, c}, nil
}

// Mount adds every call to the server.
func (a *API) Mount(s *httpx.Server) {
	a.mountVerdicts(s)
	a.mountQuarantines(s)
	a.mountCases(s)
	a.mountCommands(s)
	a.mountSessions(s)
	a.mountSubscribers(s)
	a.mountBNGs(s)
	a.mountDiscovered(s)
	a.mountMaintenance(s)
	a.mountInstances(s)
}
