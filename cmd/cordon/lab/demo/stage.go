package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"cordon/cmd/cordon/app"
	lab "cordon/cmd/cordon/lab/bngsim"
	"cordon/radiusx"
	"cordon/radiusx/bngsim"
)

// stage is everything that the story runs on: it owns a directory, a Redis, the server
// and the BNGs, and strike removes all of it.
type stage struct {
	Config
	*screen
	transcript *transcript
	api        *api
	accounting net.Addr // where the server takes accounting
	file       string   // the server's configuration
	bngs       []*bng
	cleanups   []func() error // run in reverse order by strike
}

// bng is one simulated BNG of the stage.
type bng struct {
	*lab.BNG
	name    string
	made    made
	path    *path         // in front of its socket
	secret  string        // shared with the server
	arrived atomic.Uint64 // CoA and Disconnect datagrams that reached it
}

// made is what differs between the two BNGs.
type made struct {
	dialect string // of the server; the simulated platform has the same name
	nasIP   string
	v4, v6  string
	normal  string // normal profile of the configuration
}

// The BNGs: one platform that overlays a restriction, one that replaces the normal
// profile. The addresses are for examples and tests (RFC 2544, RFC 3849).
var platforms = []struct {
	name string
	made
}{
	{"junos1", made{"junos", "192.0.2.1", "198.18.0.0/16", "2001:db8:1000::/36", "overlay"}},
	{"mikrotik1", made{"mikrotik", "192.0.2.2", "198.19.0.0/16", "2001:db8:2000::/36", lab.Normal("mikrotik")}},
}

// Sizes and times of the stage.
const (
	subscribers = 150 // a BNG
	interim     = 30 * time.Second
	loginTime   = time.Minute // for all log-ins together
)

// Names of the profiles on both BNGs.
const (
	garden = "GARDEN"
	noSMTP = "NO-SMTP"
)

// setStage starts everything and logs the subscribers in. fail is called with the cause
// if a part ends later. After an error nothing is left.
func setStage(ctx context.Context, c Config, fail context.CancelCauseFunc) (_ *stage, err error) {
	s := &stage{Config: c, screen: &screen{w: c.Out, bold: c.Bold}, transcript: &transcript{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.strike())
		}
	}()
	dir, err := os.MkdirTemp("", "cordon-demo-")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	s.cleanUp(func() error { return os.RemoveAll(dir) })
	store, err := startRedis(dir, c.Embedded)
	if err != nil {
		return nil, err
	}
	s.cleanUp(func() error { store.stop(); return nil })
	accounting, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for accounting: %w", err)
	}
	s.cleanUp(func() error { _ = accounting.Close(); return nil }) // the server has closed it already
	acctSecret := rand.Text()
	if err := s.openBNGs(accounting.LocalAddr().String(), acctSecret); err != nil {
		return nil, err
	}
	server, err := s.startServer(ctx, dir, store, accounting, acctSecret)
	if err != nil {
		return nil, err
	}
	s.startBNGs()
	s.introduce(store)
	go func() { // ends with ctx
		select {
		case <-ctx.Done():
		case err := <-server.Failed():
			fail(&partError{"the server", err})
		case err := <-store.ended:
			fail(&partError{"redis-server", err})
		}
	}()
	return s, s.fill(ctx)
}

// cleanUp adds a function for strike.
func (s *stage) cleanUp(f func() error) { s.cleanups = append(s.cleanups, f) }

// strike stops and removes everything, the last first.
func (s *stage) strike() error {
	var errs []error
	for len(s.cleanups) > 0 {
		last := s.cleanups[len(s.cleanups)-1]
		s.cleanups = s.cleanups[:len(s.cleanups)-1]
		errs = append(errs, last())
	}
	return errors.Join(errs...)
}

// openBNGs binds the BNGs' sockets, each with its own secret.
func (s *stage) openBNGs(acctServer, acctSecret string) error {
	for i, m := range platforms {
		b := &bng{name: m.name, made: m.made, secret: rand.Text()}
		secret, err := radiusx.NewSecret(b.secret)
		if err != nil {
			return err
		}
		acct, err := radiusx.NewSecret(acctSecret)
		if err != nil {
			return err
		}
		b.BNG, err = lab.Open(lab.Config{
			Name: m.name, Platform: m.dialect, NASIP: netip.MustParseAddr(m.nasIP), Listen: "127.0.0.1:0", Secret: secret,
			AcctServer: acctServer, AcctSecret: acct, Interim: interim, Profiles: []string{garden, noSMTP},
			Subscribers: subscribers, V4: netip.MustParsePrefix(m.v4), V6: netip.MustParsePrefix(m.v6), Seed: s.Seed + uint64(i),
			OnPacket: b.count,
		}, func(conn net.PacketConn) net.PacketConn {
			b.path = newPath(conn)
			return b.path
		})
		if err != nil {
			return fmt.Errorf("open %s: %w", m.name, err)
		}
		s.cleanUp(func() error { _ = b.Close(); return nil }) // Run has closed it already
		s.bngs = append(s.bngs, b)
	}
	return nil
}

// count counts the requests that reach the BNG.
func (b *bng) count(p bngsim.Packet) {
	if !p.Sent && !p.Accounting {
		b.arrived.Add(1)
	}
}

// startServer writes the configuration and runs the server with it.
func (s *stage) startServer(ctx context.Context, dir string, store *redis, accounting net.PacketConn, acctSecret string) (*app.App, error) {
	c := configuration{
		Redis: store.addr, Journal: filepath.Join(dir, "journal"), Listen: s.Listen, AcctSecret: acctSecret,
	}
	for _, b := range s.bngs {
		c.BNGs = append(c.BNGs, configuredBNG{b.name, b.made.dialect, b.made.nasIP, b.secret, b.Addr().Port(), b.made.normal})
	}
	file, err := c.write(dir)
	if err != nil {
		return nil, err
	}
	cfg, parts, _, err := app.Load(file)
	if err != nil {
		return nil, err
	}
	server, err := app.New(ctx, cfg, parts, app.Options{
		Logger: s.Logger, Version: s.Version, Debug: s.transcript, AccountingConns: []net.PacketConn{accounting},
		RedisWithout: store.lacks,
	})
	if err != nil {
		return nil, err
	}
	server.Start()
	s.cleanUp(func() error { server.Stop(); return nil })
	if s.api, err = newAPI("http://" + server.Addr().String()); err != nil {
		return nil, err
	}
	s.accounting, s.file = accounting.LocalAddr(), file
	return server, nil
}

// introduce prints the parts of the stage.
func (s *stage) introduce(store *redis) {
	s.heading(fmt.Sprintf("Cordon's demo: the real server, two simulated BNGs (seed %d)", s.Seed))
	s.say("redis       %s", store.about)
	s.say("config      %s", s.file)
	s.say("API         %s, accounting at %s/udp", s.api.base, s.accounting)
}

// startBNGs runs the BNGs until the stage is struck.
func (s *stage) startBNGs() {
	life, end := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, b := range s.bngs {
		running.Go(func() { _ = b.Run(life) }) // fails only if run twice
	}
	s.cleanUp(func() error {
		end()
		running.Wait()
		return nil
	})
}

// fill logs all subscribers in.
func (s *stage) fill(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, loginTime)
	defer cancel()
	for _, b := range s.bngs {
		if err := b.LoginAll(ctx); err != nil {
			return err
		}
		s.say("%-11s %s, CoA at %s/udp, %d subscribers online with IPv4 and IPv6", b.name, b.made.dialect, b.Addr(), len(b.Sessions()))
	}
	return nil
}
