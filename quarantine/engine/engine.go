package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// Store is the control state and the sessions: all that is kept in Redis.
type Store interface {
	quarantine.SessionReader
	quarantine.BindingFinder
	quarantine.VerdictStore
	quarantine.CaseReader
	quarantine.CaseWriter
	quarantine.DueSet
	quarantine.SenderLease
	quarantine.InstanceRegistry
	quarantine.InstanceDepartures
	quarantine.Continuity
	quarantine.MaintenanceBook
}

// Config is what an engine works with. Everything without a default is required.
type Config struct {
	Instance string // this instance's name, for people
	Holder   string // sender identity; kept with the log, so that a restart reclaims the lock

	Store    Store
	Enforcer quarantine.Enforcer
	Journal  quarantine.Journal
	Rules    quarantine.Rulebook

	Tolerance func(source string) time.Duration // δ of attribution for a source; default 2 s
	Addresses quarantine.AddressPlan            // what the operator says about addresses
	RetryFor  time.Duration                     // how long an unknown address is asked for again; default 35 min
	Pending   int                               // verdicts that may wait for a decision; default quarantine.MaxPending
	Listed    func(source string) bool          // sources that are configured or bound to a token; the others share half of Pending. Nil: all
	Memory    time.Duration                     // how long verdict ids are remembered; default 168 h

	// Listens says that accounting comes to this instance. The others wait for one
	// to which none comes only while Unworked holds some.
	Listens bool
	// Unworked returns the event time of the oldest accounting record that has
	// arrived but is not stored yet. Attribution of a later moment waits, here
	// and, since it is published under Holder, on all other instances. Nil: none.
	Unworked func() (time.Time, bool)
	// Waiting is how many answered records are not stored yet. Nil: none.
	Waiting func() int
	// Unreadable is a folder with answered records that cannot be read; empty: none.
	// Nil: never. It keeps Unworked in 1970.
	Unreadable func() string
	// AloneFor is how long Alone lets this instance answer accounting that the
	// store does not take, counted from the last word of it that the store took. 0:
	// never.
	AloneFor time.Duration
	// HTTPAddr is where other instances may ask whether this one is cut off; empty:
	// nowhere. AskCutOff asks another one, and is true only if that one says
	// clearly that it is. Nil: nobody is asked.
	HTTPAddr  func() string
	AskCutOff func(ctx context.Context, other quarantine.Instance) bool
	// AskAlone asks another one there, and is true only if that one says clearly that
	// it answers accounting which the store does not take (AnswersAlone). Nil: nobody
	// is asked.
	AskAlone func(ctx context.Context, other quarantine.Instance) bool
	// History is how long sessions that ended are remembered; default 168 h. Instances
	// that went are remembered for UnrenewedFor if that is longer.
	History time.Duration
	// Overdue asks how far the sources of bindings have reported; see
	// [Attributor]. Nil: nobody keeps track.
	Overdue func(ctx context.Context) (Overdue, error)
	// Stopped reports whether a source of accounting had stopped by a moment, so that
	// nobody knows who logged in since. Nil: nobody keeps track.
	Stopped func(moment time.Time) bool
	// Paused says whether nothing new may be restricted, and why.
	Paused func() (reason string, paused bool)
	// Paths is what the Enforcer knows of the ways to the BNGs. Nil: nothing.
	Paths quarantine.Paths

	// Interim is how often a BNG renews its sessions, and OneSessionPer which attributes
	// are one line's where it has one session a line; see [quarantine.Snapshot]. Nil: not
	// known.
	Interim       func(bng string) time.Duration
	OneSessionPer func(bng string) []string
	// Names is what BNGs were called before, and which are gone for good. The store
	// reads what it keeps under present names itself.
	Names quarantine.BNGNames
	// Serves says why nothing could be sent for a session of a case, nil if it could:
	// its BNG is not configured, or what is applied there cannot be undone by it. Nil:
	// everything is served.
	Serves func(s *quarantine.Session, applied []quarantine.AppliedProfile) error

	// Poll is how often a case that wants something looks for its subscriber's
	// sessions, where the store learns them from a source that knows only the
	// present and tells of no log-in. 0: accounting makes cases due.
	Poll time.Duration

	Intakers int // verdicts worked at the same time; default 64
	Workers  int // cases reconciled at the same time, per lane; default 1024

	Logger *zap.Logger
	Now    func() time.Time
	// Uptime is a clock that nobody can set and that goes on while the machine is
	// suspended (CLOCK_BOOTTIME of Linux), counted from any moment. Default: the time
	// since New, of which a suspension is no part on most systems.
	Uptime func() time.Duration
}

