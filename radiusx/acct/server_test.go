package acct

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"layeh.com/radius"

	"cordon/radiusx"
	"cordon/radiusx/bngsim"
)

// handlerFunc makes a function a Handler.
type handlerFunc func(ctx context.Context, batch []Record) []error

func (f handlerFunc) Handle(ctx context.Context, batch []Record) []error { return f(ctx, batch) }

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testSecret = "a-secret-long-enough-for-tests"

var (
	serverAddr = netip.MustParseAddrPort("192.0.2.10:1813")
	bngAddr    = netip.MustParseAddrPort("192.0.2.1:40000")
)

func secret(t testing.TB, s string) radiusx.Secret {
	t.Helper()
	sec, err := radiusx.NewSecret(s)
	if err != nil {
		t.Fatal(err)
	}
	return sec
}

// memory is a Handler that remembers what it was given.
type memory struct {
	refuse func(Record) error // nil stores everything

	mu      sync.Mutex // guards what follows
	records []Record
	batches []int // their sizes
}

func (m *memory) Handle(_ context.Context, batch []Record) []error {
	errs := make([]error, len(batch))
	for i, r := range batch {
		if m.refuse != nil {
			errs[i] = m.refuse(r)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.batches = append(m.batches, len(batch))
	m.records = append(m.records, batch...)
	return errs
}

func (m *memory) all() []Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Record(nil), m.records...)
}

// rig is a server on a wire in memory, with one client's socket.
type rig struct {
	t      testing.TB
	wire   *bngsim.Wire
	server *Server
	client net.PacketConn
	stop   func() // ends the server and waits for it
}

// newRig must be called inside a synctest bubble; the test calls stop.
func newRig(t testing.TB, handler Handler, configure func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, wire: bngsim.NewWire(1)}
	config := Config{
		Holdable: hostAddress,
		Conns:    []net.PacketConn{r.listen(serverAddr)},
		Clients:  []Client{{Prefix: netip.MustParsePrefix("192.0.2.1/32"), Secret: secret(t, testSecret)}},
		Handler:  handler,
	}
	if configure != nil {
		configure(&config)
	}
	server, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	r.server, r.client = server, r.listen(bngAddr)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = r.client.Close()
	})
	return r
}

func (r *rig) listen(at netip.AddrPort) net.PacketConn {
	r.t.Helper()
	conn, err := r.wire.Listen(at)
	if err != nil {
		r.t.Fatal(err)
	}
	return conn
}

func (r *rig) send(packet []byte) {
	r.t.Helper()
	if _, err := r.client.WriteTo(packet, net.UDPAddrFromAddrPort(serverAddr)); err != nil {
		r.t.Fatal(err)
	}
}

// receive returns the next answer, nil after a minute of silence.
func (r *rig) receive() []byte {
	r.t.Helper()
	if err := r.client.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		r.t.Fatal(err)
	}
	buffer := make([]byte, radiusx.MaxPacketLength)
	n, _, err := r.client.ReadFrom(buffer)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return buffer[:n]
}

// ask sends a packet and returns the answer, nil for silence; a wrong answer
// fails the test.
func (r *rig) ask(packet []byte) []byte {
	r.t.Helper()
	r.send(packet)
	answer := r.receive()
	if answer == nil {
		return nil
	}
	if answer[0] != byte(radius.CodeAccountingResponse) || answer[1] != packet[1] ||
		!radius.IsAuthenticResponse(answer, packet, []byte(testSecret)) {
		r.t.Errorf("answer %x does not fit request %x", answer, packet)
	}
	return answer
}

// accounting makes an Accounting-Request of text in radclient's syntax.
func accounting(t testing.TB, identifier byte, text string) []byte {
	t.Helper()
	return packetOf(t, radius.CodeAccountingRequest, identifier, testSecret, text)
}

