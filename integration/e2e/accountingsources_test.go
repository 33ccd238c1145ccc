package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"cordon/cmd/cordon/app"
	"cordon/quarantine"
)

// serveImpatient runs Cordon in this process with another rule of when a source of
// accounting has stopped: nobody waits half an hour in a test.
func (c *instance) serveImpatient(rule quarantine.SilenceRule) {
	c.t.Helper()
	cfg, parts, _, err := app.Load(c.file)
	if err != nil {
		c.t.Fatal(err)
	}
	server, err := app.New(context.Background(), cfg, parts, app.Options{Silence: rule})
	if err != nil {
		c.t.Fatal(err)
	}
	server.Start()
	c.t.Cleanup(server.Stop)
	within(c.t, soon, "it is ready", func() (string, bool) {
		status, body := c.get("/readyz")
		return body, status == http.StatusOK
	})
}

func TestARelayThatStopsIsNoticedAndNothingIsAttributedMeanwhile(t *testing.T) {
	t.Parallel()
	b := prepareBed(t, func(s *site) {
		s.clients = fmt.Sprintf("    - {address: 127.0.0.1/32, secret: %s, relay_for: [bng1]}", acctSecret)
		s.bngs[0].more = filterID + "\n    interim: 10m"
	})
	b.bng.startNow()
	b.serveImpatient(quarantine.SilenceRule{Times: 3, Least: 2 * time.Second, History: 3 * time.Second})
	aaa := startCopier(t, b.site.acct)
	verbose := func(line string) {
		t.Helper()
		within(t, soon, "/readyz?verbose says "+line, func() (string, bool) {
			_, body := b.get("/readyz?verbose")
			return body, strings.Contains(body, line)
		})
	}
	alice := record{user: "alice", session: "s-alice", ip: "198.51.100.7", more: "Acct-Session-Time = 1"}
	speak := func(d time.Duration) {
		for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
			aaa.account(alice.String())
			alice.status = "Interim-Update"
		}
	}
	speak(5 * time.Second)
	verbose("[+]accounting-sources ok")
	if err := aaa.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	verbose("[-]accounting-sources failed (not essential): relay 127.0.0.1/32 has sent no accounting since ")
	if value := b.metric(`cordon_accounting_source_silent{source="127.0.0.1/32"}`); value != "1" {
		t.Errorf("metric: %q", value)
	}
	id := b.report("198.51.100.7")
	if v := b.verdict(id, "pending"); !strings.Contains(v.Reason, "relay 127.0.0.1/32 has sent no accounting since") {
		within(t, soon, "the reason names the relay", func() (string, bool) {
			v = b.verdict(id, "pending")
			return v.Reason, strings.Contains(v.Reason, "relay 127.0.0.1/32 has sent no accounting since")
		})
	}
	if r := b.cli("quarantine", "add", "--ip", "198.51.100.7", "--profile", "walled-garden", "--reason", "x"); r.code != 1 ||
		!strings.Contains(r.err, "relay 127.0.0.1/32") || !strings.Contains(r.err, "name the subscriber") {
		t.Error(r)
	}
	if shown := b.ok("bng", "list"); !strings.Contains(shown, "no accounting") {
		t.Error(shown)
	}
	b.bng.nothingAbout("alice")

	if err := aaa.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	speak(time.Second)
	verbose("[+]accounting-sources ok")
	b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"))
}

// A log that is 20 s late names nobody for moments that it has not passed.
func TestATranslatorsLogIsWaitedForUntilItHasPassedTheMoment(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	push := func(lines ...string) {
		t.Helper()
		status, answer, err := b.post("/bindings", "application/x-ndjson", strings.Join(lines, "\n"))
		if err != nil || status != http.StatusOK || !strings.Contains(answer, `"failed":0`) {
			t.Fatalf("%d %s %v", status, answer, err)
		}
	}
	at := func(ago time.Duration) string { return time.Now().Add(-ago).UTC().Format(time.RFC3339Nano) }
	line := func(subscriber, more string) string {
		return fmt.Sprintf(`{"ip":"203.0.113.5","ports":"1024-2047","subscriber":%q,%s}`, subscriber, more)
	}
	b.online("alice", "198.51.100.7")
	b.online("bob", "198.51.100.8")
	given, moved := at(10*time.Minute), at(20*time.Second)
	push(line("alice", `"from":"`+given+`"`))
	id := b.report("203.0.113.5", "--port", "1500", "--at", "-10s")
	within(t, soon, "the verdict waits for the log", func() (string, bool) {
		v := b.verdict(id, "pending")
		return v.Reason, strings.Contains(v.Reason, "the translator's log operator")
	})
	push(line("alice", `"from":"`+given+`","to":"`+moved+`"`), line("bob", `"from":"`+moved+`"`), `{"complete_to":"`+at(0)+`"}`)
	b.bng.expect("bob", coaRequest("bob", "s-bob", "GARDEN"))
	b.bng.nothingAbout("alice")
	if value := b.metric(`cordon_translator_log_reported_timestamp_seconds{log="operator"}`); value == "" {
		t.Error("no metric of the log")
	}
}
