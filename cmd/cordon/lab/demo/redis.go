package demo

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"

	"cordon/store"
)

// redis is where the demo keeps sessions and cases: a child process, or a part
// of this one.
type redis struct {
	addr  string // socket's path or host:port
	about string // for people
	stop  func()
	ended <-chan error // delivers why it ended by itself; nil: it cannot
	// lacks is what the store must know that it cannot do.
	lacks store.Capabilities
}

// startRedis starts a redis-server if one is on PATH and good enough, else the
// embedded one. dir is where the child may put its socket.
func startRedis(dir string, embedded bool) (*redis, error) {
	if embedded {
		return startEmbedded("embedded, as asked for")
	}
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return startEmbedded("embedded, for there is no redis-server on PATH")
	}
	r, err := startChild(program, filepath.Join(dir, "redis.sock"))
	if err != nil {
		return startEmbedded(fmt.Sprintf("embedded, for %s cannot be used: %v", program, err))
	}
	return r, nil
}

// Bounds of starting and stopping a redis-server.
const (
	redisStart = 10 * time.Second
	redisStop  = 3 * time.Second
)

// redisVersion is what a server says of itself, such as 7.0.15.
type redisVersion string

// errTooOld says that a redis-server lacks commands that are needed.
var errTooOld = errors.New("7.0 or newer is needed")

func (v redisVersion) check() error {
	first, _, _ := strings.Cut(string(v), ".")
	if major, err := strconv.Atoi(first); err != nil || major < 7 {
		return fmt.Errorf("it is version %s: %w", v, errTooOld)
	}
	return nil
}

// startChild starts a redis-server that keeps nothing on disk and listens on a
// Unix socket only. It ends with this process, however that ends where the
// system can promise it (see childAttributes).
func startChild(program, socket string) (*redis, error) {
	cmd := exec.Command(program, "--port", "0", "--unixsocket", socket, "--unixsocketperm", "700",
		"--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--daemonize", "no",
		"--dir", filepath.Dir(socket), "--logfile", filepath.Join(filepath.Dir(socket), "redis.log"))
	cmd.SysProcAttr = childAttributes()
	started, ended, gone := make(chan error, 1), make(chan error, 1), make(chan struct{})
	go func() { // ends with the child
		// The parent that Linux watches is the thread: it must live as long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
		close(gone)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	stop := func() { stopChild(cmd, gone) }
	version, err := awaitRedis(socket, ended)
	if err == nil {
		err = version.check()
	}
	if err != nil {
		stop()
		return nil, err
	}
	return &redis{
		addr: socket, stop: stop, ended: ended,
		about: fmt.Sprintf("redis-server %s (%s), a child process that keeps nothing", version, program),
	}, nil
}

// stopChild ends the child and waits until it is gone.
func stopChild(cmd *exec.Cmd, gone <-chan struct{}) {
	_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-gone:
	case <-time.After(redisStop):
		_ = cmd.Process.Kill()
		<-gone
	}
}

// awaitRedis waits until the server answers and returns its version.
func awaitRedis(socket string, ended <-chan error) (redisVersion, error) {
	deadline := time.Now().Add(redisStart)
	for {
		version, err := askVersion(socket)
		if err == nil {
			return version, nil
		}
		select {
		case cause := <-ended:
			if cause == nil {
				cause = errors.New("exit status 0")
			}
			return "", fmt.Errorf("it ended at once: %w", cause)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return "", fmt.Errorf("it does not answer: %w", err)
		}
	}
}

// askVersion sends one command in Redis' inline form and reads the answer.
func askVersion(socket string) (redisVersion, error) {
	conn, err := net.DialTimeout("unix", socket, redisStart)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }() // nothing of it matters any more
	if err := conn.SetDeadline(time.Now().Add(redisStart)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, "INFO server\r\n"); err != nil {
		return "", err
	}
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "redis_version:"); ok {
			return redisVersion(text), nil
		}
	}
	return "", errors.New("no redis_version in INFO")
}

// startEmbedded runs Redis as a part of this process.
func startEmbedded(why string) (*redis, error) {
	m := miniredis.NewMiniRedis()
	if err := m.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("start the embedded Redis: %w", err)
	}
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() { // ends with done; the embedded Redis has no time of its own
		defer close(stopped)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				m.FastForward(time.Second)
			}
		}
	}()
	return &redis{addr: m.Addr(), about: why, lacks: store.Identity, stop: func() {
		close(done)
		<-stopped
		m.Close()
	}}, nil
}
