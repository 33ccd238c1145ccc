package bngsim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/sync/errgroup"

	"cordon/radiusx/bngsim"
)

// BNG is a simulated BNG on real sockets, with the subscribers that belong to it.
type BNG struct {
	*bngsim.BNG
	Subscribers []bngsim.Subscriber // as they log in first; not changed

	v4 netip.Prefix

	mu   sync.Mutex // guards what follows
	last netip.Addr // the last address that FreeIPv4 gave
}

// Open checks the configuration and binds the sockets. wrap, if not nil, is put
// around the socket that requests come to. Run the BNG, or close it.
func Open(c Config, wrap func(net.PacketConn) net.PacketConn) (*BNG, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Normal == "" {
		c.Normal = Normal(c.Platform)
	}
	sim := c.simulation()
	var err error
	if sim.Conn, err = net.ListenPacket("udp", c.Listen); err != nil {
		return nil, fmt.Errorf("listen for CoA: %w", err)
	}
	if sim.Accounting.Server.IsValid() {
		if sim.Accounting.Conn, err = net.ListenPacket(family(sim.Accounting.Server), ":0"); err != nil {
			return nil, errors.Join(fmt.Errorf("open a socket for accounting: %w", err), sim.Conn.Close())
		}
	}
	if wrap != nil {
		sim.Conn = wrap(sim.Conn)
	}
	b := &BNG{Subscribers: c.subscribers(), v4: c.V4.Masked(), last: c.V4.Masked().Addr()}
	if b.BNG, err = bngsim.New(sim); err != nil {
		err = errors.Join(err, sim.Conn.Close())
		if sim.Accounting.Conn != nil {
			err = errors.Join(err, sim.Accounting.Conn.Close())
		}
		return nil, err
	}
	b.SetFaults(c.Faults)
	return b, nil
}

func family(server netip.AddrPort) string {
	if server.Addr().Is4() {
		return "udp4"
	}
	return "udp6"
}

// simulation is the BNG's configuration but for its sockets; c is valid.
func (c *Config) simulation() bngsim.Config {
	sim := bngsim.Config{
		Name: c.Name, NASIP: c.NASIP, Platform: bngsim.Platform(c.Platform), Secret: c.Secret, RedirectAttribute: c.RedirectAttribute,
		IPSetAttribute: c.IPSetAttribute, Quirks: c.quirks(), SlowBy: c.SlowBy, ClockSkew: c.ClockSkew, HookTakes: c.HookTakes,
		DHCPEvery:                   c.DHCPEvery,
		RequireMessageAuthenticator: c.RequireMessageAuthenticator, Seed: c.Seed, OnPacket: c.OnPacket,
	}
	if len(c.Profiles) > 0 {
		sim.Profiles = append([]string{c.Normal}, c.Profiles...)
	}
	if c.AcctServer != "" {
		server := netip.MustParseAddrPort(c.AcctServer)
		sim.Accounting = bngsim.Accounting{
			Server: netip.AddrPortFrom(server.Addr().Unmap(), server.Port()), Secret: c.AcctSecret, Interval: c.Interim,
		}
	}
	return sim
}

// loginsAtOnce is how many log-ins wait for their answer at the same time.
const loginsAtOnce = 32

// LoginAll logs every subscriber in and waits until the accounting server has
// answered all their Starts.
func (b *BNG) LoginAll(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(loginsAtOnce)
	for _, s := range b.Subscribers {
		group.Go(func() error {
			_, err := b.Login(ctx, s)
			return err
		})
	}
	return group.Wait()
}

// Move logs a session out and its subscriber in again with another IPv4 address,
// as a line that lost its carrier comes back. The address it had is free then.
func (b *BNG) Move(ctx context.Context, id string) (bngsim.Session, error) {
	s, ok := b.Session(id)
	if !ok {
		return s, fmt.Errorf("move %s: %w", id, bngsim.ErrNoSession)
	}
	if err := b.Logout(ctx, id); err != nil {
		return s, err
	}
	next := s.Subscriber
	var err error
	if next.IPv4, err = b.freeIPv4(s.IPv4); err != nil {
		return s, err
	}
	return b.Login(ctx, next)
}

// freeIPv4 returns an address that no session holds and that was not given last;
// not is never returned.
func (b *BNG) freeIPv4(not netip.Addr) (netip.Addr, error) {
	held := map[netip.Addr]bool{not: true, b.v4.Addr(): true}
	for _, s := range b.Sessions() {
		held[s.IPv4] = true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	first := b.last
	for {
		if b.last = b.last.Next(); !b.v4.Contains(b.last) {
			b.last = b.v4.Addr()
		}
		switch {
		case !held[b.last]:
			return b.last, nil
		case b.last == first:
			return netip.Addr{}, fmt.Errorf("no address of %s is free", b.v4)
		}
	}
}
