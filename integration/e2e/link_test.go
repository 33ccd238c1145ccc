package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"
)

// link stands between Cordon and one CoA listener, keeps every datagram that
// Cordon sends, and can lose what passes.
type link struct {
	port   int
	conn   *net.UDPConn
	target *net.UDPAddr

	mu       sync.Mutex // guards what follows
	requests []datagram
	paths    map[netip.AddrPort]*net.UDPConn // to the listener, one for each sender
	loses    loss
	random   *rand.Rand // nil: what passes is not lost by chance
	closed   bool
}

// datagram is one that Cordon sent.
type datagram struct {
	from   netip.AddrPort
	octets []byte
	at     time.Time
}

func (d datagram) identifier() byte { return d.octets[1] }

// loss is what a link loses.
type loss int

const (
	nothing loss = iota
	answers
	everything
)

// newLink puts a link before the listener at port.
func newLink(t testing.TB, port int) *link {
	t.Helper()
	own := freePort(t)
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: own})
	if err != nil {
		t.Fatal(err)
	}
	w := &link{
		port: own, conn: conn, target: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}, paths: map[netip.AddrPort]*net.UDPConn{},
	}
	var reading sync.WaitGroup
	reading.Go(func() { w.carry(t, &reading) })
	t.Cleanup(func() {
		w.close()
		reading.Wait()
	})
	return w
}

// close ends every goroutine of the link.
func (w *link) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	_ = w.conn.Close() // makes the reader end
	for _, path := range w.paths {
		_ = path.Close() // makes its reader end
	}
}

// carry takes requests to the listener until the link is closed.
func (w *link) carry(t testing.TB, reading *sync.WaitGroup) {
	buffer := make([]byte, 4096)
	for {
		n, from, err := w.conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		path := w.request(t, datagram{from, slices.Clone(buffer[:n]), time.Now()}, reading)
		if path != nil {
			_, _ = path.Write(buffer[:n]) // nobody listens: it is lost, as on any link
		}
	}
}

// request keeps a request and returns where it goes on; nil: nowhere.
func (w *link) request(t testing.TB, d datagram, reading *sync.WaitGroup) *net.UDPConn {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests = append(w.requests, d)
	if w.loses == everything || w.closed || w.unlucky() {
		return nil
	}
	if path := w.paths[d.from]; path != nil {
		return path
	}
	path, err := net.DialUDP("udp4", nil, w.target)
	if err != nil {
		t.Error(err)
		return nil
	}
	w.paths[d.from] = path
	reading.Go(func() { w.back(path, d.from) })
	return path
}

// back takes answers to one sender until the link is closed.
func (w *link) back(path *net.UDPConn, to netip.AddrPort) {
	buffer := make([]byte, 4096)
	for {
		n, err := path.Read(buffer)
		if err != nil {
			if w.isClosed() {
				return
			}
			continue // nobody listens
		}
		if !w.losesAnswers() {
			_, _ = w.conn.WriteToUDPAddrPort(buffer[:n], to) // the sender may be gone
		}
	}
}

func (w *link) isClosed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

func (w *link) losesAnswers() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.loses != nothing || w.unlucky()
}

// unlucky reports whether chance loses a datagram: two of ten. w.mu is held.
func (w *link) unlucky() bool { return w.random != nil && w.random.IntN(10) < 2 }

// loseByChance loses datagrams of both directions by chance from now on.
func (w *link) loseByChance(seed uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.random = rand.New(rand.NewPCG(seed, 0))
}

// lose sets what is lost from now on.
func (w *link) lose(l loss) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loses = l
}

// sent returns what Cordon has sent so far.
func (w *link) sent() []datagram {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.requests)
}

// exchanges sorts datagrams by identifier, in the order of their first ones.
func exchanges(all []datagram) [][]datagram {
	var sorted [][]datagram
next:
	for _, d := range all {
		for i := range sorted {
			if sorted[i][0].identifier() == d.identifier() && sorted[i][0].from == d.from {
				sorted[i] = append(sorted[i], d)
				continue next
			}
		}
		sorted = append(sorted, []datagram{d})
	}
	return sorted
}

// timetable writes when datagrams left, for people.
func timetable(all []datagram) string {
	text := ""
	for _, d := range all {
		text += fmt.Sprintf("+%s from %s identifier %d, %d octets\n", d.at.Sub(all[0].at).Round(time.Millisecond), d.from, d.identifier(),
			len(d.octets))
	}
	return text
}
