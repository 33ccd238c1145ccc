package coa

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"layeh.com/radius"

	"cordon/radiusx"
)

const testSecret = "a secret of decent length"

var testKey = radiusx.NewKey([]byte(testSecret))

var (
	clientAddr = netip.MustParseAddr("192.0.2.250")
	bng1       = netip.MustParseAddrPort("192.0.2.1:3799")
	bng2       = netip.MustParseAddrPort("192.0.2.2:3799")
)

// wire is a network in memory. A host is a function that is called with each
// datagram sent to it, in the sender's goroutine.
type wire struct {
	mu      sync.Mutex
	hosts   map[netip.AddrPort]host
	sockets map[netip.AddrPort]*socket
	refused error // what opening a port fails with
}

// host receives one datagram. An error is what the sender's write returns.
type host func(w *wire, d packet) error

type packet struct {
	from, to netip.AddrPort
	octets   []byte
	at       time.Time
}

func newWire() *wire {
	return &wire{hosts: make(map[netip.AddrPort]host), sockets: make(map[netip.AddrPort]*socket)}
}

func (w *wire) attach(at netip.AddrPort, h host) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hosts[at] = h
}

func (w *wire) listen(_, address string) (net.PacketConn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refused != nil {
		return nil, w.refused
	}
	local := netip.AddrPortFrom(netip.MustParseAddrPort(address).Addr(), uint16(40000+len(w.sockets)))
	s := &socket{wire: w, local: local, inbox: make(chan packet, 1<<15), closed: make(chan struct{})}
	w.sockets[local] = s
	return s, nil
}

// send carries a datagram to a socket of the client.
func (w *wire) send(from, to netip.AddrPort, octets []byte) {
	w.mu.Lock()
	s := w.sockets[to]
	w.mu.Unlock()
	select {
	case s.inbox <- packet{from: from, to: to, octets: bytes.Clone(octets)}:
	default:
		panic("inbox of the test socket is full")
	}
}

// fail has the next read of a socket return an error.
func (w *wire) fail(to netip.AddrPort) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sockets[to].inbox <- packet{}
}

var errHint = errors.New("connection refused, says somebody")

// socket is the client's end of the wire.
type socket struct {
	net.PacketConn // nil: the client uses no other method
	wire           *wire
	local          netip.AddrPort
	inbox          chan packet
	closed         chan struct{}
}

func (s *socket) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(s.local) }

func (s *socket) Close() error {
	close(s.closed)
	return nil
}

func (s *socket) ReadFrom(buffer []byte) (int, net.Addr, error) {
	select {
	case p := <-s.inbox:
		if !p.from.IsValid() {
			return 0, nil, errHint
		}
		return copy(buffer, p.octets), net.UDPAddrFromAddrPort(p.from), nil
	case <-s.closed:
		return 0, nil, net.ErrClosed
	}
}

func (s *socket) WriteTo(octets []byte, to net.Addr) (int, error) {
	peer := to.(*net.UDPAddr).AddrPort()
	s.wire.mu.Lock()
	h := s.wire.hosts[peer]
	s.wire.mu.Unlock()
	if h == nil {
		return len(octets), nil // silence
	}
	return len(octets), h(s.wire, packet{s.local, peer, bytes.Clone(octets), time.Now()})
}

// tap records what reaches it and passes it on to then, if not nil.
type tap struct {
	mu   sync.Mutex
	seen []packet
	then host
}

func (t *tap) host(w *wire, p packet) error {
	t.mu.Lock()
	t.seen = append(t.seen, p)
	t.mu.Unlock()
	if t.then == nil {
		return nil
	}
	return t.then(w, p)
}

func (t *tap) packets() []packet {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]packet(nil), t.seen...)
}

// acks answers everything with an ACK at once.
func acks(w *wire, p packet) error {
	w.send(p.to, p.from, ack(p.octets))
	return nil
}

// ack is the ACK to a request, with Message-Authenticator, under testSecret.
func ack(request []byte) []byte {
	return reply{request: request, code: radius.Code(request[0]) + 1, signed: true}.encode()
}

// nak is the NAK to a request with that Error-Cause.
func nak(request []byte, cause uint32) []byte {
	return reply{request: request, code: radius.Code(request[0]) + 2, signed: true,
		attributes: binary.BigEndian.AppendUint32([]byte{errorCause, 6}, cause)}.encode()
}

// reply is an answer to make. It is built with layeh's codec and crypto/md5,
// so that client and test do not share their mistakes.
type reply struct {
	request    []byte
	code       radius.Code
	attributes []byte
	signed     bool   // with a Message-Authenticator
	secret     string // testSecret if empty
}

func (r reply) encode() []byte {
	secret := []byte(r.secret)
	if r.secret == "" {
		secret = []byte(testSecret)
	}
	b := append([]byte{byte(r.code), r.request[1], 0, 0}, r.request[4:20]...)
	b = append(b, r.attributes...)
	b[2], b[3] = byte(len(b)>>8), byte(len(b))
	if r.signed {
		b = radiusx.AppendMessageAuthenticator(b)
		radiusx.SignMessageAuthenticator(b, secret, r.request[4:20])
	}
	sum := md5.Sum(append(bytes.Clone(b), secret...))
	copy(b[4:20], sum[:])
	return b
}

func secretOf(t testing.TB, s string) radiusx.Secret {
	t.Helper()
	secret, err := radiusx.NewSecret(s)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// request is a plain CoA-Request to peer.
func requestTo(t testing.TB, peer netip.AddrPort) Exchange {
	t.Helper()
	return Exchange{
		Peer:   peer,
		Secret: secretOf(t, testSecret),
		Code:   radius.CodeCoARequest,
		Attributes: radius.Attributes{
			{Type: 44, Attribute: radius.Attribute("0000A1B2")},
			{Type: 1, Attribute: radius.Attribute("sub1@isp")},
		},
	}
}

// clientOn returns a client on the wire that is closed with the test.
func clientOn(t testing.TB, w *wire, change func(*Config)) *Client {
	t.Helper()
	config := Config{Source: clientAddr, Listen: w.listen}
	if change != nil {
		change(&config)
	}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

// do carries out x, which must not end in an error.
func do(t testing.TB, c *Client, x Exchange) Result {
	t.Helper()
	r, err := c.Do(t.Context(), x)
	if err != nil {
		t.Fatalf("exchange with %v: %v", x.Peer, err)
	}
	return r
}
