package store

import (
	"bytes"
	"context"
	"errors"
	"net"
	"regexp"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// times is when each process of Redis, by its run_id, answered this instance
// last. What was acknowledged by a process that crashed is no newer than that.
//
// It is measured where octets come in, on each connection: a connection leads to
// one process only, while go-redis may begin a command on one connection and
// repeat it on another.
type replyTimes struct {
	now func() time.Time
	// unidentified is set when a server did not say its run_id: nothing is known then.
	unidentified atomic.Bool

	mu   sync.Mutex // guards what follows
	last map[string]*lastReply
}

// lastReply is the last answer of one process, ns since 1970.
type lastReply struct{ at atomic.Int64 }

// maxProcesses bounds the processes that are remembered.
const maxProcesses = 64

func newReplyTimes(now func() time.Time) *replyTimes {
	return &replyTimes{now: now, last: map[string]*lastReply{}}
}

// lastOf returns when the process answered last; false if nobody knows.
func (a *replyTimes) lastOf(run string) (time.Time, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.last[run]; p != nil && !a.unidentified.Load() {
		return time.Unix(0, p.at.Load()), true
	}
	return time.Time{}, false
}

// process returns where to note the answers of a process.
func (a *replyTimes) process(run string) *lastReply {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.last[run]
	if p == nil {
		a.forgetOldest()
		p = &lastReply{}
		a.last[run] = p
	}
	return p
}

// forgetOldest makes room for one more process. a.mu is held.
func (a *replyTimes) forgetOldest() {
	oldest := ""
	for run, p := range a.last {
		if oldest == "" || p.at.Load() < a.last[oldest].at.Load() {
			oldest = run
		}
	}
	if len(a.last) >= maxProcesses {
		delete(a.last, oldest)
	}
}

// note keeps the newest time.
func (p *lastReply) note(at int64) {
	for {
		before := p.at.Load()
		if at <= before || p.at.CompareAndSwap(before, at) {
			return
		}
	}
}

// keepAlive are go-redis' own settings for the connections that it dials.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 5 * time.Second, Count: 3}

// dial is go-redis' Dialer.
func (a *replyTimes) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout, KeepAliveConfig: keepAlive}
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &replyConn{Conn: conn, times: a}, nil
}

// onConnect is go-redis' OnConnect: the server says its run_id before anything
// else is asked, and the connection reads it. A server that refuses to say it is
// worked with all the same; only when it answered last is not known then.
func (a *replyTimes) onConnect(ctx context.Context, cn *redis.Conn) error {
	text, err := cn.Info(ctx, "server").Result()
	var refused redis.Error
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	if err != nil || parseInfo(text)["run_id"] == "" {
		a.unidentified.Store(true)
	}
	return nil
}

// replyConn is a connection that notes when octets came in. As any connection of
// go-redis' pool it is read by one goroutine at a time, which owns all fields.
type replyConn struct {
	net.Conn
	times   *replyTimes
	process *lastReply // nil until the server has said its run_id
	head    []byte     // what came before that
}

// maxHead bounds what is searched for the run_id: the answer to INFO server has
// about a thousand octets.
const maxHead = 16 << 10

var runID = regexp.MustCompile(`\nrun_id:([0-9a-f]{40})\r\n`)

// Read implements net.Conn.
func (c *replyConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		if c.process == nil && len(c.head) < maxHead {
			c.identify(p[:n])
		}
		if c.process != nil {
			c.process.note(c.times.now().UnixNano())
		}
	}
	return n, err
}

func (c *replyConn) identify(octets []byte) {
	c.head = append(c.head, octets...)
	if !bytes.Contains(c.head, []byte("run_id:")) {
		return
	}
	if m := runID.FindSubmatch(c.head); m != nil {
		c.process, c.head = c.times.process(string(m[1])), nil
	}
}

// SyscallConn implements syscall.Conn, by which go-redis checks whether an idle
// connection was closed by its server.
func (c *replyConn) SyscallConn() (syscall.RawConn, error) {
	if sc, ok := c.Conn.(syscall.Conn); ok {
		return sc.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

var _ syscall.Conn = (*replyConn)(nil)
