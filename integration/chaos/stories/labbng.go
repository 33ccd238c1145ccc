package stories

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"cordon/radiusx"
	"cordon/radiusx/bng"
	"cordon/radiusx/bngsim"
	"cordon/radiusx/dialect"
)

// labBNG is one lab BNG.
type labBNG struct {
	health
	world      *World
	gear       gear
	name       string
	address    netip.Addr
	dialect    *dialect.Dialect
	dictionary *radiusx.Dictionary
	sim        *bngsim.BNG
	quirks     []bngsim.Quirk
}

var accountingAt = netip.MustParseAddrPort("192.0.2.99:1813")

// openBNG starts a lab BNG.
func (w *World) openBNG(g gear, n int, quirks ...bngsim.Quirk) *labBNG {
	w.t.Helper()
	b := &labBNG{world: w, gear: g, name: fmt.Sprintf("bng%02d", n+1),
		address: netip.AddrFrom4([4]byte{192, 0, 2, byte(n + 1)}), quirks: quirks}
	b.dialect, _ = dialect.Builtin().Get(g.dialect)
	var err error
	b.dictionary, err = b.dialect.Dictionary(g.options)
	must(w.t, err)
	conn, err := w.wire.Listen(netip.AddrPortFrom(b.address, b.dialect.CoAPort))
	must(w.t, err)
	acct, err := w.wire.Listen(netip.AddrPortFrom(b.address, 0))
	must(w.t, err)
	b.sim, err = bngsim.New(bngsim.Config{
		Name: b.name, NASIP: b.address, Platform: g.platform, Quirks: slices.Concat(g.quirks, quirks), Secret: w.secret, Conn: conn,
		Dictionary:        b.dictionary,
		Accounting:        bngsim.Accounting{Server: accountingAt, Conn: acct, Interval: interim},
		RedirectAttribute: g.redirect, IPSetAttribute: g.ipset, ProfileAttribute: g.profile, Seed: w.random.Uint64(), KeepPackets: -1,
		OnSession: b.changed,
	})
	must(w.t, err)
	w.background(func(ctx context.Context) { _ = b.sim.Run(ctx) })
	return b
}

// config is what the operator says of the BNG.
func (b *labBNG) config() bng.Config {
	return bng.Config{
		Name: b.name, Address: b.address, Secret: b.world.secret, Dialect: b.dialect, Options: b.gear.options, Interim: interim,
		Profiles: b.gear.profiles(b.world.renamed), MessageAuthenticator: b.gear.signing,
	}
}

// reach sets how datagrams fare between the BNG and all others, both ways.
func (b *labBNG) reach(link bngsim.Link) {
	b.world.wire.SetLink(b.address, netip.Addr{}, link)
	b.world.wire.SetLink(netip.Addr{}, b.address, link)
}

// changed is called for each session that comes, changes or goes, and holds what it
// is against what may be.
func (b *labBNG) changed(s bngsim.Session, live bool) {
	p := b.world.personOf(s.User)
	restricted := live && b.restricts(&s)
	switch {
	case !live:
		b.world.transcript.note("        %s: session %s of %s is over", b.name, s.ID, s.User)
	default:
		b.world.transcript.note("        %s: session %s of %s has %s", b.name, s.ID, s.User, s.State)
	}
	if restricted && !p.suspected() {
		b.fail("%s was never reported, and has %s", s.User, s.State)
	}
	p.heedBilling(&s, live)
}

// restricts reports whether a session has something else than AAA and billing
// gave it.
func (b *labBNG) restricts(s *bngsim.Session) bool {
	return s.InForce() != "" || slices.ContainsFunc(s.Sets, func(set string) bool { return set != suspendedSet })
}

// names are what the BNG and its subscribers are called.
func (b *labBNG) names() []string {
	names := []string{b.name}
	for _, p := range b.world.subscribers {
		if p.bng == b {
			names = append(names, p.name)
		}
	}
	return names
}
