package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// aaa is a FreeRADIUS of a test's own that lets everybody in, with a plan of two
// filters and a time limit, and asks Cordon with the files of docs/examples as
// they are, but for port and token.
type aaa struct {
	process
	port int // of its authentication listener
}

// startAAA starts a FreeRADIUS that asks Cordon at that port.
func startAAA(t testing.TB, cordon int, token string) *aaa {
	t.Helper()
	dir := t.TempDir()
	a := &aaa{process: process{t: t, name: "aaa", log: filepath.Join(dir, "radius.log")}, port: freePort(t)}
	examples := "../../docs/examples/freeradius/"
	files := map[string]string{
		"cordon_login.mod": example(t, examples+"mods-available/cordon_login",
			"127.0.0.1:8480", fmt.Sprintf("127.0.0.1:%d", cordon)),
		"cordon_login.policy": example(t, examples+"policy.d/cordon_login", "the-token-with-the-scope-authorize", token),
		"dictionary":          "",
		"radiusd.conf": strings.NewReplacer("DIR", dir, "PORT", fmt.Sprint(a.port), "SECRET", acctSecret).
			Replace(aaaConfiguration),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path, err := find("freeradius")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		a.kill()
		a.showIfFailed()
	})
	a.start(path, nil, "-f", "-l", "stdout", "-d", dir, "-n", "radiusd")
	within(t, soon, "the AAA server is ready", func() (string, bool) {
		out := a.output()
		if !a.running() {
			t.Fatalf("FreeRADIUS ended at once:\n%s", out)
		}
		return out, strings.Contains(out, "Ready to process requests")
	})
	return a
}

// example reads a file that is shipped and fills in what a site does.
func example(t testing.TB, file, old, filled string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s does not contain %q", file, old)
	}
	return strings.ReplaceAll(string(text), old, filled)
}

const aaaConfiguration = `
prefix = /usr
raddbdir = DIR
logdir = DIR
run_dir = DIR
libdir = /usr/lib/freeradius
correct_escapes = true
max_request_time = 30
cleanup_delay = 1
max_requests = 65536
log {
  destination = stdout
}
security {
  allow_core_dumps = no
  max_attributes = 200
  reject_delay = 0
}
thread pool {
  start_servers = 32
  max_servers = 32
  min_spare_servers = 1
  max_spare_servers = 32
  max_requests_per_server = 0
}
client loopback {
  ipaddr = 127.0.0.0/8
  secret = SECRET
}
modules {
  $INCLUDE DIR/cordon_login.mod
  always ok {
    rcode = ok
  }
}
policy {
  $INCLUDE DIR/cordon_login.policy
}
server default {
  listen {
    type = auth
    ipaddr = 127.0.0.1
    port = PORT
  }
  authorize {
    update control {
      &Auth-Type := Accept
    }
    update reply {
      &Filter-Id += "INTERNET"
      &Filter-Id += "FAST"
      &Session-Timeout := 86400
    }
  }
  authenticate {
  }
  post-auth {
    cordon_login
  }
}
`

// logIn logs a subscriber in at a BNG and returns the reply attributes, one a line.
func (a *aaa) logIn(user, bng string, more ...string) []string {
	a.t.Helper()
	attributes := append([]string{fmt.Sprintf("User-Name=%q, User-Password=\"her-password\", NAS-Identifier=%q, Service-Type=Framed-User",
		user, bng)}, more...)
	input := strings.Join(attributes, ", ") + "\n"
	out, err := radclient(a.t, fmt.Sprintf("127.0.0.1:%d", a.port), "auth", acctSecret, input, "-r", "1", "-t", "5")
	if err != nil {
		a.t.Fatalf("log-in of %s: %v\n%s", user, err, out)
	}
	_, reply, accepted := strings.Cut(out, "Received Access-Accept")
	if !accepted {
		a.t.Fatalf("log-in of %s was refused:\n%s", user, out)
	}
	attributes = nil
	for line := range strings.SplitSeq(reply, "\n") {
		if attribute, ok := strings.CutPrefix(line, "\t"); ok && !strings.HasPrefix(attribute, "Message-Authenticator") {
			attributes = append(attributes, attribute)
		}
	}
	return attributes
}
