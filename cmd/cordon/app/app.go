package app

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"cordon/integration/api"
	"cordon/integration/authorize"
	"cordon/integration/bindings"
	"cordon/integration/httpx"
	"cordon/integration/intake"
	"cordon/integration/radacct"
	"cordon/integration/wire"
	"cordon/quarantine"
	"cordon/quarantine/engine"
	"cordon/radiusx/acct"
	"cordon/radiusx/bng"
	"cordon/radiusx/coa"
	"cordon/store"
	"cordon/store/journal"
	"cordon/store/spool"
	"cordon/store/template"
)

// Version is what a build knows of itself.
type Version = wire.Version

// Options are what a process adds to the configuration.
type Options struct {
	Logger  *zap.Logger
	Version Version
	// Debug, if not nil, gets every CoA exchange in radclient's wording.
	Debug io.Writer
	// AccountingConns are sockets that are bound already, beside accounting.listen.
	AccountingConns []net.PacketConn
	// Silence is when a source of accounting counts as stopped; zero:
	// quarantine.DefaultSilenceRule. For tests.
	Silence quarantine.SilenceRule
	// RedisWithout is what the Redis that cases are kept in lacks; for the demo.
	RedisWithout store.Capabilities
}

// App is the whole server.
type App struct {
	cfg     *Config
	parts   *Parts
	log     *zap.Logger
	life    lifecycle
	gate    *gate
	engine  *engine.Engine
	sources *engine.Sources
	acct    *acct.Server // nil: no accounting listener
	http    *httpx.Server
	intake  *intake.Intake

	journal     *journal.Journal
	store       *store.Store
	spool       *spool.Spool // nil: accounting is not answered while Redis is away
	setAside    *spool.DeadLetters // what Redis cannot hold
	host        *spool.Host  // this host's disk: the spool and what was moved aside
	asideLogged time.Time    // last line about them; owned by watch
	coa         *coa.Client
	fleet       *bng.Fleet
	enforcer    *bng.Enforcer
	accounting  *bng.Accounting
	authorize   *authorize.Desk
	sessions    engine.Store     // the store, or with another program's sessions
	unserved    unserved         // releases owed on BNGs that are not configured
	template    *template.Reader // nil: sessions are those of accounting
	addr        net.Addr
	redisSeen   atomic.Bool // it answered once since the start
}

// New builds everything and binds the listeners; nothing is worked before
// Start. On an error what was opened is closed again.
func New(ctx context.Context, cfg *Config, parts *Parts, o Options) (_ *App, err error) {
	a := &App{cfg: cfg, parts: parts, log: o.Logger}
	if a.log == nil {
		a.log = zap.NewNop()
	}
	a.life.log = a.log
	defer func() {
		if err != nil {
			a.life.stop()
		}
	}()
	fleet, err := bng.NewFleet(parts.Fleet)
	if err != nil {
		return nil, err
	}
	a.fleet = fleet
	if err := a.openStore(ctx, fleet, o); err != nil {
		return nil, err
	}
	if err := a.buildSources(o); err != nil {
		return nil, err
	}
	if err := a.buildEngine(ctx, fleet, o); err != nil {
		return nil, err
	}
	if err := a.checkServed(ctx); err != nil {
		return nil, err
	}
	if err := a.buildAccounting(fleet, o); err != nil {
		return nil, err
	}
	if err := a.buildAuthorize(fleet); err != nil {
		return nil, err
	}
	return a, a.buildHTTP(o)
}

// openStore opens the log and the session store; Redis may come later.
func (a *App) openStore(ctx context.Context, fleet *bng.Fleet, o Options) error {
	var err error
	if err = a.openJournal(); err != nil {
		return err
	}
	cfg := StoreConfig(a.cfg, a.parts, fleet)
	cfg.Instance, cfg.Without = a.journal.ID(), o.RedisWithout
	if a.store, err = store.New(cfg); err != nil {
		return err
	}
	a.life.cleanUp("session store", a.store.Close)
	if err := a.openSessions(fleet); err != nil {
		return err
	}
	if err := a.openSpool(ctx); err != nil {
		return err
	}
	a.gate = newGate(a.cfg, a.store, a.log)
	return a.gate.first(ctx)
}

// StoreConfig says where sessions and cases are, and how they are kept.
func StoreConfig(cfg *Config, parts *Parts, fleet *bng.Fleet) store.Config {
	r := cfg.Redis
	return store.Config{
		Addrs: r.Addrs, MasterName: r.MasterName, DB: r.DB, Username: r.Username, Password: store.Password(parts.RedisPassword),
		KeyPrefix: r.KeyPrefix, History: cfg.Attribution.History.Std(), VerdictMemory: cfg.Attribution.VerdictRetention(),
		Restricted: func(x quarantine.Attribute) bool { return fleet.Restricted(x.Value) }, Interim: interim(cfg), Names: parts.Names,
	}
}

