package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bulk is more than a page of the API and a batch of the command line hold.
const bulk = 1100

func TestAFileOfVerdictsIsWorkedOffAndAllIsReleasedWithOneCommand(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	var starts []record
	var lines strings.Builder
	for i := range bulk {
		ip := fmt.Sprintf("198.18.%d.%d", i/250, i%250+1)
		starts = append(starts, record{bng: fmt.Sprintf("bng%d", i%2+1), user: fmt.Sprintf("u%04d", i), session: fmt.Sprintf("s%04d", i), ip: ip})
	}
	if out, err := radclient(t, b.radius(), "acct", acctSecret, join(starts), "-r", "5", "-t", "3", "-p", "50"); err != nil {
		t.Fatalf("accounting was not answered: %v\n%.2000s", err, out)
	}
	for i, s := range starts {
		fmt.Fprintf(&lines, `{"source":"bulk","source_id":"%d","observed_at":%q,"ip":%q,"category":"malware","confidence":0.8}`+"\n", i,
			stampNow(), s.ip)
	}
	file := filepath.Join(t.TempDir(), "verdicts.ndjson")
	if err := os.WriteFile(file, []byte(lines.String()+`{"source":"bulk","ip":"127.0.0.1"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := b.cli("verdict", "submit", "-f", file, "-o", "name")
	if n := len(strings.Fields(r.out)); r.code != 4 || n != bulk || !strings.Contains(r.err, "1 of 1101") {
		t.Fatalf("exit code %d, %d ids, %s", r.code, n, r.err)
	}
	list := func(state string) []string {
		return strings.Fields(b.ok("quarantine", "list", "-q", "--limit", "0", "--source", "bulk", "--state", state))
	}
	within(t, 2*time.Minute, "all are restricted", func() (string, bool) {
		n := len(list("restricted"))
		return fmt.Sprint(n), n == bulk
	})
	release := append([]string{"quarantine", "release", "--reason", "sensor misread", "-o", "name"}, list("restricted")...)
	if got := b.cli(release...); got.code != 0 || len(strings.Fields(got.out)) != bulk {
		t.Fatalf("exit code %d, %d released, %.2000s", got.code, len(strings.Fields(got.out)), got.err)
	}
	within(t, 2*time.Minute, "all are released", func() (string, bool) {
		n := len(list("closed"))
		return fmt.Sprint(n), n == bulk
	})
	last := map[string]string{}
	for _, q := range b.bng.requests() {
		last[q.attributes[0]] = q.attributes[len(q.attributes)-1]
	}
	for user, filter := range last {
		if filter != `Filter-Id = "INTERNET"` {
			t.Errorf("%s was left with %s", user, filter)
		}
	}
	if len(last) != bulk {
		t.Errorf("the BNGs were asked about %d subscribers", len(last))
	}
}
