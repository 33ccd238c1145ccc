package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"cordon/radiusx"
	"cordon/radiusx/mmsg"
)

// Load is how accounting is sent: records of many sessions from several ports,
// with so many on their way at a time. Each session is begun, reports eight
// times, ends, and is followed by another one of the same line; a session's
// next record leaves once the one before was answered. By their Event-Timestamps
// ten minutes lie between them.
type Load struct {
	Target  netip.AddrPort
	Secret  []byte
	Lines   int  // sessions on line at a time
	Records int  // to send, at least one for each place of the window
	Window  int  // records on their way at a time
	Sources int  // ports that they leave from, with at most 256 places of the window each
	Dual    bool // IPv6 prefixes beside the IPv4 address
}

// Validate reports every fault.
func (l *Load) Validate() error {
	var errs []error
	if l.Sources < 1 || l.Window < l.Sources || l.Window > 256*l.Sources {
		errs = append(errs, fmt.Errorf("window: %d is not between 1 and 256 for each of %d ports", l.Window, l.Sources))
	}
	if l.Lines < l.Window || l.Records < l.Window {
		errs = append(errs, fmt.Errorf("sessions %d and records %d: fewer than the window %d", l.Lines, l.Records, l.Window))
	}
	if l.Lines > 0 && l.Records/l.Lines > mostRecords {
		errs = append(errs, fmt.Errorf("records %d: more than %d for each of %d sessions", l.Records, mostRecords, l.Lines))
	}
	return errors.Join(errs...)
}

// mostRecords is how many records a line may send: the first must not be too old
// to be accepted.
const mostRecords = 400

// Throughput is what a load came to.
type Throughput struct {
	Answered  int     `json:"answered"`
	Again     int     `json:"sent_again"` // transmissions after a second without an answer
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_us"`
	P99       float64 `json:"p99_us"`
	CPU       float64 `json:"cpu_us_per_record"`       // of the server, user and system, in microseconds
	RedisCPU  float64 `json:"redis_cpu_us_per_record"` // of Redis for it
}

// How long a record is waited for.
const (
	sendAgain  = time.Second
	silentAt   = 15 * time.Second // without any answer: the server is down
	pollAnswer = 50 * time.Millisecond
)

// traffic is a load under way: its lines go on from one run to the next.
type traffic struct{ sources []*source }

// open opens the load's ports and begins its lines, which will send the load
// and as many records before it as the first argument.
func (l *Load) open(before int) (*traffic, error) {
	if err := l.Validate(); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	tr := &traffic{}
	began := time.Now().Add(-time.Duration(2*(before+l.Records)/l.Lines+20) * recordEvery)
	for i := range l.Sources {
		s, err := l.source(i, began)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("load: %w", err), tr.Close())
		}
		tr.sources = append(tr.sources, s)
	}
	return tr, nil
}

// Close closes the ports.
func (tr *traffic) Close() error {
	var errs []error
	for _, s := range tr.sources {
		errs = append(errs, s.conn.Close())
	}
	return errors.Join(errs...)
}

// run sends so many records and returns once all of them are answered.
func (tr *traffic) run(ctx context.Context, records int) (Throughput, error) {
	watch := startWatch()
	var running sync.WaitGroup
	errs := make([]error, len(tr.sources))
	for i, s := range tr.sources {
		s.left, s.tally, s.again = share(records, len(tr.sources), i), tally{}, 0
		running.Go(func() { errs[i] = s.run(ctx) })
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return Throughput{}, fmt.Errorf("load: %w", err)
	}
	total, again := &tally{}, 0
	for _, s := range tr.sources {
		total.add(&s.tally)
		again += s.again
	}
	f := watch.figures(total)
	return Throughput{Answered: f.Acked, Again: again, PerSecond: f.PerSecond, P50: f.P50, P99: f.P99}, nil
}

// source is one port; only its own goroutine touches it.
type source struct {
	tally
	conn    *net.UDPConn
	reader  *mmsg.Reader
	writer  *mmsg.Writer
	load    *Load
	key     *radiusx.Key
	left    int // records to begin
	onWay   int // records that wait for their answers
	places  []place
	sending []mmsg.Datagram
	again   int
}