// interim returns how often each BNG renews its sessions, and each translator's log
// its port blocks.
func interim(cfg *Config) func(bng string) time.Duration {
	return quarantine.Interims(roster(cfg).BNGs, cfg.TranslatorLogs)
}

// addressPlan is what the configuration says about addresses.
func addressPlan(cfg *Config) quarantine.AddressPlan {
	return quarantine.NewAddressPlan(cfg.AddressSpaces, &cfg.Attribution, roster(cfg))
}

func (a *App) buildEngine(ctx context.Context, fleet *bng.Fleet, o Options) error {
	var err error
	if a.coa, err = coa.New(coa.Config{Source: a.cfg.CoA.Addr()}); err != nil {
		return fmt.Errorf("coa.source: %w", err)
	}
	a.life.cleanUp("CoA client", a.coa.Close)
	tolerance := a.cfg.Attribution.Tolerance.Std()
	bySource := map[string]time.Duration{}
	for _, s := range a.cfg.Sources {
		if s.Tolerance > 0 {
			bySource[s.Name] = s.Tolerance.Std()
		}
	}
	a.enforcer = bng.NewEnforcer(fleet, a.coa, bng.Transcript(o.Debug))
	peers := newPeers()
	listed := sourcesOf(a.cfg)
	a.engine, err = engine.New(ctx, engine.Config{
		Instance: a.cfg.Instance, Holder: a.journal.ID(), Store: a.sessions,
		Enforcer: a.enforcer, Paths: a.enforcer, Journal: journalLog{a.journal}, Rules: a.parts.Rules,
		Tolerance: func(source string) time.Duration {
			if d, ok := bySource[source]; ok {
				return d
			}
			return tolerance
		},
		Listed:   func(source string) bool { _, ok := listed[source]; return ok },
		RetryFor: a.cfg.Attribution.RetryFor.Std(), Memory: a.cfg.Attribution.VerdictRetention(), Paused: a.gate.paused, Logger: a.log,
		Addresses: addressPlan(a.cfg), Unworked: a.unworked(o), Overdue: a.sources.Overdue, Stopped: a.stopped, Poll: a.poll(),
		Interim: interim(a.cfg), OneSessionPer: fleet.OneSessionPer,
		Listens: a.listens(o), Waiting: a.host.Waiting, Unreadable: a.host.Damaged, AloneFor: aloneFor(a.cfg), History: a.cfg.Attribution.History.Std(),
		Names: a.parts.Names, Serves: fleet.CanRelease,
		Uptime: uptime, HTTPAddr: a.advertised, AskCutOff: peers.cutOff, AskAlone: peers.alone,
	})
	return err
}

// stopped reports whether a source of accounting had stopped by a moment.
func (a *App) stopped(moment time.Time) bool {
	return slices.ContainsFunc(a.sources.Silent(), func(s quarantine.SilentSource) bool { return s.Last.Before(moment) })
}

// unworked says how far accounting is stored; nil if none comes here and none is left.
func (a *App) unworked(o Options) func() (time.Time, bool) {
	if !a.listens(o) && a.host.Empty() {
		return nil
	}
	return func() (oldest time.Time, ok bool) {
		if a.acct == nil { // built before the engine runs
			return a.host.Oldest(nil)
		}
		return a.host.Oldest(a.acct.Oldest)
	}
}

// listens reports whether accounting comes to this instance.
func (a *App) listens(o Options) bool { return len(a.cfg.Accounting.Listen)+len(o.AccountingConns) > 0 }

// translation says how records become session events.
func (a *App) translation() bng.AccountingConfig {
	return bng.AccountingConfig{Plan: addressPlan(a.cfg), Ignore: a.parts.Ignore, Keys: a.parts.Keys, Key: a.parts.Key}
}

func (a *App) buildAccounting(fleet *bng.Fleet, o Options) error {
	if !a.listens(o) {
		return nil
	}
	a.accounting = bng.NewAccounting(fleet, a.host.Recorder(), a.translation())
	server, err := acct.New(acct.Config{
		Listen: a.cfg.Accounting.Listen, Conns: o.AccountingConns, Clients: a.parts.Clients, Handler: a.accounting,
		Dictionary: a.parts.Dictionary, Attributes: append(fleet.AccountingAttributes(), "User-Name"), Naming: fleet.NamingAttributes(a.parts.Key),
		BNGOf: fleet.BNGOf, Holdable: quarantine.Holdable,
	})
	if err != nil {
		return fmt.Errorf("accounting: %w", err)
	}
	a.acct = server
	a.life.cleanUp("accounting listener", server.Close)
	return nil
}