// Validate reports what is missing or contradicts itself.
func (c *Config) Validate() error {
	var errs []error
	for name, missing := range map[string]bool{
		"Holder": c.Holder == "", "Store": c.Store == nil, "Enforcer": c.Enforcer == nil, "Log": c.Journal == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("engine: %s is required", name))
		}
	}
	if c.AloneFor < 0 || c.History < 0 || c.RetryFor < 0 || c.Memory < 0 || c.Poll < 0 || c.Pending < 0 || c.Intakers < 0 || c.Workers < 0 {
		errs = append(errs, errors.New("engine: durations and numbers are not negative"))
	}
	return errors.Join(errs...)
}

// keepDeparted is how long instances that went are remembered: what a lost one answered
// puts whoever no record confirms in doubt for as long as he would be believed.
func (c *Config) keepDeparted() time.Duration { return max(c.History, quarantine.UnrenewedFor) }

func (c *Config) setDefaults() {
	if c.Tolerance == nil {
		c.Tolerance = func(string) time.Duration { return 2 * time.Second }
	}
	if c.Stopped == nil {
		c.Stopped = func(time.Time) bool { return false }
	}
	if c.Listed == nil {
		c.Listed = func(string) bool { return true }
	}
	if c.Paused == nil {
		c.Paused = func() (string, bool) { return "", false }
	}
	if c.Paths == nil {
		c.Paths = noPaths{}
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Waiting == nil {
		c.Waiting = func() int { return 0 }
	}
	if c.Unreadable == nil {
		c.Unreadable = func() string { return "" }
	}
	if c.HTTPAddr == nil {
		c.HTTPAddr = func() string { return "" }
	}
	if c.Uptime == nil {
		begun := time.Now()
		c.Uptime = func() time.Duration { return time.Since(begun) }
	}
	setDefault(&c.History, 168*time.Hour)
	setDefault(&c.RetryFor, 35*time.Minute)
	setDefault(&c.Memory, 168*time.Hour)
	setDefault(&c.Pending, quarantine.MaxPending)
	setDefault(&c.Intakers, 64)
	setDefault(&c.Workers, 1024)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Engine is the running part. Its methods may be called from any goroutine
// once New has returned; nothing is worked before Run.
type Engine struct {
	Config

	ledger    *ledger
	queue     *schedule     // verdicts to be worked
	backlog   *backlog      // verdicts accepted, or being made durable, and not decided
	accepting *backlog      // calls of Accept
	throttled atomic.Uint64 // verdicts refused for want of room
	sender    *sender       // whether we may restrict
	busy      *busy         // who works on which subscriber in this process
	instances *instances    // the others, and how far their accounting is stored
	heartbeat *heartbeat    // when the store took our own last word
	cutOffs   *cutOffs      // which others are cut off from the store too
	journaled journaled     // what the journal says of instances
	awaiting  *awaiting     // verdicts that wait for a silent instance
	gaps      *gaps         // what accounting the store may have lost
	crowd     *crowd        // how many sessions of each BNG are being worked
	wake      chan struct{} // capacity 1: the due set may have work for now
	troubles  *troubles     // what fails again and again
	care      *aftercare    // releases that accounting may yet deny
	windows   *windows      // which BNGs are in maintenance
	silence   *silence      // since when the store has not answered
	disk      disk          // whether what cannot wait goes on without the journal
	missed    atomic.Bool   // a look could not be noted, or nobody knows which are due: wake everything when the store is back

	wakesAll chan struct{} // capacity 1: missed was set, and is to be looked at now

	setbacks *setbacks // who fails again and again
	panics   atomic.Uint64
	wentBack atomic.Bool // the store may have lost what it had: compare the journal with it

	recommitted recommitted

	windowsAsked chan struct{} // closed once the store was asked for the windows, with an answer or without
}

// New replays the log and returns an engine that holds what it tells.
func New(ctx context.Context, cfg Config) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	e := &Engine{Config: cfg, ledger: newLedger(cfg.Holder, cfg.Names), queue: newSchedule(cfg.Now), busy: newBusy(), crowd: newCrowd(cfg.Workers), wake: make(chan struct{}, 1), wakesAll: make(chan struct{}, 1)}
	e.backlog, e.accepting = newBacklog(cfg.Pending, cfg.Listed), newBacklog(maxAccepting, cfg.Listed)
	e.gaps = newGaps(cfg.Store)
	e.care, e.setbacks = newAftercare(), newSetbacks()
	e.silence = newSilence()
	e.troubles = newTroubles(cfg.Logger, cfg.Now)
	e.heartbeat = &heartbeat{now: cfg.Now, uptime: cfg.Uptime}
	e.instances = newInstances(cfg.Store, cfg.Holder, cfg.Instance, cfg.keepDeparted(), cfg.Now, e.heartbeat.publishing)
	e.cutOffs = &cutOffs{said: map[string]instant{}}
	e.journaled = journaled{others: map[string]quarantine.Instance{}, at: map[string]time.Time{}}
	e.awaiting = newAwaiting()
	e.windows, e.windowsAsked = newWindows(cfg.Store), make(chan struct{})
	e.sender = &sender{lock: cfg.Store, holder: cfg.Holder, now: cfg.Now, uptime: cfg.Uptime}
	if err := cfg.Journal.Replay(ctx, e.replay); err != nil {
		return nil, fmt.Errorf("replay the log: %w", err)
	}
	e.ledger.unanswered()
	e.wentBack.Store(true) // while nobody was here to see it, perhaps
	e.ledger.forget(cfg.Now().Add(-cfg.Memory))
	for _, c := range e.ledger.waiting() {
		if c.Window != nil {
			e.windows.learn(*c.Window)
		}
	}
	for _, v := range e.ledger.unsettledVerdicts() {
		e.backlog.add(v.Source)
		e.queue.push(v.ID, v.Source, cfg.Now())
	}
	return e, nil
}

// replay takes one entry of the log in, in order.
func (e *Engine) replay(entry quarantine.JournalEntry, at time.Time) error {
	if entry.Kind == logInstance {
		return e.replayInstance(entry, at)
	}
	if err := e.ledger.replay(entry, at); err != nil || e.Now().Sub(at) > careForOver {
		return err
	}
	return e.care.replay(entry, at, &e.Names)
}

// Run works until ctx ends, and returns when everything it started has ended.
func (e *Engine) Run(ctx context.Context) error {
	var running sync.WaitGroup
	start := func(f func(context.Context)) { running.Go(func() { f(ctx) }) }
	e.forgetRetired(ctx)
	for range e.Intakers {
		start(e.intake)
	}
	start(e.watchWindows)
	start(e.campaign)
	start(e.reconcile)
	start(e.probe)
	start(e.releaseOwed)
	start(e.upkeep)
	start(e.watchClock)
	start(e.lookAfter)
	start(e.heedPaths)
	start(e.watch)
	start(e.publish)
	start(e.remember)
	start(e.askOthers)
	running.Wait()
	return nil
}

// Sender reports whether this instance is the elected sender now.
func (e *Engine) Sender() bool {
	_, ok := e.sender.may()
	return ok
}

// nudge makes the reconciler look at the due set at once.
func (e *Engine) nudge() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// sleep waits for d; false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