// place is one identifier: a record on its way, or nothing.
type place struct {
	packet []byte    // nil: nothing is on its way
	began  time.Time // first transmission
	sent   time.Time // last transmission
	lines  []*line
	next   int // of lines
}

// source opens port i and deals out its share of lines.
func (l *Load) source(i int, began time.Time) (*source, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(l.Target.Addr(), 0)))
	if err != nil {
		return nil, err
	}
	s := &source{conn: conn, load: l, key: radiusx.NewKey(l.Secret), places: make([]place, share(l.Window, l.Sources, i))}
	var errs [2]error
	s.reader, errs[0] = mmsg.NewReader(conn, 64, radiusx.MaxPacketLength)
	s.writer, errs[1] = mmsg.NewWriter(conn, 64)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	for n := range l.Lines {
		if n%l.Sources == i {
			p := &s.places[n/l.Sources%len(s.places)]
			p.lines = append(p.lines, newLine(n, n%steps, began, l.Dual))
		}
	}
	return s, nil
}

// share is what part i of so many gets of n.
func share(n, parts, i int) int {
	if i < n%parts {
		return n/parts + 1
	}
	return n / parts
}

func (s *source) run(ctx context.Context) error {
	for i := range s.places {
		s.begin(i, time.Now())
	}
	if err := s.flush(); err != nil {
		return err
	}
	last := time.Now()
	for s.onWay > 0 || s.left > 0 {
		if err := s.conn.SetReadDeadline(time.Now().Add(pollAnswer)); err != nil {
			return err
		}
		answers, err := s.reader.Read()
		now := time.Now()
		for _, answer := range answers {
			if s.accept(answer, now) {
				last = now
				s.begin(int(answer.Octets[1]), now)
			}
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case now.Sub(last) > silentAt:
			return fmt.Errorf("%w at %v", ErrNoReply, s.load.Target)
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case err != nil:
			s.repeat(now)
		}
		if err := s.flush(); err != nil {
			return err
		}
	}
	return nil
}

// begin has place i send its next record.
func (s *source) begin(i int, now time.Time) {
	if s.left == 0 {
		return
	}
	s.left--
	s.onWay++
	p := &s.places[i]
	l := p.lines[p.next]
	p.next = (p.next + 1) % len(p.lines)
	p.packet, p.began = l.packet(byte(i), s.key), now
	s.transmit(p, now)
}

func (s *source) transmit(p *place, now time.Time) {
	p.sent = now
	s.sending = append(s.sending, mmsg.Datagram{Octets: p.packet, Peer: s.load.Target})
}

// flush sends what is to be transmitted.
func (s *source) flush() error {
	for left := s.sending; len(left) > 0; {
		n, err := s.writer.Write(left)
		if left = left[n:]; errors.Is(err, mmsg.ErrFull) {
			err = s.writer.WaitReady()
		}
		if err != nil {
			return err
		}
	}
	s.sending = s.sending[:0]
	return nil
}

// accept takes an answer in; false if it answers nothing.
func (s *source) accept(d mmsg.Datagram, now time.Time) bool {
	answer := d.Octets
	if d.Peer != s.load.Target || len(answer) < radiusx.HeaderLength || answer[0] != 5 || int(answer[1]) >= len(s.places) {
		return false
	}
	p := &s.places[answer[1]]
	if p.packet == nil || !s.key.CheckResponse(answer, p.packet[4:radiusx.HeaderLength]) {
		return false
	}
	s.acked++
	s.onWay--
	s.took = append(s.took, now.Sub(p.began))
	p.packet = nil
	return true
}

// repeat sends again what has waited for long.
func (s *source) repeat(now time.Time) {
	for i := range s.places {
		p := &s.places[i]
		if p.packet != nil && now.Sub(p.sent) >= sendAgain {
			s.again++
			s.transmit(p, now)
		}
	}
}
