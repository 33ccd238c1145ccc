package bench

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"cordon/radiusx"
)

// daemon is a program that a measurement started.
type daemon struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	log  string        // file of its output
}

// startDaemon starts a program that ends with stop.
func startDaemon(dir, program string, args ...string) (*daemon, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/" + program); err != nil {
			return nil, fmt.Errorf("%s is needed: %w", program, err)
		}
	}
	d := &daemon{log: filepath.Join(dir, filepath.Base(program)+".out"), done: make(chan struct{})}
	out, err := os.Create(d.log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }() // the child has its own
	d.cmd = exec.Command(path, args...)
	d.cmd.Stdout, d.cmd.Stderr = out, out
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { // ends with the program
		_ = d.cmd.Wait()
		close(d.done)
	}()
	return d, nil
}

func (d *daemon) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-d.done:
	case <-time.After(10 * time.Second):
		_ = d.cmd.Process.Kill()
		<-d.done
	}
}

// clockTick is the unit of CPU times in /proc, the same on every Linux that Go
// runs on (USER_HZ).
const clockTick = 10 * time.Millisecond

// cpu is what the program has used so far, user and system; 0 where /proc does
// not report.
func (d *daemon) cpu() time.Duration {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest) // from the third of proc(5) on
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * clockTick
}

// startWithin is how long a program may take until it serves.
const startWithin = 20 * time.Second

// until asks ready again and again; the error has the end of the program's output.
func (d *daemon) until(ctx context.Context, ready func() error) error {
	var err error
	for over := time.Now().Add(startWithin); time.Now().Before(over); {
		if err = ready(); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.done:
			over = time.Time{}
		case <-time.After(20 * time.Millisecond):
		}
	}
	output, _ := os.ReadFile(d.log)
	return fmt.Errorf("%s does not serve: %w\n%s", filepath.Base(d.cmd.Path), err, output[max(0, len(output)-2000):])
}

// startRedis starts a redis-server on a free port of loopback and returns a
// client of it, beside those of whom it is measured for.
func startRedis(ctx context.Context, dir string, args ...string) (*daemon, *redis.Client, error) {
	port, err := freePort("tcp")
	if err != nil {
		return nil, nil, err
	}
	d, err := startDaemon(dir, "redis-server", append([]string{
		"--dir", dir, "--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--save", "", "--maxmemory-policy", "noeviction",
	}, args...)...)
	if err != nil {
		return nil, nil, err
	}
	client := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", port), Protocol: 2})
	if err := d.until(ctx, func() error { return client.Ping(ctx).Err() }); err != nil {
		d.stop()
		return nil, nil, err
	}
	return d, client, nil
}

