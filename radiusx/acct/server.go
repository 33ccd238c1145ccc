package acct

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Server receives accounting. Make one with [New], run it once with
// [Server.Run].
type Server struct {
	config  Config
	clients *clientTable
	filter  *attributeFilter
	sockets []*socket
	queues  []chan *exchange // one a worker; sessions are spread over them
	answers *answers
	open    *watermark
	lag     *lag
	clocks  *clocks
	tally   tally
	faults  FaultLog
	started atomic.Bool
}

// New opens the sockets and returns a server that is bound but does not read
// yet. Call Run or Close.
func New(config Config) (*Server, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("accounting server: %w", err)
	}
	config.setDefaults()
	filter, err := newAttributeFilter(config.Dictionary, config.SubscriberKey, config.Attributes, config.Naming...)
	if err != nil {
		return nil, fmt.Errorf("accounting server: %w", err)
	}
	s := &Server{
		config:  config,
		clients: newClientTable(config.Clients),
		filter:  filter,
		answers: newAnswers(config.Answers, config.AnswerWindow),
		open:    newWatermark(config.Linger),
		lag:     newLag(),
		clocks:  newClocks(config.MaxAge),
	}
	for range config.Workers {
		s.queues = append(s.queues, make(chan *exchange, config.Queue/config.Workers))
	}
	for _, conn := range config.Conns {
		s.sockets = append(s.sockets, newSocket(conn))
	}
	for _, address := range config.Listen {
		conn, err := listen(address)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("accounting server: %w", err), s.Close())
		}
		s.sockets = append(s.sockets, newSocket(conn))
	}
	return s, nil
}

// Addrs returns the local addresses of the sockets, Conns before Listen.
func (s *Server) Addrs() []net.Addr {
	addrs := make([]net.Addr, len(s.sockets))
	for i, socket := range s.sockets {
		addrs[i] = socket.LocalAddr()
	}
	return addrs
}

// Oldest returns the moment from which on accounting is not complete: the event
// time of the earliest record that was received and is not stored yet, or the
// point that a relay has come to which lags behind. ok is false if there is
// neither. Nothing can be said about datagrams that still wait in the kernel.
func (s *Server) Oldest() (oldest time.Time, ok bool) {
	now := s.config.Now()
	oldest, ok = s.open.oldest(now)
	if behind, lags := s.lag.oldest(now); lags && (!ok || behind.Before(oldest)) {
		return behind, true
	}
	return oldest, ok
}

// FaultReports returns what peers did wrong that is to be logged now: each reason,
// peer and NAS once, and again after an hour if it goes on.
func (s *Server) FaultReports() []FaultReport { return s.faults.Due(s.config.Now()) }

// Faults counts what is wrong with authentic records since the start, by reason
// and by the configured BNG that they claim to be about.
func (s *Server) Faults() []FaultCount { return s.faults.Counts() }

// Clocks returns what was measured of the clocks of those that send Event-Timestamp,
// at most 4,096, in no order.
func (s *Server) Clocks() []Clock { return s.clocks.list() }

// Stats returns the counters.
func (s *Server) Stats() Stats { return s.tally.stats() }

// Close closes the sockets of a server that does not run; Run does so itself.
func (s *Server) Close() error {
	var errs []error
	for _, socket := range s.sockets {
		if err := socket.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, fmt.Errorf("close accounting socket: %w", err))
		}
	}
	return errors.Join(errs...)
}

// Run serves until ctx ends, then stops reading, gives what is queued
// Config.Drain to be stored and answered, closes the sockets and returns. It
// can be called once.
func (s *Server) Run(ctx context.Context) error {
	if !s.started.CompareAndSwap(false, true) {
		return errors.New("accounting server: already run")
	}
	handling, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	stop := context.AfterFunc(ctx, func() {
		for _, socket := range s.sockets {
			socket.stopReading()
		}
		time.AfterFunc(s.config.Drain, abandon)
	})
	defer stop()

	var readers, workers sync.WaitGroup
	for _, queue := range s.queues {
		workers.Go(func() { s.work(handling, queue) })
	}
	for _, socket := range s.sockets {
		readers.Go(func() { s.read(ctx, socket) })
	}
	readers.Wait()
	for _, queue := range s.queues {
		close(queue)
	}
	workers.Wait()
	return s.Close()
}
