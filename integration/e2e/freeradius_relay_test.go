package e2e

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cordon/integration/wire"
)

// copier is a FreeRADIUS with the files of docs/examples/freeradius as they are, but
// for address and secret: it answers accounting and copies it to Cordon.
type copier struct {
	process
	port int // where it takes accounting
}

const copierConfiguration = `
prefix = /usr
libdir = /usr/lib/freeradius
logdir = DIR
radacctdir = DIR/radacct
proxy_requests = yes
log {
  destination = stdout
}
security {
  allow_vulnerable_openssl = yes
  max_attributes = 0
}
client nas {
  ipaddr = 127.0.0.0/8
  secret = "ACCT_SECRET"
}
modules {
  always ok {
    rcode = ok
  }
  preprocess {
  }
  $INCLUDE DIR/cordon_copy
}
$INCLUDE DIR/cordon
server default {
  listen {
    type = acct
    ipaddr = 127.0.0.1
    port = PORT
  }
  preacct {
    preprocess
  }
  accounting {
    ok
    cordon_copy {
      fail = 1
    }
  }
}
`

// startCopier runs one that copies to Cordon's accounting port.
func startCopier(t testing.TB, cordon int) *copier {
	t.Helper()
	dir := t.TempDir()
	c := &copier{process: process{t: t, name: "freeradius-copier", log: filepath.Join(dir, "radius.log")}, port: freePort(t)}
	example := func(name string) string {
		text, err := os.ReadFile(filepath.Join("../../docs/examples/freeradius", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	site := strings.NewReplacer("ipaddr = 192.0.2.10 ", "ipaddr = 127.0.0.1 ", "port = 1813", fmt.Sprintf("port = %d", cordon),
		"the secret of this server under accounting.clients in cordon.yaml", acctSecret).Replace(example("sites-available/cordon"))
	for name, text := range map[string]string{
		"cordon": site, "cordon_copy": example("mods-available/cordon_copy"),
		"radiusd.conf": strings.NewReplacer("DIR", dir, "ACCT_SECRET", acctSecret, "PORT", fmt.Sprint(c.port)).Replace(copierConfiguration),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		c.kill()
		c.showIfFailed()
	})
	path, err := find("freeradius")
	if err != nil {
		t.Fatal(err)
	}
	c.start(path, nil, "-f", "-l", "stdout", "-d", dir, "-n", "radiusd")
	within(t, soon, "FreeRADIUS is ready", func() (string, bool) {
		out := c.output()
		return out, strings.Contains(out, "Ready to process requests")
	})
	return c
}

// account sends packets to the copier, which must answer them all.
func (c *copier) account(packets ...string) {
	c.t.Helper()
	if out, err := radclient(c.t, fmt.Sprintf("127.0.0.1:%d", c.port), "acct", acctSecret, strings.Join(packets, "\n\n"), "-r", "5", "-t",
		"2"); err != nil {
		c.t.Fatalf("the AAA server did not answer: %v\n%s", err, out)
	}
}

// copyBed is a Cordon that receives accounting of bng1 through a copier only.
func copyBed(t *testing.T) (*bed, *copier) {
	t.Helper()
	b := newBed(t, func(s *site) {
		s.clients = fmt.Sprintf("    - {address: 127.0.0.1/32, secret: %s, relay_for: [bng1]}", acctSecret)
	})
	return b, startCopier(t, b.site.acct)
}

// useless are records that say nothing about a session, or nothing that could be
// trusted, each in its own way.
var useless = map[string]string{
	"no Acct-Session-Id":         `Acct-Status-Type = Start, NAS-Identifier = "bng1", User-Name = "x", Framed-IP-Address = 198.51.100.90`,
	"doubled NAS-IP-Address":     `Acct-Status-Type = Start, NAS-IP-Address = 192.0.2.1, NAS-IP-Address = 192.0.2.2, NAS-Identifier = "bng1", User-Name = "x", Acct-Session-Id = "x1"`,
	"doubled NAS-Identifier":     `Acct-Status-Type = Start, NAS-Identifier = "bng1", NAS-Identifier = "bng2", User-Name = "x", Acct-Session-Id = "x2"`,
	"doubled User-Name":          `Acct-Status-Type = Start, NAS-Identifier = "bng1", User-Name = "x", User-Name = "y", Acct-Session-Id = "x3", Framed-IP-Address = 198.51.100.91`,
	"doubled Framed-IP":          `Acct-Status-Type = Start, NAS-Identifier = "bng1", User-Name = "x", Acct-Session-Id = "x4", Framed-IP-Address = 198.51.100.92, Framed-IP-Address = 198.51.100.93`,
	"doubled Acct-Session-Id":    `Acct-Status-Type = Start, NAS-Identifier = "bng1", User-Name = "x", Acct-Session-Id = "x5", Acct-Session-Id = "x6"`,
	"unknown status":             `Acct-Status-Type = 77, NAS-Identifier = "bng1", User-Name = "x", Acct-Session-Id = "x7"`,
	"Start without a subscriber": `Acct-Status-Type = Start, NAS-Identifier = "bng1", Acct-Session-Id = "x8", Framed-IP-Address = 198.51.100.94`,
	"empty Acct-Session-Id":      `Acct-Status-Type = Start, NAS-Identifier = "bng1", User-Name = "x", Acct-Session-Id = ""`,
	"no NAS at all":              `Acct-Status-Type = Start, User-Name = "x", Acct-Session-Id = "x9"`,
	"201 attributes": `Acct-Status-Type = Start, NAS-Identifier = "bng1", User-Name = "x", Acct-Session-Id = "x10"` +
		strings.Repeat(`, Filter-Id = "a"`, 197),
}

// A relay repeats what is not answered and holds everything back behind it.
func TestNoUselessRecordHoldsUpTheCopyOfFreeRADIUS(t *testing.T) {
	t.Parallel()
	for name, packet := range useless {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, aaa := copyBed(t)
			aaa.account(record{user: "alice", session: "a1", ip: "198.51.100.7"}.String())
			b.knows("alice", url.Values{"subscriber": {"alice"}})
			aaa.account(packet)
			aaa.account(record{status: "Stop", user: "alice", session: "a1", ip: "198.51.100.7"}.String(),
				record{user: "bob", session: "b1", ip: "198.51.100.7"}.String())
			b.knows("bob", url.Values{"subscriber": {"bob"}})
			held := ask[wire.Holders](b.instance, "session", "find", "--ip", "198.51.100.7", "--at", time.Now().Format(time.RFC3339Nano))
			if len(held.Results) != 1 || held.Results[0].Subscriber != "bob" {
				t.Errorf("who holds the address: %+v", held.Results)
			}
		})
	}
}
