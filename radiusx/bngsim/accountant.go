package bngsim

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"layeh.com/radius"

	"cordon/radiusx"
)

// lanes is how many records are on their way at once. Each lane works its
// records off in order, so that a session's Stop never overtakes its Start.
const lanes = 32

// accountant sends accounting records until the server answers them. Each
// retransmission has a new identifier, because its Acct-Delay-Time differs
// (RFC 2866 section 4.1).
type accountant struct {
	bng    *BNG
	config Accounting
	server netip.AddrPort
	lanes  [lanes]lane

	mu         sync.Mutex // guards what follows
	random     *rand.Rand // jitter
	identifier byte
	waiting    [256]*transmission // by identifier; nil for free
}

// lane is the queue of one sender.
type lane struct {
	wake chan struct{} // capacity 1

	mu    sync.Mutex // guards what follows; without bound: a backlog is as long as the server's outage
	queue []*report
	gone  chan struct{} // closed by forget, to end the transmission in progress
}

// transmission is one datagram that waits for its answer; packet and done are
// guarded by accountant.mu.
type transmission struct {
	packet   []byte
	answered chan struct{}
	done     bool // answered is closed
}

func newAccountant(b *BNG, config Accounting) *accountant {
	a := &accountant{
		bng: b, config: config, server: config.Server,
		random: rand.New(rand.NewPCG(b.config.Seed, 1)), //nolint:gosec // jitter, not keys
	}
	for i := range a.lanes {
		a.lanes[i].wake = make(chan struct{}, 1)
		a.lanes[i].gone = make(chan struct{})
	}
	return a
}

// queue appends a record to its lane.
func (a *accountant) queue(r *report) {
	hash := uint32(2166136261) // FNV-1a
	for i := range len(r.lane) {
		hash = (hash ^ uint32(r.lane[i])) * 16777619
	}
	a.lanes[hash%lanes].push(r)
}

func (l *lane) push(r *report) {
	l.mu.Lock()
	l.queue = append(l.queue, r)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// pop returns the next record and what ends it, nil when there is none.
func (l *lane) pop() (*report, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return nil, nil
	}
	r := l.queue[0]
	l.queue = l.queue[1:]
	return r, l.gone
}

// forget drops everything that was not answered; whoever waits for it goes on.
func (a *accountant) forget() {
	for i := range a.lanes {
		l := &a.lanes[i]
		l.mu.Lock()
		for _, r := range l.queue {
			close(r.answered)
		}
		l.queue = nil
		close(l.gone)
		l.gone = make(chan struct{})
		l.mu.Unlock()
	}
}

// run reads answers and works the lanes off until ctx ends and the socket is
// closed.
func (a *accountant) run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { a.read(ctx) })
	for i := range a.lanes {
		running.Go(func() { a.work(ctx, &a.lanes[i]) })
	}
	running.Wait()
}

func (a *accountant) work(ctx context.Context, l *lane) {
	for {
		r, gone := l.pop()
		if r != nil {
			a.deliver(ctx, r, gone)
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
	}
}

// deliver sends a record again and again until it is answered, forgotten or ctx
// ends. In the last case the answer is not passed on.
func (a *accountant) deliver(ctx context.Context, r *report, gone <-chan struct{}) {
	for pause := a.config.Retry; ; pause = min(2*pause, a.config.MaxRetry) {
		id, t := a.transmit(r)
		timer := time.NewTimer(a.jittered(pause))
		select {
		case <-t.answered:
			close(r.answered)
		case <-gone:
			close(r.answered)
		case <-timer.C:
			a.release(id, t)
			continue
		case <-ctx.Done():
		}
		timer.Stop()
		a.release(id, t)
		return
	}
}

// jittered returns a time within 10 percent of d (RFC 5080 section 2.2.1).
func (a *accountant) jittered(d time.Duration) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Duration(float64(d) * (0.9 + 0.2*a.random.Float64()))
}

// transmit sends the record once.
func (a *accountant) transmit(r *report) (byte, *transmission) {
	t := &transmission{answered: make(chan struct{})}
	id := a.reserve(t)
	delay := max(a.bng.config.Now().Sub(r.at)/time.Second, 0)
	attrs := append(slices.Clip(r.attributes), &radius.AVP{Type: 41, Attribute: radius.NewInteger(uint32(delay))})
	packet := radius.Packet{Code: radius.CodeAccountingRequest, Identifier: id, Secret: a.config.Secret.Bytes(), Attributes: attrs}
	encoded, err := packet.Encode()
	if err != nil { // longer than 4096 octets: cannot be, a record has some twenty attributes
		panic("bngsim: encode accounting: " + err.Error())
	}
	a.mu.Lock()
	t.packet = encoded
	a.mu.Unlock()
	a.bng.emit(encoded, path{conn: a.config.Conn, peer: a.server, accounting: true})
	return id, t
}

// reserve takes a free identifier; there are more of them than lanes.
func (a *accountant) reserve(t *transmission) byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.waiting[a.identifier] != nil {
		a.identifier++
	}
	id := a.identifier
	a.waiting[id] = t
	a.identifier++
	return id
}

// release frees the identifier of a transmission.
func (a *accountant) release(id byte, t *transmission) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting[id] == t {
		a.waiting[id] = nil
	}
}

// read takes answers from the socket until it is closed.
func (a *accountant) read(ctx context.Context) {
	local, _ := addrPort(a.config.Conn.LocalAddr())
	readPackets(ctx, a.config.Conn, func(datagram []byte, peer netip.AddrPort) {
		a.bng.arrive(datagram, path{conn: a.config.Conn, local: local, peer: peer, accounting: true}, a.receive)
	})
}

// receive takes one answer.
func (a *accountant) receive(datagram []byte, p path) {
	note := a.accept(datagram, p.peer)
	a.bng.seen(Packet{Accounting: true, Local: p.local, Peer: p.peer, Datagram: datagram, Note: note})
}

func (a *accountant) accept(datagram []byte, peer netip.AddrPort) Note {
	packet, err := radiusx.Trim(datagram)
	switch {
	case peer != a.server:
		return ForbiddenSource
	case err != nil:
		return MalformedPacket
	case packet[0] != byte(radius.CodeAccountingResponse):
		return UnexpectedCode
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.waiting[packet[1]]
	if t == nil || t.packet == nil || !radius.IsAuthenticResponse(packet, t.packet, a.config.Secret.Bytes()) {
		return WrongAuthenticator
	}
	if !t.done {
		t.done = true
		close(t.answered)
	}
	return Handled
}

// addrPort returns a socket's address, an IPv4 one never as ::ffff:.
func addrPort(addr net.Addr) (netip.AddrPort, bool) {
	if a, ok := addr.(interface{ AddrPort() netip.AddrPort }); ok {
		ap := a.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), true
	}
	ap, err := netip.ParseAddrPort(addr.String())
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), err == nil
}
