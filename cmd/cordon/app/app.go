package app

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"cordon/integration/authorize"
	"cordon/integration/httpx"
	"cordon/integration/intake"
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
	spool       *spool.Spool       // nil: accounting is not answered while Redis is unreachable
	deadLetters *spool.DeadLetters // what Redis cannot hold
	host        *spool.Host        // this host's disk: the spool and what was moved aside
	asideLogged time.Time          // last line about them; owned by watch
	coa         *coa.Client
	fleet       *bng.Fleet
	accounting  *bng.Accounting
	authorize   *authorize.Service
	sessions    engine.Store          // the store, or with another program's sessions
	unserved    *engine.UnservedWatch // releases owed on BNGs that are not configured
	template    *template.Reader      // nil: sessions are those of accounting
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
	a.unserved = engine.NewUnservedWatch(a.engine)
	if err := a.unserved.Check(ctx); err != nil {
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

// openStore opens the journal and the session store; Redis may come later.
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

// Addr is where the API listens.
func (a *App) Addr() net.Addr { return a.addr }

// Start sets everything in motion. What it starts ends with Stop, or when one
// part fails, which Failed delivers.
func (a *App) Start() {
	a.life.run("journal upkeep", a.keepJournal)
	a.life.run("gate", a.gate.trust.Run)
	a.life.run("watch", a.watch)
	a.life.run("unserved releases", a.unserved.Run)
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
// is accepted, then what is in flight is finished or left to the journal.
func (a *App) Stop() { a.life.stop() }
