package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cordon/integration/wire"
	"cordon/store/storetest"
)

// elsewhere is another program's Redis, in which cordon's user may only read.
func elsewhere(t *testing.T) *storetest.Redis {
	t.Helper()
	r := storetest.StartRedis(t)
	r.Do("ACL", "SETUSER", "reader", "on", "nopass", "~*", "+hmget", "+getrange", "+srandmember", "+lrange", "+ping", "+hello", "+auth",
		"+client|setname")
	return r
}

// newBorrowingBed starts everything, with nobody who reports accounting.
func newBorrowingBed(t *testing.T, redis *storetest.Redis, nas, sessions string) *bed {
	t.Helper()
	return newBed(t, func(s *site) {
		s.deaf, s.bngs[0].nas = true, nas
		s.more = fmt.Sprintf("sessions:\n  source: redis-template\n  lag: 3s\n  poll: 5s\n  redis: {addrs: [%q], username: reader}\n%s",
			redis.Addr, sessions)
	})
}

func ago(d time.Duration) string { return strconv.FormatInt(time.Now().Add(-d).Unix(), 10) }

func TestSessionsKeptAsHashesByAnotherProgramAreFoundByAddress(t *testing.T) {
	t.Parallel()
	other := elsewhere(t)
	b := newBorrowingBed(t, other, "", `
  by_session: {key: "sess:{nas_identifier}:{session}", fields: {subscriber: user, nas_identifier: nas, session: sid, address: ip, started: start, updated: last}}
  by_subscriber: {key: "user:{subscriber}", type: set, value: "{nas_identifier}:{session}"}
  by_address: {key: "ip:{address}", value: "{nas_identifier}:{session}"}`)
	online := func(user, id, ip string, since time.Duration) {
		other.Do("HSET", "sess:bng1:"+id, "user", user, "nas", "bng1", "sid", id, "ip", ip, "start", ago(since), "last", ago(0))
		other.Do("SADD", "user:"+user, "bng1:"+id)
		other.Do("SET", "ip:"+ip, "bng1:"+id)
	}
	online("alice", "a1", "198.51.100.7", time.Minute)
	online("bob", "b1", "198.51.100.8", 5*time.Second)
	found := ask[wire.Holders](b.instance, "session", "find", "--ip", "198.51.100.7")
	if len(found.Results) != 1 || found.Results[0].Subscriber != "alice" || !strings.Contains(found.Results[0].KnownBy, "current only") {
		t.Errorf("who holds it: %+v", found)
	}

	id := b.report("198.51.100.7")
	b.bng.expect("alice", coaRequest("alice", "a1", "GARDEN"))
	b.stands("alice", "restricted", "bng1/a1 acked")
	b.verdict(id, "acted")
	before := b.report("198.51.100.8", "--at", "-30s")
	if v := b.verdict(before, "unknown"); !strings.Contains(v.Reason, "bob holds the address since") {
		t.Errorf("an event before bob's session: %+v", v)
	}
	old := b.report("198.51.100.7", "--at", "-11m")
	if v := b.verdict(old, "unknown"); !strings.Contains(v.Reason, "older than 10m") {
		t.Errorf("an old event: %+v", v)
	}
	b.bng.nothingAbout("bob")

	// She logs in anew: nothing reports it, the poll finds it.
	other.Do("DEL", "sess:bng1:a1")
	other.Do("SREM", "user:alice", "bng1:a1")
	online("alice", "a2", "198.51.100.9", 0)
	b.bng.expect("alice", coaRequest("alice", "a1", "GARDEN"), coaRequest("alice", "a2", "GARDEN"))
	if denied := other.Do("ACL", "LOG"); denied != "*0" {
		t.Errorf("commands were tried that the user may not: %s", denied)
	}
}

