package stories

import (
	"context"
	"net"
	"net/netip"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/acct"
	"cordon/radiusx/bng"
)

// server is the accounting server that all lab BNGs report to. What the store
// does not take, they send again.
type server struct{ *acct.Server }

// serve starts it.
func (w *World) serve() *server {
	w.t.Helper()
	conn, err := w.wire.Listen(accountingAt)
	must(w.t, err)
	fleet := w.fleet()
	s, err := acct.New(acct.Config{
		Conns: []net.PacketConn{conn}, Clients: []acct.Client{{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Secret: w.secret}},
		Handler: bng.NewAccounting(fleet, w.memory, bng.AccountingConfig{}), Workers: 1, Queue: 64, Batch: 16, Answers: 256,
		Attributes: append(fleet.AccountingAttributes(), "User-Name"), Naming: fleet.NamingAttributes(nil), BNGOf: fleet.BNGOf,
		Holdable: quarantine.Holdable, Dictionary: radiusx.Builtin(),
	})
	must(w.t, err)
	w.background(func(ctx context.Context) { _ = s.Run(ctx) })
	return &server{s}
}
