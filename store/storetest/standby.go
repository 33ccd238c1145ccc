package storetest

import (
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// StartStandby starts a redis-server that follows another one, as the second of a
// pair behind one address does, and waits until it has what that one has. The args
// are as for StartRedis.
func StartStandby(t testing.TB, of *Redis, args ...string) *Redis {
	t.Helper()
	r := StartRedis(t, append([]string{"--replicaof", "127.0.0.1 " + of.port(), "--repl-diskless-sync-delay", "0"}, args...)...)
	await(t, "a standby follows", func() bool { return r.Info("replication")["master_link_status"] == "up" })
	return r
}

// StartCopy starts a redis-server on a copy of what another one has in its files now;
// it follows no master. The args are as for StartRedis.
func StartCopy(t testing.TB, of *Redis, args ...string) *Redis {
	t.Helper()
	of.written()
	r := newRedis(t)
	if err := os.CopyFS(r.dir, onlyFiles{os.DirFS(of.dir)}); err != nil {
		t.Fatal(err)
	}
	r.args = append(r.settings(), args...)
	r.Start()
	return r
}

// AwaitUptime waits until the server says that it has been running for so long.
func (r *Redis) AwaitUptime(d time.Duration) {
	r.t.Helper()
	await(r.t, "a server has been running for "+d.String(), func() bool {
		seconds, err := strconv.Atoi(r.Info("server")["uptime_in_seconds"])
		return err == nil && time.Duration(seconds)*time.Second >= d
	})
}

// AwaitCaughtUp waits until a standby has all that its master has.
func (r *Redis) AwaitCaughtUp(master *Redis) {
	r.t.Helper()
	await(r.t, "a standby has what its master has", func() bool {
		of, is := master.Info("replication"), r.Info("replication")
		return of["master_repl_offset"] != "" && of["master_repl_offset"] == is["slave_repl_offset"]
	})
}

// TakeOver makes the running server a master at the address of one that was killed,
// as the second of a pair does that is given the address of the first.
func (r *Redis) TakeOver(from *Redis) {
	r.t.Helper()
	if r.Info("replication")["role"] != "master" {
		r.Do("REPLICAOF", "NO", "ONE")
	}
	r.Do("CONFIG", "SET", "port", from.port())
	r.Addr = from.Addr
}

// Balancer is a TCP proxy with one address and a server behind it, which can be
// replaced: what a load balancer or a name does that leads elsewhere.
type Balancer struct {
	Addr string

	to atomic.Pointer[string]
	mu sync.Mutex // guards what follows
	// open are the connections of both sides.
	open []net.Conn
}

// StartBalancer starts a balancer in front of a server; it goes with the test.
func StartBalancer(t testing.TB, to *Redis) *Balancer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &Balancer{Addr: l.Addr().String()}
	b.to.Store(&to.Addr)
	var serving sync.WaitGroup
	serving.Go(func() { // ends when the listener is closed
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { b.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		b.Cut()
		serving.Wait()
	})
	return b
}

// Lead leads new connections to another server. Those that are open stay where
// they are.
func (b *Balancer) Lead(to *Redis) { b.to.Store(&to.Addr) }

// Cut ends all connections that are open.
func (b *Balancer) Cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, conn := range b.open {
		_ = conn.Close() // twice does no harm
	}
	b.open = nil
}

func (b *Balancer) serve(client net.Conn) {
	server, err := net.Dial("tcp", *b.to.Load())
	if err != nil {
		_ = client.Close() // as a balancer does that has no server
		return
	}
	b.mu.Lock()
	b.open = append(b.open, client, server)
	b.mu.Unlock()
	var both sync.WaitGroup
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(to, from) // ends with either side
		_, _ = to.Close(), from.Close()
	}
	both.Go(func() { pass(server, client) })
	both.Go(func() { pass(client, server) })
	both.Wait()
}
