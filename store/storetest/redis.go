package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// timeout is how long a redis-server may take to answer after its start. It
// is generous: machines that run tests are busy.
const timeout = 20 * time.Second

// Redis is a redis-server of a test's own, with its data in a directory of its
// own. Its methods fail the test when they cannot do what they say.
type Redis struct {
	Socket string // path of its Unix socket
	Addr   string // 127.0.0.1 and its TCP port

	t    testing.TB
	dir  string // its own; goes with the test
	args []string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

// StartRedis starts a redis-server that lives as long as the test. It keeps an
// append-only file that is synced at every write, so Kill and Start lose
// nothing; args ("--appendonly", "no", …) come after our own and win. A machine
// without redis-server fails the test.
func StartRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	r := newRedis(t)
	r.args = append(r.settings(), args...)
	r.Start()
	return r
}

func (r *Redis) settings() []string {
	return []string{
		"--dir", r.dir, "--unixsocket", r.Socket, "--port", r.port(), "--bind", "127.0.0.1",
		"--save", "", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction",
	}
}

// newRedis gives a server its directory and addresses; both go with the test.
func newRedis(t testing.TB) *Redis {
	t.Helper()
	// Not t.TempDir: it holds the test's name, and a socket's path is at most
	// 107 octets.
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		t.Fatal(err)
	}
	r := &Redis{t: t, dir: dir, Socket: filepath.Join(dir, "s"), Addr: "127.0.0.1:" + freePort(t)}
	t.Cleanup(func() {
		r.Kill()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *Redis) port() string { return strings.TrimPrefix(r.Addr, "127.0.0.1:") }

// taken are the ports that this process has given to servers: of two servers that
// are being started, neither shall get the other's.
var taken sync.Map

// freePort returns a TCP port that was free a moment ago. It lies below the
// range that the kernel takes for outgoing connections, so that none of them
// takes it before the server does, or between Kill and Start.
func freePort(t testing.TB) string {
	t.Helper()
	for range 1000 {
		port := strconv.Itoa(30000 + rand.IntN(2700))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			_ = l.Close() // only its success counted
			if _, before := taken.LoadOrStore(port, true); !before {
				return port
			}
		}
	}
	t.Fatal("no free port between 30000 and 32699")
	return ""
}

// Start starts the server again after Kill, at the same addresses, with what
// its files hold, and waits until it answers.
func (r *Redis) Start() {
	r.t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		r.t.Fatal("this test needs a real redis-server 7.0 or newer on PATH; on Debian and Ubuntu: apt-get install redis-server")
	}
	_ = os.Remove(r.Socket) // a killed server leaves it behind
	cmd, done := exec.Command(path, r.args...), make(chan struct{})
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() { // ends with the process
		_ = cmd.Wait()
		close(done)
	}()
	r.cmd, r.done = cmd, done
	for deadline := time.Now().Add(timeout); ; {
		if answer, err := r.ask("PING"); err == nil && answer == "+PONG" {
			return
		}
		select {
		case <-done:
			r.t.Fatalf("redis-server ended at once:\n%s", log.String())
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			r.Kill()
			r.t.Fatalf("redis-server does not answer:\n%s", log.String())
		}
	}
}

// Kill ends the server without warning (SIGKILL) and waits until it is gone.
// It does nothing to a server that is not running.
func (r *Redis) Kill() {
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Kill()
	<-r.done
	r.cmd = nil
}

// Stop ends the server in good order (SIGTERM), with everything that it has
// acknowledged in its files, and waits until it is gone. After Kill that need not
// be so: with appendfsync everysec, Redis puts off writing while its disk is busy.
func (r *Redis) Stop() {
	r.t.Helper()
	r.signal(syscall.SIGTERM)
	<-r.done
	r.cmd = nil
}

// written waits until what the server has acknowledged is in its append-only file.
func (r *Redis) written() {
	r.t.Helper()
	for deadline := time.Now().Add(timeout); ; time.Sleep(10 * time.Millisecond) {
		info := r.Info("persistence")
		if info["aof_enabled"] == "0" || info["aof_buffer_length"] == "0" {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("redis-server does not write its append-only file: %v", info)
		}
	}
}

// Keep copies what the server has in its files now, and returns what puts that
// in their place again: between Kill and Start, the power loss of a host whose
// disk has no more than that.
func (r *Redis) Keep() (putBack func()) {
	r.t.Helper()
	r.written()
	kept := filepath.Join(r.t.TempDir(), "kept")
	if err := os.CopyFS(kept, onlyFiles{os.DirFS(r.dir)}); err != nil {
		r.t.Fatal(err)
	}
	return func() {
		r.t.Helper()
		if err := errors.Join(os.RemoveAll(r.dir), os.CopyFS(r.dir, os.DirFS(kept))); err != nil {
			r.t.Fatal(err)
		}
	}
}

// onlyFiles hides the server's socket, which cannot be copied.
type onlyFiles struct{ fs.FS }

// ReadDir implements fs.ReadDirFS.
func (f onlyFiles) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(f.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !e.IsDir() && !e.Type().IsRegular() }), err
}

// Pause stops the server in its tracks (SIGSTOP): connections stay open and
// nothing is answered. Resume lets it go on.
func (r *Redis) Pause() { r.signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (r *Redis) Resume() { r.signal(syscall.SIGCONT) }

func (r *Redis) signal(s os.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// Do sends one command on a connection of its own and returns the first line
// of the answer ("+OK", ":1", "$5", …); an error answer fails the test.
func (r *Redis) Do(command ...string) string {
	r.t.Helper()
	answer, err := r.ask(command...)
	if err != nil || strings.HasPrefix(answer, "-") {
		r.t.Fatalf("redis: %q: %s %v", command, answer, err)
	}
	return answer
}

func (r *Redis) ask(command ...string) (string, error) {
	conn, err := net.DialTimeout("unix", r.Socket, timeout)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return "", err
	}
	fmt.Fprintf(conn, "*%d\r\n", len(command))
	for _, word := range command {
		fmt.Fprintf(conn, "$%d\r\n%s\r\n", len(word), word)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

// Info returns the fields of one section of INFO; nil if the server does not
// answer.
func (r *Redis) Info(section string) map[string]string {
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: r.Socket, Protocol: 2})
	defer client.Close()
	text, err := client.Info(context.Background(), section).Result()
	if err != nil {
		return nil
	}
	return fields(text)
}

// fields reads lines of name:value.
func fields(text string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			found[name] = value
		}
	}
	return found
}
