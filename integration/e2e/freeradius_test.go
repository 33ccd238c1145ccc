package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Secrets of the parts.
const (
	coaSecret  = "e2e-coa-secret-0123456789abcdef0123"
	acctSecret = "e2e-acct-secret-0123456789abcdef012"
)

// radiusd is a FreeRADIUS of a test's own. It plays BNGs: one CoA listener
// each, on ports of their own. What it answers goes by the beginning of
// User-Name (or Acct-Session-Id): refused… gets a NAK 401, lost… a NAK 503,
// silent… nothing, everybody else an ACK, but for the Junos service
// NO-SUCH-SERVICE, which gets a NAK 404. It writes every request that it
// accepted, once, to a file. With relay set it is an AAA server too.
type radiusd struct {
	process
	dir     string
	coa     []int         // ports of the CoA listeners
	forward *forwardRules // nil: no AAA server
}

// forwardRules make FreeRADIUS copy accounting to Cordon in two ways.
type forwardRules struct {
	cordon   int // Cordon's accounting port
	proxy    int // listener that hands on at once and answers with Cordon's answer
	buffered int // listener that answers at once and copies from a file
}

// startRadiusd starts a FreeRADIUS with n CoA listeners.
func startRadiusd(t testing.TB, n int, forward *forwardRules) *radiusd {
	t.Helper()
	r := prepareRadiusd(t, n, forward)
	r.startNow()
	return r
}

// prepareRadiusd writes the configuration; startNow starts it.
func prepareRadiusd(t testing.TB, n int, forward *forwardRules) *radiusd {
	t.Helper()
	dir := t.TempDir()
	r := &radiusd{process: process{t: t, name: "freeradius", log: filepath.Join(dir, "radius.log")}, dir: dir, forward: forward}
	for range n {
		r.coa = append(r.coa, freePort(t))
	}
	r.write("radiusd.conf", r.configuration())
	r.write("dictionary", "ATTRIBUTE L4-Redirect 243 string\n")
	t.Cleanup(func() {
		r.kill()
		r.showIfFailed()
	})
	return r
}

func (r *radiusd) startNow() {
	r.t.Helper()
	path, err := find("freeradius")
	if err != nil {
		r.t.Fatal(err)
	}
	r.start(path, nil, "-f", "-l", "stdout", "-d", r.dir, "-n", "radiusd")
	within(r.t, soon, "FreeRADIUS is ready", func() (string, bool) {
		out := r.output()
		if !r.running() {
			r.t.Fatalf("FreeRADIUS ended at once:\n%s", out)
		}
		return out, strings.Contains(out, "Ready to process requests")
	})
}

func (r *radiusd) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *radiusd) configuration() string {
	var listeners strings.Builder
	for _, port := range r.coa {
		fmt.Fprintf(&listeners, "  listen {\n    type = coa\n    ipaddr = 127.0.0.1\n    port = %d\n  }\n", port)
	}
	text := strings.NewReplacer("DIR", r.dir, "LISTENERS", listeners.String(), "COA_SECRET", coaSecret).Replace(bngConfiguration)
	if f := r.forward; f != nil {
		text += strings.NewReplacer("CORDON", fmt.Sprint(f.cordon), "PROXY", fmt.Sprint(f.proxy), "BUFFERED", fmt.Sprint(f.buffered),
			"ACCT_SECRET", acctSecret).Replace(relayConfiguration)
	}
	return text
}

const bngConfiguration = `
prefix = /usr
raddbdir = DIR
logdir = DIR
run_dir = DIR
libdir = /usr/lib/freeradius
correct_escapes = true
max_request_time = 30
cleanup_delay = 5
max_requests = 16384
hostname_lookups = no
log {
  destination = stdout
}
security {
  allow_core_dumps = no
  max_attributes = 200
  reject_delay = 0
  status_server = no
}
thread pool {
  start_servers = 2
  max_servers = 4
  min_spare_servers = 1
  max_spare_servers = 4
  max_requests_per_server = 0
}
client loopback {
  ipaddr = 127.0.0.0/8
  secret = COA_SECRET
}
modules {
  always ok {
    rcode = ok
  }
  always reject {
    rcode = reject
  }
  always handled {
    rcode = handled
  }
  detail requests {
    filename = DIR/coa.detail
    permissions = 0600
    log_packet_header = yes
    header = "%t"
  }
  detail copies {
    filename = DIR/copy.detail
    permissions = 0600
    header = "%t"
  }
}
server bng {
LISTENERS
  recv-coa {
    requests
    if (&User-Name =~ /^silent/ || &Acct-Session-Id =~ /^silent/) {
      handled
    }
    elsif (&User-Name =~ /^lost/ || &Acct-Session-Id =~ /^lost/) {
      update reply {
        &Error-Cause := Session-Context-Not-Found
      }
      reject
    }
    elsif (&ERX-Service-Activate && &ERX-Service-Activate == "NO-SUCH-SERVICE") {
      update reply {
        &Error-Cause := Invalid-Request
      }
      reject
    }
    elsif (&User-Name =~ /^refused/ || &Acct-Session-Id =~ /^refused/) {
      update reply {
        &Error-Cause := Unsupported-Attribute
      }
      reject
    }
    else {
      ok
    }
  }
  send-coa {
    ok
  }
}
`

