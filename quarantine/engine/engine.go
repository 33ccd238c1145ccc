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

// Store is the control state and the sessions: everything in Redis.
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

// Config configures an engine. Everything without a default is required.
type Config struct {
	Instance string // this instance's name, for people
	Holder   string // sender identity; kept with the journal, so that a restart reclaims the lease

	Store    Store
	Enforcer quarantine.Enforcer
	Journal  quarantine.Journal
	Rules    quarantine.Rulebook

	Tolerance func(source string) time.Duration // δ of attribution for a source; default 2 s
	Addresses quarantine.AddressPlan            // what the operator says about addresses
	RetryFor  time.Duration                     // for how long an unknown address is retried; default 35 min
	Pending   int                               // verdicts that may wait for a decision; default quarantine.MaxPending
	Listed    func(source string) bool          // sources that are configured or bound to a token; the others share half of Pending. Nil: all
	Memory    time.Duration                     // how long verdict ids are remembered; default 168 h

	// Listens says that this instance receives accounting. Peers wait for one that does
	// not only while Unworked holds some.
	Listens bool
	// Unworked returns the event time of the oldest accounting record that has
	// arrived but is not stored yet: the instance's watermark. Attribution of a later moment
	// waits, here and, as it is published under Holder, on all peers. Nil: none.
	Unworked func() (time.Time, bool)
	// Waiting is how many answered records are not stored yet. Nil: none.
	Waiting func() int
	// Unreadable is a folder with answered records that cannot be read; empty: none. Nil:
	// never. Unworked is 1970 while there is one.
	Unreadable func() string
	// AloneFor is for how long this instance may answer accounting that the store does not
	// accept (see Alone), counted from its last heartbeat that reached the store. 0: never.
	AloneFor time.Duration
	// HTTPAddr is where peers may ask whether this instance is cut off; empty: nowhere.
	// AskCutOff asks a peer, and is true only if the answer is an explicit yes. Nil: no peer
	// is asked.
	HTTPAddr  func() string
	AskCutOff func(ctx context.Context, other quarantine.Instance) bool
	// AskAlone asks a peer whether it answers accounting that the store does not accept
	// (AnswersAlone), likewise. Nil: no peer is asked.
	AskAlone func(ctx context.Context, other quarantine.Instance) bool
	// History is the retention of ended sessions; default 168 h. Departed instances are
	// retained for UnrenewedFor if that is longer.
	History time.Duration
	// Overdue asks how far the sources of bindings have reported; see
	// [Attributor]. Nil: not tracked.
	Overdue func(ctx context.Context) (Overdue, error)
	// Stopped reports whether a source of accounting had stopped by a moment, so that
	// log-ins since are unknown. Nil: not tracked.
	Stopped func(moment time.Time) bool
	// Paused says whether nothing new may be restricted, and why.
	Paused func() (reason string, paused bool)
	// Paths is what the Enforcer knows of the paths to the BNGs. Nil: nothing.
	Paths quarantine.Paths

	// Interim is how often a BNG renews its sessions, and OneSessionPer which attributes
	// are one line's where it has one session a line; see [quarantine.Snapshot]. Nil: not
	// known.
	Interim       func(bng string) time.Duration
	OneSessionPer func(bng string) []string
	// Names has the former names of BNGs, and those that were retired. The store
	// translates what it reads itself.
	Names quarantine.BNGNames
	// Serves says why nothing could be sent for a session of a case, nil if it could:
	// its BNG is not configured, or what is applied there cannot be undone by it. Nil:
	// everything is served.
	Serves func(s *quarantine.Session, applied []quarantine.AppliedProfile) error

	// Poll is how often a case that restricts reads its subscriber's sessions, where the
	// store has them from a source that knows only the present and reports no log-in. 0:
	// accounting makes cases due.
	Poll time.Duration

	Intakers int // verdicts worked at the same time; default 64
	Workers  int // cases reconciled at the same time, per lane; default 1024

	Logger *zap.Logger
	Now    func() time.Time
	// Uptime is a clock that cannot be set and that counts while the machine is suspended
	// (CLOCK_BOOTTIME of Linux), from any moment. Default: the time since New, which does
	// not count a suspension on most systems.
	Uptime func() time.Duration
}

// Validate reports what is missing or invalid.
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
		errs = append(errs, errors.New("engine: durations and numbers must not be negative"))
	}
	return errors.Join(errs...)
}

// keepDeparted is the retention of departed instances: what a lost one answered puts every
// holder in doubt that no record confirms, for as long as a session is believed unrenewed.
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

