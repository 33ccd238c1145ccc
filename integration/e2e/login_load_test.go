package e2e

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// How the BNGs of these tests log subscribers in.
const (
	clientPatience = 5 * time.Second // what a BNG waits for its AAA server, at the least
	linesAtOnce    = 64
	logInsASecond  = 300
)

// logInLoad is what came of many log-ins.
type logInLoad struct {
	mu       sync.Mutex // guards what follows
	accepted int
	lost     int // refused, or not answered in time
	took     []time.Duration
}

func (l *logInLoad) note(took time.Duration, accepted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, took)
	if accepted {
		l.accepted++
	} else {
		l.lost++
	}
}

// String is how long log-ins took.
func (l *logInLoad) String() string {
	slices.Sort(l.took)
	n := len(l.took)
	return fmt.Sprintf("%d accepted, %d not; half within %s, 99 %% within %s, the slowest %s",
		l.accepted, l.lost, l.took[n/2], l.took[n*99/100], l.took[n-1])
}

// load logs subscribers in at a steady pace until the time is over; none may be
// refused or wait longer than a BNG does.
func (a *aaa) load(during string, lasts time.Duration) {
	a.t.Helper()
	l := &logInLoad{}
	var lines sync.WaitGroup
	over := time.Now().Add(lasts)
	for line := range linesAtOnce {
		lines.Go(func() { a.line(line, over, l) })
	}
	lines.Wait()
	a.t.Logf("Cordon %s: %s", during, l)
	if l.lost > 0 || l.accepted < logInsASecond/4 {
		a.t.Errorf("Cordon %s: %d log-ins got in, %d did not", during, l.accepted, l.lost)
	}
}

// keepsPlan logs a restricted subscriber in whom Cordon cannot answer for.
func (a *aaa) keepsPlan(user string) {
	a.t.Helper()
	if got := slices.Sorted(slices.Values(a.logIn(user, "bng1"))); !slices.Equal(got, slices.Sorted(slices.Values(plan))) {
		a.t.Errorf("%s got %q, want the plan", user, got)
	}
}

// line logs one subscriber after the other in.
func (a *aaa) line(number int, over time.Time, l *logInLoad) {
	conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", a.port))
	if err != nil {
		a.t.Error(err)
		return
	}
	defer conn.Close()
	const between = time.Second * linesAtOnce / logInsASecond
	time.Sleep(between * time.Duration(number) / linesAtOnce) // or all would come at once
	pace := time.NewTicker(between)
	defer pace.Stop()
	for n := 0; time.Now().Before(over); n++ {
		began := time.Now()
		accepted, err := exchange(conn, byte(n), fmt.Sprintf("user-%d-%d", number, n))
		if err != nil {
			a.t.Logf("line %d: %v", number, err)
		}
		l.note(time.Since(began), accepted)
		<-pace.C
	}
}

// exchange sends one Access-Request, once, and waits for its answer.
func exchange(conn net.Conn, id byte, user string) (accepted bool, err error) {
	request := radius.New(radius.CodeAccessRequest, []byte(acctSecret))
	request.Identifier = id
	if err := rfc2865.UserName_SetString(request, user); err != nil {
		return false, err
	}
	if err := rfc2865.NASIdentifier_SetString(request, "bng1"); err != nil {
		return false, err
	}
	wire, err := request.Encode()
	if err != nil {
		return false, err
	}
	if _, err := conn.Write(wire); err != nil {
		return false, err
	}
	if err := conn.SetReadDeadline(time.Now().Add(clientPatience)); err != nil {
		return false, err
	}
	buffer := make([]byte, 4096)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return false, err
		}
		if radius.IsAuthenticResponse(buffer[:n], wire, []byte(acctSecret)) {
			return radius.Code(buffer[0]) == radius.CodeAccessAccept, nil
		}
	}
}

func TestLogInsGoOnWhileCordonHangsIsKilledOrIsUnreachable(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.ok("quarantine", "add", "--subscriber", "alice", "--profile", "walled-garden", "--for", "1h", "--reason", "bots")
	b.stands("alice", "waiting")
	a := startAAA(t, b.site.http, "none-is-needed")
	a.load("is well", 3*time.Second)
	if err := b.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	a.load("hangs", 7*time.Second)
	a.keepsPlan("alice")
	if err := b.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	b.kill()
	a.load("is killed", 3*time.Second)
	b.serve()
	within(t, soon, "log-ins are answered from Cordon again", func() (string, bool) {
		got := a.logIn("alice", "bng1")
		return fmt.Sprint(got), slices.Contains(got, inGarden[0])
	})
	a.load("is back", 2*time.Second)
}

func TestLogInsGoOnWhileRedisHangsOrIsUnreachable(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	a := startAAA(t, b.site.http, "none-is-needed")
	a.load("is well", time.Second)
	b.redis.Pause()
	a.load("waits for a Redis that hangs", 4*time.Second)
	b.redis.Resume()
	b.redis.Kill()
	a.load("has no Redis", 3*time.Second)
	if b.metric(`cordon_authorize_total{outcome="store_unavailable"}`) == "0" {
		t.Error("no log-in was answered without Redis: this test proves nothing")
	}
}

func TestLogInsGoOnWhileCordonIsSlow(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.ok("quarantine", "add", "--subscriber", "alice", "--profile", "walled-garden", "--for", "1h", "--reason", "bots")
	b.stands("alice", "waiting")
	target, err := url.Parse(b.url())
	if err != nil {
		t.Fatal(err)
	}
	var delay atomic.Int64
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = log.New(io.Discard, "", 0) // the AAA server is unreachable again and again
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Duration(delay.Load()))
		if r.Context().Err() == nil {
			proxy.ServeHTTP(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body) // the AAA server has gone
	}))
	defer slow.Close()
	a := startAAA(t, slow.Listener.Addr().(*net.TCPAddr).Port, "none-is-needed")
	a.answers(b.instance, "restricted", "alice", "bng1", inGarden)
	for _, d := range []time.Duration{20 * time.Millisecond, 150 * time.Millisecond, 400 * time.Millisecond} {
		delay.Store(int64(d))
		a.load(fmt.Sprintf("answers after %s", d), 3*time.Second)
	}
	a.keepsPlan("alice")
}
