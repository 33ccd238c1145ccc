package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

// Bounds of what a person may ask for.
const (
	MaxFor  = 365 * 24 * time.Hour // longest restriction
	MaxWait = time.Minute          // longest ?wait=
)

// commander carries out people's decisions; the running engine is one. Errors are the
// domain's: *FieldError, *CommandError, ErrNoCase, ErrConflict, ErrDeferred (which may
// be a *DeferredError); any other means that Redis or the journal is unavailable.
type commander interface {
	// Quarantine opens or changes the subscriber's case; a dry run writes and sends
	// nothing and returns the case as it would be, with Version 0 if it would be new.
	Quarantine(ctx context.Context, w quarantine.ManualQuarantine, dryRun bool) (*quarantine.Case, error)
	Extend(ctx context.Context, id, by, reason string, d time.Duration) (*quarantine.Case, error)
	Note(ctx context.Context, id, by, text string) (*quarantine.Case, error)
}

// releaser ends cases, and retries or abandons releases.
type releaser interface {
	Release(ctx context.Context, id, by, reason string, code quarantine.ReleaseCode) (*quarantine.Case, error)
	Retry(ctx context.Context, id, by, reason string) (*quarantine.Case, error)
	// GiveUp is about one session, or with the zero key about every session.
	GiveUp(ctx context.Context, id, by, reason string, session quarantine.SessionKey) (*quarantine.Case, error)
}

// approver decides about held cases.
type approver interface {
	Approve(ctx context.Context, id, by, reason string) (*quarantine.Case, error)
	Reject(ctx context.Context, id, by, reason string) (*quarantine.Case, error)
}

// maintainer defers restrictions on BNGs in maintenance.
type maintainer interface {
	// Maintain sets the BNG's window, replacing the present one.
	Maintain(ctx context.Context, bng, by, reason string, d time.Duration) (quarantine.Maintenance, error)
	// EndMaintenance ends the BNG's window; a *CommandError if it has none.
	EndMaintenance(ctx context.Context, bng, by, reason string) (quarantine.Maintenance, error)
	// Maintenances returns the present windows, as last read.
	Maintenances() []quarantine.Maintenance
}

// registrar knows the running servers.
type registrar interface {
	// Instances lists them all, this one first.
	Instances(ctx context.Context) ([]quarantine.InstanceStatus, error)
	// ForgetInstance declares a silent one lost, by name or id. Errors: a
	// *CommandError, ErrNoInstance.
	ForgetInstance(ctx context.Context, name, by, reason string) (quarantine.InstanceStatus, error)
}

// observer looks up the state of verdicts and cases.
type observer interface {
	// Verdict returns ErrNoVerdict for an id that is not known.
	Verdict(ctx context.Context, id string) (quarantine.VerdictStatus, error)
	// Resolve finds the subscriber of a target. Errors: a
	// *AmbiguousError, ErrUnknownAddress, ErrNoSession.
	Resolve(ctx context.Context, t quarantine.Target) (subscriber string, err error)
	// Await returns the case once no request about it is pending, or as it is when
	// ctx ends.
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

// Config is what the API shows of the configuration, and the ports that it reads.
type Config struct {
	Cases    quarantine.CaseReader
	Sessions quarantine.SessionReader
	Bindings quarantine.BindingFinder
	MACs     quarantine.MACFinder
	// Gaps lists where records may be missing; read after Bindings. Nil: nowhere.
	Gaps func(ctx context.Context) ([]quarantine.Gap, error)
	// BNGs are the configured ones; their state is added to each answer.
	BNGs     []wire.BNG
	Profiles []string // the configured names, all of them
	// DefaultFor is the duration of a manual quarantine without one; 0: 24 h.
	DefaultFor time.Duration
	// History is how far before and after a moment neighbours are looked up; 0: 168 h.
	History time.Duration
	// Addresses is the operator's address plan.
	Addresses quarantine.AddressPlan
	// Health returns the BNGs' health by name; nil: this instance is not the sender. It
	// may be nil itself.
	Health func() map[string]wire.BNGHealth
	// Accounting returns the state of the BNGs' accounting by name; nil: unknown.
	Accounting func() map[string]wire.BNGAccounting
	// Clocks returns the BNGs' clocks as measured by accounting, by name; nil: this
	// instance receives none. It must be safe for concurrent use.
	Clocks func() map[string]wire.AccountingClock
	// Discovered lists the unknown NASes that send accounting; nil: this instance
	// receives none.
	Discovered func() []wire.DiscoveredBNG
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Validate reports every fault, joined.
func (c Config) Validate() error {
	var faults []error
	if c.Cases == nil || c.Sessions == nil || c.Bindings == nil || c.MACs == nil {
		faults = append(faults, errors.New("api: Cases, Sessions, Bindings and MACs are required"))
	}
	if c.DefaultFor < 0 || c.DefaultFor > MaxFor {
		faults = append(faults, fmt.Errorf("api: DefaultFor must be > 0 and at most %s", quarantine.FormatDuration(MaxFor)))
	}
	if c.History < 0 {
		faults = append(faults, errors.New("api: History must be > 0"))
	}
	return errors.Join(faults...)
}

// API serves people and their tools.
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