func TestAVerdictAboutASubscriberFindsTheSessionThatRediswhoWrote(t *testing.T) {
	t.Parallel()
	other := elsewhere(t)
	aaa := startRediswho(t, other)
	b := newBorrowingBed(t, other, "{ip: 192.0.2.1}", "  preset: rediswho")
	aaa.account(t, "Start", 0)
	aaa.account(t, "Interim-Update", 30)

	unknown := b.report("198.51.100.7")
	if v := b.verdict(unknown, "unknown"); !strings.Contains(v.Reason, "does not find them by address") {
		t.Errorf("by address: %+v", v)
	}
	b.ok("verdict", "submit", "--subscriber", "alice", "--category", "spam", "--source", "mail")
	b.stands("alice", "restricted", "bng1/a1 acked")
	b.bng.expect("alice", coaRequest("alice", "a1", "NO-SMTP"))
	if found := ask[wire.Holders](b.instance, "session", "find", "--subscriber", "alice"); len(found.Results) != 1 ||
		found.Results[0].SessionID != "a1" {
		t.Errorf("her sessions: %+v", found)
	}
}

// rediswho is a FreeRADIUS that keeps sessions with rlm_rediswho, configured as
// it is shipped.
type rediswho struct {
	process
	port int
}

func startRediswho(t *testing.T, redis *storetest.Redis) *rediswho {
	t.Helper()
	dir := t.TempDir()
	r := &rediswho{process: process{t: t, name: "freeradius with rediswho", log: filepath.Join(dir, "radius.log")}, port: freePort(t)}
	var ways strings.Builder
	for _, status := range []string{"Start", "Interim-Update", "Stop"} {
		fmt.Fprintf(&ways, rediswhoWay, status)
	}
	host, port, _ := strings.Cut(redis.Addr, ":")
	text := strings.NewReplacer("DIR", dir, "HOST", host, "REDIS", port, "PORT", fmt.Sprint(r.port), "WAYS", ways.String(), "SECRET",
		acctSecret).
		Replace(rediswhoConfiguration)
	for name, content := range map[string]string{"radiusd.conf": text, "dictionary": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		r.kill()
		r.showIfFailed()
	})
	path, err := find("freeradius")
	if err != nil {
		t.Fatal(err)
	}
	r.start(path, nil, "-f", "-l", "stdout", "-d", dir, "-n", "radiusd")
	within(t, soon, "FreeRADIUS is ready", func() (string, bool) {
		if out := r.output(); !r.running() {
			t.Fatalf("FreeRADIUS ended at once:\n%s", out)
		}
		return "", strings.Contains(r.output(), "Ready to process requests")
	})
	return r
}

// account reports a record about alice's session a1, so many seconds old.
func (r *rediswho) account(t *testing.T, status string, seconds int) {
	t.Helper()
	text := fmt.Sprintf("Acct-Status-Type = %s\nUser-Name = alice\nAcct-Session-Id = a1\nNAS-IP-Address = 192.0.2.1\n"+
		"Acct-Session-Time = %d\nFramed-IP-Address = 198.51.100.7\n", status, seconds)
	if out, err := radclient(t, fmt.Sprintf("127.0.0.1:%d", r.port), "acct", acctSecret, text, "-r", "3"); err != nil {
		t.Fatalf("accounting was not answered: %v\n%s", err, out)
	}
}

const rediswhoWay = `
    %s {
      insert = "LPUSH %%{User-Name} %%l,%%{Acct-Session-Id},%%{NAS-IP-Address},%%{Acct-Session-Time},%%{Framed-IP-Address},%%{%%{Acct-Input-Gigawords}:-0},%%{%%{Acct-Output-Gigawords}:-0},%%{%%{Acct-Input-Octets}:-0},%%{%%{Acct-Output-Octets}:-0}"
      trim = "LTRIM %%{User-Name} 0 15"
      expire = "EXPIRE %%{User-Name} 86400"
    }
`

const rediswhoConfiguration = `
prefix = /usr
raddbdir = DIR
logdir = DIR
run_dir = DIR
libdir = /usr/lib/freeradius
correct_escapes = true
log {
  destination = stdout
}
security {
  allow_core_dumps = no
  status_server = no
}
thread pool {
  start_servers = 1
  max_servers = 2
  min_spare_servers = 1
  max_spare_servers = 2
}
client loopback {
  ipaddr = 127.0.0.0/8
  secret = SECRET
}
modules {
  redis {
    server = HOST
    port = REDIS
    pool {
      start = 1
      min = 1
      max = 2
      spare = 1
    }
  }
  rediswho {
    trim_count = 15
    expire_time = 86400
WAYS
  }
}
instantiate {
  redis
}
server aaa {
  listen {
    type = acct
    ipaddr = 127.0.0.1
    port = PORT
  }
  accounting {
    rediswho
  }
}
`