func packetOf(t testing.TB, code radius.Code, identifier byte, key, text string) []byte {
	t.Helper()
	attrs, err := radiusx.ParseAttributes(text)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := radiusx.Builtin().EncodeAll(attrs)
	if err != nil {
		t.Fatal(err)
	}
	p := radius.Packet{Code: code, Identifier: identifier, Secret: []byte(key), Attributes: encoded}
	packet, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

const aStart = `Acct-Status-Type=Start, Acct-Session-Id=0000A1, User-Name="alice@isp", NAS-IP-Address=192.0.2.1, Framed-IP-Address=198.51.100.7`

func TestARecordIsAnsweredOnceItIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := make(chan struct{})
		handled := 0
		r := newRig(t, handlerFunc(func(_ context.Context, batch []Record) []error {
			<-store
			handled += len(batch)
			return make([]error, len(batch))
		}), nil)
		defer r.stop()
		r.send(accounting(t, 1, aStart))
		if err := r.client.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := r.client.ReadFrom(make([]byte, 100)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("answered before it was stored (%v)", err)
		}
		close(store)
		if r.receive() == nil || handled != 1 {
			t.Fatalf("no answer after it was stored; handled %d", handled)
		}
	})
}

func TestARejectedRecordIsAnsweredAndNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{refuse: func(Record) error { return fmt.Errorf("not its BNG: %w", ErrRejected) }}
		r := newRig(t, m, nil)
		defer r.stop()
		if r.ask(accounting(t, 1, aStart)) == nil {
			t.Error("it would come back for ever")
		}
		if oldest, waits := r.server.Oldest(); waits {
			t.Errorf("attribution waits for %s", oldest)
		}
		if stats := r.server.Stats(); stats[Rejected] != 1 || stats[Stored] != 0 {
			t.Errorf("%d rejected, %d stored; want 1 and none", stats[Rejected], stats[Stored])
		}
	})
}

func TestARefusedRecordIsNotAnsweredAndItsRetransmissionIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		away.Store(true)
		m := &memory{refuse: func(Record) error {
			if away.Load() {
				return errors.New("store is unavailable")
			}
			return nil
		}}
		r := newRig(t, m, nil)
		defer r.stop()
		packet := accounting(t, 1, aStart)
		if answer := r.ask(packet); answer != nil {
			t.Errorf("answered %x though nothing was stored", answer)
		}
		away.Store(false)
		if r.ask(packet) == nil {
			t.Error("the same packet again was not answered")
		}
		if stats := r.server.Stats(); stats[HandlerRefused] != 1 || stats[Stored] != 1 {
			t.Errorf("counters: %v", stats)
		}
	})
}

func TestAResultOfAnotherLengthAnswersNobody(t *testing.T) {
	for _, errs := range [][]error{nil, {}, make([]error, 2)} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, handlerFunc(func(context.Context, []Record) []error { return errs }), nil)
			defer r.stop()
			if answer := r.ask(accounting(t, 1, aStart)); answer != nil {
				t.Errorf("%d errors for one record: answered %x", len(errs), answer)
			}
		})
	}
}

func TestADuplicateInFlightIsHandledOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{refuse: func(Record) error { time.Sleep(3 * time.Second); return nil }}
		r := newRig(t, m, nil)
		defer r.stop()
		packet := accounting(t, 1, aStart)
		for range 3 {
			r.send(packet)
		}
		if r.receive() == nil {
			t.Fatal("no answer")
		}
		if answer := r.receive(); answer != nil {
			t.Errorf("answered twice: %x", answer)
		}
		if n := len(m.all()); n != 1 {
			t.Errorf("handled %d times", n)
		}
		if got := r.server.Stats()[DuplicateInFlight]; got != 2 {
			t.Errorf("counted %d duplicates in flight, want 2", got)
		}
	})
}

func TestAnExactDuplicateGetsTheSameAnswerWithoutBeingHandled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		r := newRig(t, m, nil)
		defer r.stop()
		packet := accounting(t, 1, aStart+", Proxy-State=0x0102")
		first, second := r.ask(packet), r.ask(packet)
		if string(first) != string(second) || first == nil {
			t.Errorf("answers differ:\n%x\n%x", first, second)
		}
		if n := len(m.all()); n != 1 {
			t.Errorf("handled %d times", n)
		}
		time.Sleep(time.Minute) // beyond Config.AnswerWindow
		if r.ask(packet) == nil || len(m.all()) != 2 {
			t.Error("after the window it was not handled again")
		}
		if r.ask(accounting(t, 1, aStart+", Acct-Delay-Time=9")) == nil || len(m.all()) != 3 {
			t.Error("another packet with the same identifier was taken for a duplicate")
		}
	})
}

func TestProxyStateIsEchoedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &memory{}, nil)
		defer r.stop()
		answer := r.ask(accounting(t, 1, "Proxy-State=0xaa, "+aStart+", Proxy-State=0xbbbb, Proxy-State=0xaa"))
		if got, want := string(answer[20:]), "\x21\x03\xaa\x21\x04\xbb\xbb\x21\x03\xaa"; got != want {
			t.Errorf("answer's attributes %x, want %x", got, want)
		}
	})
}

// signed adds a Message-Authenticator to a packet and signs it anew.
func signed(t testing.TB, packet []byte, key string) []byte {
	t.Helper()
	packet = radiusx.AppendMessageAuthenticator(append([]byte(nil), packet...))
	authenticator := make([]byte, radiusx.AuthenticatorLength)
	if packet[0] == codeStatusServer {
		authenticator = packet[4:20]
	}
	radiusx.SignMessageAuthenticator(packet, []byte(key), authenticator)
	if packet[0] == codeAccountingRequest {
		resign(packet, key)
	}
	return packet
}

// resign gives a packet the right Request Authenticator.
func resign(packet []byte, key string) []byte {
	radiusx.NewKey([]byte(key)).SignRequest(packet)
	return packet
}

func TestASignedRecordIsAnsweredAndAStatusServerInKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &memory{}, nil)
		defer r.stop()
		if answer := r.ask(signed(t, accounting(t, 1, aStart), testSecret)); len(answer) != radiusx.HeaderLength {
			t.Errorf("answer to a signed record: %x", answer)
		}
		status := packetOf(t, radius.CodeStatusServer, 2, testSecret, "NAS-Identifier=bng1, Proxy-State=0x01")
		copy(status[4:], "0123456789abcdef") // its authenticator is random
		status = signed(t, status, testSecret)
		answer := r.ask(status)
		if radiusx.CheckMessageAuthenticator(answer, []byte(testSecret), status[4:20]) != radiusx.MessageAuthenticatorValid {
			t.Errorf("answer %x to Status-Server is not signed", answer)
		}
		if stats := r.server.Stats(); stats[StatusServer] != 1 || stats[Stored] != 1 {
			t.Errorf("counters: %v", stats)
		}
	})
}

func TestTheOtherKindsOfRecordsAreAnsweredButNotHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		r := newRig(t, m, nil)
		defer r.stop()
		for i, status := range []string{"9", "10", "11", "12", "13", "14", "15", "18", "19", "4096"} {
			if r.ask(accounting(t, byte(i), "Acct-Status-Type="+status)) == nil {
				t.Errorf("Acct-Status-Type %s got no answer and would be repeated for ever", status)
			}
		}
		if n := len(m.all()); n != 0 {
			t.Errorf("%d records were handed on", n)
		}
	})
}

func TestTheMostSpecificClientWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		r := newRig(t, m, func(c *Config) {
			c.Clients = []Client{
				{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Secret: secret(t, "everybody-s-secret")},
				{Prefix: netip.MustParsePrefix("192.0.2.1/32"), Secret: secret(t, testSecret), Relay: true, RelayFor: []string{"bng7"}},
				{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Secret: secret(t, "the-network-s-secret")},
			}
		})
		defer r.stop()
		if r.ask(accounting(t, 1, aStart)) == nil {
			t.Fatal("the secret of the most specific client was not used")
		}
		c := m.all()[0].Client
		if c.Prefix.Bits() != 32 || !c.Relay || c.RelayFor[0] != "bng7" {
			t.Errorf("record names client %+v", c)
		}
	})
}

func TestSendersAreKnownByTheirPlainAddress(t *testing.T) {
	table := newClientTable([]Client{{Prefix: netip.MustParsePrefix("192.0.2.0/24")}, {Prefix: netip.MustParsePrefix("fe80::/10")}})
	for text, want := range map[string]string{
		"[::ffff:192.0.2.7]:1": "192.0.2.0/24", // what a socket on [::] reports
		"192.0.2.7:1":          "192.0.2.0/24",
		"[fe80::1%eth0]:1":     "fe80::/10",
	} {
		from, err := addrPort(net.UDPAddrFromAddrPort(netip.MustParseAddrPort(text)))
		if err != nil {
			t.Fatal(err)
		}
		if client, ok := table.find(from.Addr()); !ok || client.Prefix.String() != want {
			t.Errorf("%s is of client %v, want %s", text, client, want)
		}
	}
}