func (a *App) buildHTTP(o Options) error {
	var err error
	a.http, err = httpx.New(httpx.Config{
		Listen: a.cfg.HTTP.Listen, Tokens: a.parts.Tokens, Checks: a.checks(), Metrics: promhttp.HandlerFor(a.registry(), promhttp.HandlerOpts{}),
		Version: o.Version, Log: a.log,
		Instance: httpx.Instance{
			ID:     a.journal.ID(),
			CutOff: func() bool { return a.engine.CutOff() > 0 },
			Alone:  func() bool { return a.engine.AnswersAlone() },
		},
	})
	if err != nil {
		return err
	}
	if err := a.mount(); err != nil {
		return err
	}
	a.addr, err = a.http.Listen()
	return err
}

// sourcesOf returns the sources of verdicts that are listed, or that a token is bound
// to: nobody can make their names up.
func sourcesOf(cfg *Config) map[string]intake.Source {
	maxAge := cfg.Attribution.MaxAge.Std()
	sources := map[string]intake.Source{}
	for _, t := range cfg.HTTP.Tokens {
		if t.Source != "" {
			sources[t.Source] = intake.Source{MaxAge: maxAge}
		}
	}
	for _, s := range cfg.Sources {
		agreed := intake.Source{MaxAge: s.MaxAge.Std(), Quota: s.Quota}
		if agreed.MaxAge == 0 {
			agreed.MaxAge = maxAge
		}
		sources[s.Name] = agreed
	}
	return sources
}

// mount registers the edges.
func (a *App) mount() error {
	in, err := intake.New(a.engine, intake.Config{
		Addresses: addressPlan(a.cfg), Sources: sourcesOf(a.cfg), Default: intake.Source{MaxAge: a.cfg.Attribution.MaxAge.Std()},
	})
	if err != nil {
		return err
	}
	a.intake = in
	in.Mount(a.http)
	rows := imports{bng.NewImporter(a.fleet, a.store, a.translation())}
	radacct.New(rows, a.cfg.Attribution.History.Std(), a.fleet.NamingAttributes(a.parts.Key)...).Mount(a.http)
	c := api.Config{
		Cases: a.store, Sessions: a.sessions, Bindings: a.sessions, MACs: a.store, Gaps: a.engine.Gaps, History: a.cfg.Attribution.History.Std(), Addresses: addressPlan(a.cfg),
		Health: a.health, Clocks: a.shownClocks, Accounting: a.sourcesView, Discovered: a.discovered,
	}
	for _, p := range a.cfg.Profiles {
		c.Profiles = append(c.Profiles, p.Name)
	}
	for _, b := range a.cfg.BNGs {
		shown := wire.BNG{Name: b.Name, Formerly: b.Formerly, Group: b.Group, Address: b.Address.String(), Dialect: b.Dialect}
		for _, p := range a.cfg.Profiles {
			if _, has := b.Profiles[p.Name]; has {
				shown.Profiles = append(shown.Profiles, p.Name)
			}
		}
		c.BNGs = append(c.BNGs, shown)
	}
	edge, err := api.New(a.engine, c)
	if err != nil {
		return err
	}
	edge.Mount(a.http)
	logs, err := bindings.New(bindings.Config{Recorder: a.store, Sources: a.store, Addresses: addressPlan(a.cfg), History: a.cfg.Attribution.History.Std()})
	if err != nil {
		return err
	}
	logs.Mount(a.http)
	a.authorize.Mount(a.http)
	return nil
}

// Addr is where the API listens.
func (a *App) Addr() net.Addr { return a.addr }

// Start sets everything in motion. What it starts ends with Stop, or when one
// part fails, which Failed tells.
func (a *App) Start() {
	a.life.run("log keeper", a.keepJournal)
	a.life.run("gate", a.gate.trust.Run)
	a.life.run("watch", a.watch)
	a.life.run("unserved releases", a.watchServed)
	if a.spool != nil {
		a.life.run("accounting spool", a.spool.Run)
	}
	a.life.run("engine", a.engine.Run)
	if a.acct != nil {
		a.life.run("accounting", a.acct.Run)
	}
	a.life.run("accounting sources", a.sources.Run)
	a.life.run("http", a.http.Run)
}

// Failed delivers the first error of a part that ended by itself.
func (a *App) Failed() <-chan error { return a.life.failures() }

// Stop ends everything in the reverse order of its start: first nothing more
// is taken in, then what is under way is finished or left to the log.
func (a *App) Stop() { a.life.stop() }