const relayConfiguration = `
client nas {
  ipaddr = 127.0.0.2
  secret = ACCT_SECRET
}
proxy server {
  default_fallback = no
}
home_server cordon {
  type = acct
  ipaddr = 127.0.0.1
  port = CORDON
  secret = ACCT_SECRET
  response_window = 5
  zombie_period = 20
  status_check = none
}
home_server_pool cordon {
  type = fail-over
  home_server = cordon
}
realm cordon {
  acct_pool = cordon
  nostrip
}
server aaa-proxy {
  listen {
    type = acct
    ipaddr = 127.0.0.1
    port = PROXY
  }
  preacct {
    update control {
      &Proxy-To-Realm := cordon
    }
  }
  accounting {
    ok
  }
}
server aaa-buffered {
  listen {
    type = acct
    ipaddr = 127.0.0.1
    port = BUFFERED
  }
  preacct {
    ok
  }
  accounting {
    copies
    ok
  }
}
server copy-out {
  listen {
    type = detail
    filename = ${logdir}/copy.detail
    load_factor = 100
    poll_interval = 1
    retry_interval = 2
  }
  preacct {
    update control {
      &Proxy-To-Realm := cordon
    }
  }
  accounting {
    ok
  }
}
`

// request is one CoA- or Disconnect-Request as FreeRADIUS logged it.
type request struct {
	code       string
	source     string // address
	sourcePort string
	port       string   // of the listener
	attributes []string // as FreeRADIUS prints them, without what differs each time
	timestamp  string   // Event-Timestamp; empty: none
	signed     bool     // had a Message-Authenticator (FreeRADIUS drops those that are wrong)
}

// String writes the request on one line: "CoA-Request: User-Name = "alice", …".
func (q request) String() string { return q.code + ": " + strings.Join(q.attributes, ", ") }

func (q request) has(attribute string) bool { return slices.Contains(q.attributes, attribute) }

// requests returns what the listeners have accepted so far, in order.
func (r *radiusd) requests() []request {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, "coa.detail"))
	if err != nil && !os.IsNotExist(err) {
		r.t.Fatal(err)
	}
	var all []request
	for block := range strings.SplitSeq(string(text), "\n\n") {
		if q := parseRequest(block); q.code != "" {
			all = append(all, q)
		}
	}
	return all
}

func parseRequest(block string) (q request) {
	if !strings.Contains(block, "\n\tTimestamp = ") {
		return q // FreeRADIUS is about to write the rest
	}
	for line := range strings.SplitSeq(block, "\n") {
		line, isAttribute := strings.CutPrefix(line, "\t")
		name, value, _ := strings.Cut(line, " = ")
		switch {
		case !isAttribute, name == "Timestamp", name == "Packet-Dst-IP-Address":
		case name == "Packet-Type":
			q.code = value
		case name == "Packet-Src-IP-Address":
			q.source = value
		case name == "Packet-Src-Port":
			q.sourcePort = value
		case name == "Packet-Dst-Port":
			q.port = value
		case name == "Event-Timestamp":
			q.timestamp = value
		case name == "Message-Authenticator":
			q.signed = true
		default:
			q.attributes = append(q.attributes, line)
		}
	}
	return q
}

// about returns the requests about one subscriber, one line each.
func (r *radiusd) about(user string) []string {
	r.t.Helper()
	var lines []string
	for _, q := range r.requests() {
		if q.has(fmt.Sprintf("User-Name = %q", user)) {
			lines = append(lines, q.String())
		}
	}
	return lines
}

// coaRequest is how requests about a session in the filter-id dialect look.
func coaRequest(user, session, filter string) string {
	return fmt.Sprintf("CoA-Request: User-Name = %q, Acct-Session-Id = %q, Filter-Id = %q", user, session, filter)
}

// expect waits until exactly these requests were made about a subscriber.
func (r *radiusd) expect(user string, want ...string) {
	r.t.Helper()
	within(r.t, soon, fmt.Sprintf("the BNG has got about %s:\n%s", user, strings.Join(want, "\n")), func() (string, bool) {
		got := r.about(user)
		return strings.Join(got, "\n"), slices.Equal(got, want)
	})
}

// nothingAbout fails if the BNG ever got a request about a subscriber.
func (r *radiusd) nothingAbout(user string) {
	r.t.Helper()
	if got := r.about(user); len(got) > 0 {
		r.t.Errorf("the BNG got requests about %s:\n%s", user, strings.Join(got, "\n"))
	}
}
