package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cordon/cmd/cordon/client"
	"cordon/integration/wire"
)

// instance is one Cordon: its configuration, its log's directory and, while it
// runs, its process.
type instance struct {
	process
	site site
	file string // configuration
}

// raceOptions keep the race detector from sleeping a second at every exit.
var raceOptions = []string{"GORACE=atexit_sleep_ms=0"}

// newInstance writes the configuration; launch starts it.
func newInstance(t testing.TB, s site) *instance {
	t.Helper()
	dir := t.TempDir()
	if s.journal == "" {
		s.journal = filepath.Join(dir, "journal")
	}
	if s.name == "" {
		s.name = "cordon-a"
	}
	s.http, s.acct = freePort(t), freePort(t)
	c := &instance{
		process: process{t: t, name: s.name, log: filepath.Join(dir, "cordon.log")}, site: s, file: filepath.Join(dir, "cordon.yaml"),
	}
	if err := os.MkdirAll(s.journal, 0o700); err != nil {
		t.Fatal(err)
	}
	c.configure(s)
	t.Cleanup(func() {
		c.end(20 * time.Second)
		c.sane()
		c.showIfFailed()
	})
	return c
}

// configure writes the configuration for the next start.
func (c *instance) configure(s site) {
	c.t.Helper()
	c.site = s
	if err := os.WriteFile(c.file, []byte(s.yaml()), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// sane fails the test if the process wrote what no process should.
func (c *instance) sane() {
	for _, bad := range []string{"DATA RACE", "panic:", "fatal error:", coaSecret, acctSecret} {
		if strings.Contains(c.output(), bad) {
			c.t.Errorf("%s wrote %q", c.name, bad)
		}
	}
}

// launch starts the server and waits until path, /readyz or /livez, answers 200.
func (c *instance) launch(path string) {
	c.t.Helper()
	c.start(binary, raceOptions, "serve", "-c", c.file)
	within(c.t, soon, c.name+" answers "+path, func() (string, bool) {
		if !c.running() {
			c.t.Fatalf("%s ended at once", c.name)
		}
		status, body := c.get(path)
		return body, status == http.StatusOK
	})
}

// serve starts the server and waits until it is ready.
func (c *instance) serve() {
	c.t.Helper()
	c.launch("/readyz")
}

// restart kills the server without warning and starts it again.
func (c *instance) restart() {
	c.t.Helper()
	c.kill()
	c.serve()
}

func (c *instance) url() string    { return fmt.Sprintf("http://127.0.0.1:%d", c.site.http) }
func (c *instance) radius() string { return fmt.Sprintf("127.0.0.1:%d", c.site.acct) }

// get asks the root of the HTTP server; status 0: no answer.
func (c *instance) get(path string) (status int, body string) {
	answer, err := http.Get(c.url() + path)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	return answer.StatusCode, string(text)
}

// post sends a body as it is to a path below /api/v1.
func (c *instance) post(path, contentType, body string) (status int, answer string, err error) {
	a, err := http.Post(c.url()+"/api/v1"+path, contentType, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	return a.StatusCode, string(text), err
}

// metric returns the value of one time series as /metrics prints it; empty: it
// is not there.
func (c *instance) metric(series string) string {
	c.t.Helper()
	_, body := c.get("/metrics")
	for line := range strings.SplitSeq(body, "\n") {
		if value, found := strings.CutPrefix(line, series+" "); found {
			return value
		}
	}
	return ""
}

// account reports records and fails the test if one is not answered.
func (c *instance) account(records ...record) {
	c.t.Helper()
	if out, err := radclient(c.t, c.radius(), "acct", acctSecret, join(records), "-r", "5", "-t", "2"); err != nil {
		c.t.Fatalf("accounting was not answered: %v\n%s", err, out)
	}
}

// ran is what a command line did.
type ran struct {
	args []string
	out  string // standard output
	err  string // standard error
	code int
}

func (r ran) String() string {
	return fmt.Sprintf("$ cordon %s\n%s%sexit code %d", strings.Join(r.args, " "), r.out, r.err, r.code)
}

// cli runs cordon as a person would, with CORDON_ADDR set to this instance.
func (c *instance) cli(args ...string) ran {
	c.t.Helper()
	return runCLI(c.t, []string{"CORDON_ADDR=" + c.url(), "USER=noc"}, args...)
}

func runCLI(t testing.TB, env []string, args ...string) ran {
	t.Helper()
	cmd := exec.Command(binary, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(append(os.Environ(), raceOptions...), env...)
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatalf("run cordon: %v", err)
	}
	return ran{args, out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// ok runs a command line that must succeed and returns its standard output.
func (c *instance) ok(args ...string) string {
	c.t.Helper()
	r := c.cli(args...)
	if r.code != 0 {
		c.t.Fatal(r)
	}
	return r.out
}

// ask runs a command line that must succeed, for JSON.
func ask[T any](c *instance, args ...string) T {
	c.t.Helper()
	out := c.ok(append(args, "-o", "json")...)
	var v T
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		c.t.Fatalf("cordon %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return v
}

// look asks the API itself, for JSON: waiting costs less than with the command
// line. It returns false if the answer is a refusal or there is none.
func look[T any](c *instance, path string, query url.Values) (v T, answer string, ok bool) {
	c.t.Helper()
	api, err := client.New(client.Config{Addr: c.url()})
	if err != nil {
		c.t.Fatal(err)
	}
	raw, err := api.Get(context.Background(), path, query)
	if err != nil {
		return v, err.Error(), false
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		c.t.Fatalf("%s: %v\n%s", path, err, raw)
	}
	return v, string(raw), true
}

// report hands in one verdict about an address and returns its id.
func (c *instance) report(ip string, more ...string) string {
	c.t.Helper()
	args := append([]string{"verdict", "submit", "--ip", ip, "--category", "botnet", "--confidence", "0.9", "-o", "name"}, more...)
	return strings.TrimSpace(c.ok(args...))
}

// cases lists the cases of a subscriber, open one first; all of them if it is
// empty.
func (c *instance) cases(subscriber string) []wire.Case {
	c.t.Helper()
	all, answer, ok := c.lookCases(subscriber)
	if !ok {
		c.t.Fatalf("cases: %s", answer)
	}
	return all
}

func (c *instance) lookCases(subscriber string) (all []wire.Case, answer string, ok bool) {
	c.t.Helper()
	query := url.Values{"limit": {"1000"}}
	if subscriber != "" {
		query.Set("subscriber", subscriber)
	}
	page, answer, ok := look[wire.CasePage](c, "/cases", query)
	return page.Results, answer, ok
}

// stands waits until the newest case of a subscriber is in a state with its
// sessions as wanted ("bng1/a1 acked", in any order; none: not looked at), and
// returns it.
func (c *instance) stands(subscriber, state string, sessions ...string) wire.Case {
	c.t.Helper()
	return c.standsWithin(soon, subscriber, state, sessions...)
}

func (c *instance) standsWithin(most time.Duration, subscriber, state string, sessions ...string) wire.Case {
	c.t.Helper()
	var found wire.Case
	within(c.t, most, fmt.Sprintf("the case of %s is %s %v", subscriber, state, sessions), func() (string, bool) {
		all, answer, _ := c.lookCases(subscriber)
		if len(all) == 0 {
			return answer, false
		}
		found = all[0]
		return show(found), found.State == state && sameSessions(found.Sessions, sessions)
	})
	return found
}

func sameSessions(sessions []wire.Session, want []string) bool {
	if len(want) == 0 {
		return true
	}
	have := map[string]bool{}
	for _, s := range sessions {
		have[s.BNG+"/"+s.SessionID+" "+s.Enforcement] = true
	}
	for _, w := range want {
		if !have[w] {
			return false
		}
	}
	return len(sessions) == len(want)
}

// show writes a case for people.
func show(c wire.Case) string {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// verdict waits until a verdict is in a state, and returns it.
func (c *instance) verdict(id, state string) wire.VerdictStatus {
	c.t.Helper()
	var v wire.VerdictStatus
	within(c.t, soon, "verdict "+id+" is "+state, func() (string, bool) {
		var answer string
		v, answer, _ = look[wire.VerdictStatus](c, "/verdicts/"+id, nil)
		return answer, v.State == state
	})
	return v
}
