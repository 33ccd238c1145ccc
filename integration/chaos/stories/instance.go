package stories

import (
	"context"
	"net"
	"net/netip"

	"cordon/quarantine/engine"
	"cordon/quarantine/quarantinetest"
	"cordon/radiusx/bng"
	"cordon/radiusx/coa"
)

// instance is one Cordon: an engine with a log of its own, which outlives it, and
// its own sockets.
type instance struct {
	world   *World
	name    string
	address netip.Addr
	log     quarantinetest.Journal
	store   *storeLink

	*engine.Engine        // nil: stopped
	halt           func() // of the engine and its client
}

// start starts the engine from its log, with the configuration as it is now.
func (in *instance) start() {
	w := in.world
	w.t.Helper()
	client, err := coa.New(coa.Config{Listen: func(string, string) (net.PacketConn, error) {
		return w.wire.Listen(netip.AddrPortFrom(in.address, 0))
	}})
	must(w.t, err)
	enforcer := bng.NewEnforcer(w.fleet(), client, nil)
	in.Engine, err = engine.New(w.t.Context(), engine.Config{
		Logger: w.logger(in.name),
		Holder: in.name, Instance: in.name, Store: in.store, Enforcer: enforcer, Paths: enforcer, Journal: &in.log, Rules: w.rules,
		Intakers: 2, Workers: 16, Unworked: w.server.Oldest, Listens: true,
	})
	must(w.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = in.Engine.Run(ctx) }()
	in.halt = func() { cancel(); <-ended; _ = client.Close() }
}

// stop ends the engine; its log stays.
func (in *instance) stop() {
	if in.Engine == nil {
		return
	}
	in.halt()
	in.Engine, in.halt = nil, nil
}

// fleet is what the operator has configured.
func (w *World) fleet() *bng.Fleet {
	w.t.Helper()
	configs := make([]bng.Config, len(w.bngs))
	for i, b := range w.bngs {
		configs[i] = b.config()
	}
	f, err := bng.NewFleet(configs)
	must(w.t, err)
	return f
}