// Engine is the running part. Its methods may be called from any goroutine once New has
// returned; nothing is processed before Run.
type Engine struct {
	Config

	ledger         *ledger
	queue          *schedule        // verdicts to be processed
	backlog        *backlog         // verdicts accepted, or being made durable, and not decided
	accepting      *backlog         // calls of Accept
	throttled      atomic.Uint64    // verdicts for which the queue had no room
	sender         *sender          // this instance's lease as the sender
	locks          *subscriberLocks // one worker per subscriber in this process
	peers          *peers           // the other instances and their watermarks
	heartbeat      *heartbeat       // when this instance was published last
	cutOffPeers    *cutOffPeers     // which peers are cut off from the store too
	journaledPeers journaledPeers   // what the journal has of instances
	peerWaits      *peerWaits       // verdicts that wait for a silent peer
	gaps           *gaps            // what accounting the store may have lost
	bngLimiter     *bngLimiter      // how many sessions of each BNG are being worked
	wake           chan struct{}    // capacity 1: the due set may have work for now
	limited        *limitedLogger   // for what fails repeatedly
	rechecks       *rechecks        // releases that accounting may contradict
	windows        *windows         // which BNGs are in maintenance
	storeHealth    *storeHealth     // since when the store has not answered
	disk           disk             // whether the journal's disk hangs
	wakeNeeded     atomic.Bool      // a due time could not be saved: make every open case due when the store is back

	wakesAll chan struct{} // capacity 1: wakeNeeded was set, and is to be acted on now

	backoffs *backoffs // of subscribers and verdicts that fail repeatedly
	panics   atomic.Uint64
	wentBack atomic.Bool // the store may have lost writes: compare the journal with it

	recommitted recommitted

	windowsAsked chan struct{} // closed once the store was asked for the windows, whether or not it answered
}

// New replays the journal and returns an engine with its state.
func New(ctx context.Context, cfg Config) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	e := &Engine{Config: cfg, ledger: newLedger(cfg.Holder, cfg.Names), queue: newSchedule(cfg.Now)}
	e.locks, e.bngLimiter = newSubscriberLocks(), newBNGLimiter(cfg.Workers)
	e.wake, e.wakesAll = make(chan struct{}, 1), make(chan struct{}, 1)
	e.backlog, e.accepting = newBacklog(cfg.Pending, cfg.Listed), newBacklog(maxAccepting, cfg.Listed)
	e.gaps = newGaps(cfg.Store)
	e.rechecks, e.backoffs = newRechecks(), newBackoffs()
	e.storeHealth = newStoreHealth()
	e.limited = newLimitedLogger(cfg.Logger, cfg.Now)
	e.heartbeat = &heartbeat{now: cfg.Now, uptime: cfg.Uptime}
	e.peers = newPeers(cfg.Store, cfg.Holder, cfg.Instance, cfg.keepDeparted(), cfg.Now, e.heartbeat.publishing)
	e.cutOffPeers = &cutOffPeers{reportedAt: map[string]instant{}}
	e.journaledPeers = journaledPeers{peers: map[string]quarantine.Instance{}, at: map[string]time.Time{}}
	e.peerWaits = newPeerWaits()
	e.windows, e.windowsAsked = newWindows(cfg.Store), make(chan struct{})
	e.sender = &sender{lease: cfg.Store, holder: cfg.Holder, now: cfg.Now, uptime: cfg.Uptime}
	if err := cfg.Journal.Replay(ctx, e.replay); err != nil {
		return nil, fmt.Errorf("replay the journal: %w", err)
	}
	e.ledger.renumberUnanswered()
	e.wentBack.Store(true) // perhaps while this instance did not run
	e.ledger.forget(cfg.Now().Add(-cfg.Memory))
	for _, c := range e.ledger.waiting() {
		if c.Window != nil {
			e.windows.add(*c.Window)
		}
	}
	for _, v := range e.ledger.undecidedVerdicts() {
		e.backlog.add(v.Source)
		e.queue.push(v.ID, v.Source, cfg.Now())
	}
	return e, nil
}

// replay applies one entry of the journal.
func (e *Engine) replay(entry quarantine.JournalEntry, at time.Time) error {
	if entry.Kind == entryInstance {
		return e.replayInstance(entry, at)
	}
	if err := e.ledger.replay(entry, at); err != nil || e.Now().Sub(at) > recheckEndedFor {
		return err
	}
	return e.rechecks.replay(entry, at, &e.Names)
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
	start(e.releaseOverdue)
	start(e.upkeep)
	start(e.watchClock)
	start(e.recheckReleases)
	start(e.watchPaths)
	start(e.watch)
	start(e.publish)
	start(e.syncPeers)
	start(e.askPeers)
	running.Wait()
	return nil
}

// Sender reports whether this instance is the elected sender now.
func (e *Engine) Sender() bool {
	_, ok := e.sender.holds()
	return ok
}

// wakeReconciler makes the reconciler read the due set at once.
func (e *Engine) wakeReconciler() {
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
