package bench

import (
	"context"
	"crypto/md5" //nolint:gosec // RFC 2866 section 3 fixes MD5
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Load is how accounting is sent: records of many sessions from several ports,
// with so many on their way at a time. Each session is begun, reports eight
// times, ends, and is followed by another one of the same line; a session's
// next record leaves once the one before was answered.
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
	return errors.Join(errs...)
}

// Taken is what a load came to.
type Taken struct {
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
	nobodyAt   = 15 * time.Second // without any answer: nobody is there
	pollAnswer = 50 * time.Millisecond
)

// Run sends the load and returns once all of it is answered.
func (l *Load) Run(ctx context.Context) (Taken, error) {
	if err := l.Validate(); err != nil {
		return Taken{}, fmt.Errorf("load: %w", err)
	}
	sources := make([]*source, l.Sources)
	for i := range sources {
		s, err := l.source(i)
		if err != nil {
			return Taken{}, fmt.Errorf("load: %w", err)
		}
		defer func() { _ = s.conn.Close() }()
		sources[i] = s
	}
	watch := startWatch()
	var running sync.WaitGroup
	errs := make([]error, len(sources))
	for i, s := range sources {
		running.Go(func() { errs[i] = s.run(ctx) })
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return Taken{}, fmt.Errorf("load: %w", err)
	}
	total, again := &tally{}, 0
	for _, s := range sources {
		total.add(&s.tally)
		again += s.again
	}
	f := watch.figures(total)
	return Taken{Answered: f.Acked, Again: again, PerSecond: f.PerSecond, P50: f.P50, P99: f.P99}, nil
}

// source is one port; only its own goroutine touches it.
type source struct {
	tally
	conn   *net.UDPConn
	load   *Load
	left   int // records to begin
	places []place
	again  int
}

// place is one identifier: a record on its way, or nothing.
type place struct {
	packet []byte
	began  time.Time // zero: nothing is on its way
	sent   time.Time // last transmission
	lines  []line
	next   int // of lines
}

// source opens port i and deals out its share of lines and records.
func (l *Load) source(i int) (*source, error) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(l.Target))
	if err != nil {
		return nil, err
	}
	s := &source{conn: conn, load: l, left: share(l.Records, l.Sources, i), places: make([]place, share(l.Window, l.Sources, i))}
	for n := range l.Lines {
		if n%l.Sources == i {
			p := &s.places[n/l.Sources%len(s.places)]
			p.lines = append(p.lines, line{number: n, step: n % steps})
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
		if err := s.begin(i); err != nil {
			return err
		}
	}
	answer := make([]byte, 4096)
	heard := time.Now()
	for s.acked < s.begun() || s.left > 0 {
		if err := s.conn.SetReadDeadline(time.Now().Add(pollAnswer)); err != nil {
			return err
		}
		n, err := s.conn.Read(answer)
		now := time.Now()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && s.accept(answer[:n], now):
			heard = now
			if s.left > 0 {
				if err := s.begin(int(answer[1])); err != nil {
					return err
				}
			}
		case now.Sub(heard) > nobodyAt:
			return fmt.Errorf("%w at %v", ErrNobody, s.load.Target)
		case err != nil: // nothing came, or an ICMP complaint while the server starts
			s.repeat(now)
		}
	}
	return nil
}

// begun is how many records have been sent for the first time.
func (s *source) begun() (n int) {
	n = s.acked
	for i := range s.places {
		if !s.places[i].began.IsZero() {
			n++
		}
	}
	return n
}

// begin sends the next record of place i.
func (s *source) begin(i int) error {
	if s.left == 0 {
		return nil
	}
	s.left--
	p := &s.places[i]
	l := &p.lines[p.next]
	p.next = (p.next + 1) % len(p.lines)
	p.began = time.Now()
	p.packet = l.packet(p.packet[:0], byte(i), s.load, p.began)
	p.sent = p.began
	_, err := s.conn.Write(p.packet)
	return err
}

// accept takes an answer in; false if it answers nothing.
func (s *source) accept(answer []byte, now time.Time) bool {
	if len(answer) < 20 || answer[0] != 5 || int(answer[1]) >= len(s.places) {
		return false
	}
	p := &s.places[answer[1]]
	if p.began.IsZero() || !authenticAnswer(answer, p.packet, s.load.Secret) {
		return false
	}
	s.acked++
	s.took = append(s.took, now.Sub(p.began))
	p.began = time.Time{}
	return true
}

func authenticAnswer(answer, request, secret []byte) bool {
	sum := md5.New() //nolint:gosec // RFC 2866 section 3 fixes MD5
	sum.Write(answer[:4])
	sum.Write(request[4:20])
	sum.Write(answer[20:])
	sum.Write(secret)
	return string(sum.Sum(nil)) == string(answer[4:20])
}

// repeat sends again what has waited for long.
func (s *source) repeat(now time.Time) {
	for i := range s.places {
		p := &s.places[i]
		if !p.began.IsZero() && now.Sub(p.sent) >= sendAgain {
			p.sent = now
			s.again++
			_, _ = s.conn.Write(p.packet) // what fails is sent again
		}
	}
}

// line is a subscriber's line, whose sessions follow each other.
type line struct {
	number  int
	step    int // of the session's life: 0 Start, the last Stop, Interim-Updates between
	session int // how many came before
}

// steps of a session's life.
const steps = 10

// packet appends the line's next record to b.
func (l *line) packet(b []byte, identifier byte, load *Load, now time.Time) []byte {
	status := byte(3) // Interim-Update
	switch l.step {
	case 0:
		status = 1
	case steps - 1:
		status = 2
	}
	b = append(b, 4, identifier, 0, 0)
	b = append(b, make([]byte, 16)...)
	text := func(kind byte, format string, args ...any) {
		at := len(b)
		b = append(b, kind, 0)
		b = fmt.Appendf(b, format, args...)
		b[at+1] = byte(len(b) - at)
	}
	number := func(kind byte, n uint32) { b = binary.BigEndian.AppendUint32(append(b, kind, 6), n) }
	n := l.number
	text(1, "user%07d@isp.example", n)
	number(4, 127<<24|1)
	number(40, uint32(status))
	text(44, "%08x%04x", n, l.session)
	number(8, 100<<24|uint32(64<<16+n))
	number(55, uint32(now.Unix()))
	number(46, uint32(l.step)*600)
	number(42, uint32(l.step)*100_000)
	number(43, uint32(l.step)*1_000_000)
	text(31, "02:00:00:%02x:%02x:%02x", byte(n>>16), byte(n>>8), byte(n))
	text(87, "ge-1/0/0.%d:%d", n%4000, n%1000)
	if load.Dual {
		b = append(b, 97, 20, 0, 64, 0x20, 0x01, 0x0d, 0xb8, 0, byte(n>>16), byte(n>>8), byte(n), 0, 0, 0, 0, 0, 0, 0, 0)
		b = append(b, 123, 20, 0, 56, 0x20, 0x01, 0x0d, 0xb9, byte(n>>16), byte(n>>8), byte(n), 0, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	sum := md5.New() //nolint:gosec // RFC 2866 section 3 fixes MD5
	sum.Write(b)
	sum.Write(load.Secret)
	copy(b[4:20], sum.Sum(nil))
	if l.step++; l.step == steps {
		l.step, l.session = 0, l.session+1
	}
	return b
}
