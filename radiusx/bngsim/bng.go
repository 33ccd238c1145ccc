package bngsim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// What the methods that report a session can fail with, beside the context's
// own error when the accounting server does not answer in time.
var (
	ErrNoSession = errors.New("no such session")
	ErrStopped   = errors.New("BNG stopped") // Run has ended
)

// BNG is one simulated gateway. Make it with [New], run it once with [BNG.Run];
// all methods may be called from any goroutine, before Run too.
type BNG struct {
	config     Config
	words      *vocabulary
	accountant *accountant // nil without accounting
	started    atomic.Bool
	stopped    chan struct{} // closed when Run ends

	packetsMu sync.Mutex
	packets   packetLog

	mu         sync.Mutex      // guards what follows; taken before accountant's
	behaviour  *behaviour      // of the platform under its quirks
	profiles   map[string]bool // nil knows every name
	restartDue bool            // the next request finds it restarting
	asked      time.Time       // when the first request came under these quirks
	random     *rand.Rand
	sessions   map[string]*session   // by Acct-Session-Id
	byUser     map[string][]*session // in order of log-in
	counter    uint64                // of session ids
	freed      []uint64              // numbers of ended sessions, where they are used again
	sequence   uint64                // of log-ins, never begins anew
	faults     Faults
	nakNext    int
	nakCause   ErrorCause
	answers    answerCache
}

// session is a live session; guarded by BNG.mu, the first two fields never
// change.
type session struct {
	sequence   uint64
	subscriber Subscriber

	id        string
	number    uint64 // that the id was made of
	started   time.Time
	busyUntil time.Time // works on requests until then

	state    State
	services []serviceSession // those with accounting of their own
	numbered int              // services so far
	history  []Event
	interim  *report   // the last one sent by itself
	nextAt   time.Time // when the next one is due
}

// serviceSession is the accounting of one active service.
type serviceSession struct {
	name, id string
	started  time.Time
}

// New returns a BNG without sessions. It owns the sockets of the configuration
// from now on: call Run or Close.
func New(config Config) (*BNG, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("simulated BNG: %w", err)
	}
	config.setDefaults()
	how, err := bent(&config, config.Quirks)
	if err != nil {
		return nil, fmt.Errorf("simulated BNG: %w", err)
	}
	words, err := newVocabulary(config.Dictionary)
	if err != nil {
		return nil, fmt.Errorf("simulated BNG: %w", err)
	}
	b := &BNG{
		config:    config,
		words:     words,
		behaviour: how, profiles: config.known(how), restartDue: how.restarts,
		stopped:  make(chan struct{}),
		packets:  packetLog{size: config.KeepPackets},
		random:   rand.New(rand.NewPCG(config.Seed, 0)), //nolint:gosec // faults, not keys
		sessions: make(map[string]*session),
		byUser:   make(map[string][]*session),
		answers:  newAnswerCache(how.duplicateWindow),
	}
	if config.Accounting.Conn != nil {
		b.accountant = newAccountant(b, config.Accounting)
	}
	return b, nil
}

// Addr returns the address of the dynamic authorization server; invalid
// without one.
func (b *BNG) Addr() netip.AddrPort {
	if b.config.Conn == nil {
		return netip.AddrPort{}
	}
	addr, _ := addrPort(b.config.Conn.LocalAddr())
	return addr
}

// Run serves requests and sends accounting until ctx ends, then closes the
// sockets. Sessions and what was not answered stay as they are.
func (b *BNG) Run(ctx context.Context) error {
	if !b.started.CompareAndSwap(false, true) {
		return errors.New("simulated BNG: already run")
	}
	defer close(b.stopped)
	stop := context.AfterFunc(ctx, func() { _ = b.Close() })
	defer stop()
	var running sync.WaitGroup
	if b.config.Conn != nil {
		running.Go(func() { b.serve(ctx, b.config.Conn) })
	}
	if b.accountant != nil {
		running.Go(func() { b.accountant.run(ctx) })
		if b.config.Accounting.Interval > 0 {
			running.Go(func() { b.interims(ctx) })
		}
	}
	running.Wait()
	<-ctx.Done()
	return nil
}

// Close closes the sockets. Run does so itself.
func (b *BNG) Close() error {
	var errs []error
	for _, conn := range []net.PacketConn{b.config.Conn, b.config.Accounting.Conn} {
		if conn == nil {
			continue
		}
		if err := conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, fmt.Errorf("close simulated BNG: %w", err))
		}
	}
	return errors.Join(errs...)
}

// Sessions returns all sessions in order of log-in.
func (b *BNG) Sessions() []Session {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]*session, 0, len(b.sessions))
	for _, s := range b.sessions {
		all = append(all, s)
	}
	slices.SortFunc(all, func(x, y *session) int { return cmp.Compare(x.sequence, y.sequence) })
	return snapshots(all)
}

// Find returns the sessions of a user in order of log-in.
func (b *BNG) Find(user string) []Session {
	b.mu.Lock()
	defer b.mu.Unlock()
	return snapshots(b.byUser[user])
}

// Session returns the session with that Acct-Session-Id.
func (b *BNG) Session(id string) (Session, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.sessions[id]
	if !ok {
		return Session{}, false
	}
	return s.snapshot(), true
}

func snapshots(sessions []*session) []Session {
	all := make([]Session, len(sessions))
	for i, s := range sessions {
		all[i] = s.snapshot()
	}
	return all
}

func (s *session) snapshot() Session {
	subscriber := s.subscriber
	subscriber.Profile = subscriber.Profile.clone()
	return Session{
		ID: s.id, Subscriber: subscriber, State: s.state.clone(), Started: s.started,
		History: slices.Clone(s.history),
	}
}

// notify reports a session to Config.OnSession; the caller holds b.mu.
func (b *BNG) notify(s *session, live bool) {
	if b.config.OnSession != nil {
		b.config.OnSession(s.snapshot(), live)
	}
}

// historyLength is how many events a session keeps, so that a benchmark does
// not fill the memory.
const historyLength = 64

func (s *session) note(at time.Time, what string) {
	if len(s.history) >= historyLength {
		s.history = slices.Delete(s.history, 0, 1)
	}
	s.history = append(s.history, Event{at, what})
}