// freePort returns a port of loopback that was free a moment ago.
func freePort(network string) (int, error) {
	if network == "udp" {
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		defer func() { _ = conn.Close() }()
		return conn.LocalAddr().(*net.UDPAddr).Port, nil
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// accountingSecret is of servers that live as long as a measurement, on loopback.
const accountingSecret = "the measurement's own accounting secret"

// accountant is an accounting server that can be measured.
type accountant struct {
	name  string
	start func(ctx context.Context, dir, redis string, port int) (*daemon, error)
}

// accountants is the one table of them. The first is what the ratios are of.
func accountants(program string) []accountant {
	return []accountant{
		{"Cordon", func(_ context.Context, dir, redis string, port int) (*daemon, error) {
			return startCordon(program, dir, redis, port)
		}},
		{"FreeRADIUS + rlm_rediswho", startFreeRADIUS},
	}
}

const cordonConfiguration = `
redis: {addrs: ["REDIS"], accept_weak: true}
journal: {dir: "DIR/journal"}
http: {listen: "127.0.0.1:0"}
accounting:
  listen: ["127.0.0.1:PORT"]
  clients: [{address: 127.0.0.1/32, secret: "SECRET"}]
bngs:
  - {name: bng1, address: 127.0.0.1, dialect: filter-id, secret: "SECRET"}
`

func fillIn(text, dir, redis string, port int) string {
	host, number, _ := strings.Cut(redis, ":")
	return strings.NewReplacer("REDISHOST", host, "REDISPORT", number, "REDIS", redis, "DIR", dir, "PORT", fmt.Sprint(port), "SECRET",
		accountingSecret).Replace(text)
}

func startCordon(program, dir, redis string, port int) (*daemon, error) {
	file := filepath.Join(dir, "cordon.yaml")
	if err := os.WriteFile(file, []byte(fillIn(cordonConfiguration, dir, redis, port)), 0o600); err != nil {
		return nil, err
	}
	return startDaemon(dir, program, "serve", "-c", file)
}

// freeradiusConfiguration is FreeRADIUS as its own documentation sets up
// rlm_rediswho, with nothing else to do: eight threads, so that some can work
// while others wait for Redis, with one persistent connection each.
const freeradiusConfiguration = `
prefix = /usr
raddbdir = DIR
logdir = DIR
run_dir = DIR
libdir = /usr/lib/freeradius
correct_escapes = true
max_request_time = 30
cleanup_delay = 0
max_requests = 65536
hostname_lookups = no
log {
  destination = stdout
  auth = no
}
security {
  allow_core_dumps = no
  max_attributes = 200
  reject_delay = 0
  status_server = no
}
thread pool {
  start_servers = 8
  max_servers = 8
  min_spare_servers = 1
  max_spare_servers = 8
  max_requests_per_server = 0
  max_queue_size = 65536
}
client loopback {
  ipaddr = 127.0.0.1
  secret = "SECRET"
}
modules {
  redis {
    server = REDISHOST
    port = REDISPORT
    query_timeout = 5
    pool {
      start = 8
      min = 8
      max = 8
      spare = 0
      uses = 0
      retry_delay = 1
      lifetime = 0
      cleanup_interval = 300
      idle_timeout = 0
    }
  }
  rediswho {
    redis_module_instance = redis
    trim_count = 15
    expire_time = 86400
SECTIONS
  }
}
server accounting {
  listen {
    type = acct
    ipaddr = 127.0.0.1
    port = PORT
    recv_buff = 8388608
  }
  accounting {
    rediswho
  }
}
`

func startFreeRADIUS(_ context.Context, dir, redis string, port int) (*daemon, error) {
	var sections strings.Builder
	for _, status := range []string{"Start", "Interim-Update", "Stop"} {
		//nolint:lll // FreeRADIUS reads a value from one line
		fmt.Fprintf(&sections, `    %s {
      insert = "LPUSH %%{User-Name} %%l,%%{Acct-Session-Id},%%{NAS-IP-Address},%%{Acct-Session-Time},%%{Framed-IP-Address},%%{%%{Acct-Input-Gigawords}:-0},%%{%%{Acct-Output-Gigawords}:-0},%%{%%{Acct-Input-Octets}:-0},%%{%%{Acct-Output-Octets}:-0}"
      trim = "LTRIM %%{User-Name} 0 ${..trim_count}"
      expire = "EXPIRE %%{User-Name} ${..expire_time}"
    }
`, status)
	}
	text := strings.Replace(fillIn(freeradiusConfiguration, dir, redis, port), "SECTIONS", sections.String(), 1)
	for name, content := range map[string]string{"radiusd.conf": text, "dictionary": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	return startDaemon(dir, "freeradius", "-f", "-l", "stdout", "-d", dir, "-n", "radiusd")
}

// serving waits until the server answers a record.
func (d *daemon) serving(ctx context.Context, target netip.AddrPort) error {
	return d.until(ctx, func() error {
		conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(target))
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		probe := newLine(1<<21, 1, time.Now().Add(-time.Hour), false)
		if _, err := conn.Write(probe.packet(0, radiusx.NewKey([]byte(accountingSecret)))); err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			return err
		}
		_, err = conn.Read(make([]byte, 4096))
		return err
	})
}
