package docs_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/acct"
)

// The secret between the parts of these tests.
const radiusSecret = "docs-test-secret-0123456789abcdef"

// freePort returns a UDP port of 127.0.0.1 that nobody has at the moment.
func freePort(t *testing.T) int {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	return conn.LocalAddr().(*net.UDPAddr).Port
}

// freeRADIUS is one that runs.
type freeRADIUS struct {
	process *os.Process
	log     string // file
}

// output is what it has printed so far.
func (f *freeRADIUS) output() string {
	text, err := os.ReadFile(f.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// startFreeRADIUS runs the configuration radiusd.conf in dir until the test ends.
func startFreeRADIUS(t *testing.T, dir string, arguments ...string) *freeRADIUS {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	program := "freeradius"
	if _, err := exec.LookPath(program); err != nil {
		program = "/usr/sbin/freeradius" // not on the PATH of everybody
	}
	cmd := exec.Command(program, append([]string{"-f", "-l", "stdout", "-n", "radiusd"}, arguments...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
	if err := cmd.Start(); err != nil {
		t.Fatalf("FreeRADIUS is needed (Debian package freeradius): %v", err)
	}
	f := &freeRADIUS{process: cmd.Process, log: out.Name()}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("FreeRADIUS said:\n%s", f.output())
		}
	})
	waitUntil(t, "FreeRADIUS is ready", func() bool { return strings.Contains(f.output(), "Ready to process requests") })
	return f
}

// patience bounds every wait for another process.
const patience = time.Minute

func waitUntil(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %s, but not so: %s", patience, what)
		}
	}
}

// radclient sends what input says, once, and fails the test if nothing good is
// answered.
func radclient(t *testing.T, server, kind, secret, input string) string {
	t.Helper()
	cmd := exec.Command("radclient", "-x", "-r", "1", "-t", "3", server, kind, secret)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("radclient (Debian package freeradius-utils): %v\n%s", err, out)
	}
	return string(out)
}

// receiver stands in for Cordon's accounting: it takes records in, or while it
// is down answers none.
type receiver struct {
	mu      sync.Mutex // guards what follows
	down    bool
	refuses string // Acct-Session-Id that is never answered
	refused int
	records []acct.Record
}

func (r *receiver) Handle(_ context.Context, batch []acct.Record) []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	errs := make([]error, len(batch))
	for i := range batch {
		if r.down || r.refuses != "" && batch[i].SessionID == r.refuses {
			errs[i] = errors.New("down")
			r.refused++
			continue
		}
		r.records = append(r.records, batch[i])
	}
	return errs
}

func (r *receiver) setDown(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}

// find returns the record of a session with that status.
func (r *receiver) find(session string, status acct.Status) (acct.Record, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, record := range r.records {
		if record.SessionID == session && record.Status == status {
			return record, true
		}
	}
	return acct.Record{}, false
}

// all returns the records in the order in which they came.
func (r *receiver) all() []acct.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.records)
}

func (r *receiver) refusals() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused
}

// serve listens until the test ends and returns the port.
func (r *receiver) serve(t *testing.T) int {
	t.Helper()
	secret, err := radiusx.NewSecret(radiusSecret)
	if err != nil {
		t.Fatal(err)
	}
	server, err := acct.New(acct.Config{
		Listen:  []string{"127.0.0.1:0"},
		Clients: []acct.Client{{Prefix: netip.MustParsePrefix("127.0.0.1/32"), Secret: secret, Relay: true}},
		Handler: r, Holdable: quarantine.Holdable,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }() // ends with the test
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return int(netip.MustParseAddrPort(server.Addrs()[0].String()).Port())
}

// mainConfiguration is the least that an existing FreeRADIUS has around the
// two files of the example: an accounting site that uses cordon_copy.
const mainConfiguration = `
prefix = /usr
libdir = /usr/lib/freeradius
logdir = .
radacctdir = ./radacct
proxy_requests = yes
security {
  allow_vulnerable_openssl = yes
}
client bng1 {
  ipaddr = 127.0.0.1
  secret = "%[1]s"
}
modules {
  always ok {
    rcode = ok
  }
  preprocess {
  }
  $INCLUDE cordon_copy
}
$INCLUDE cordon
server default {
  listen {
    type = acct
    ipaddr = 127.0.0.1
    port = %[2]d
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

// substitute replaces what a site fills in itself, and notices when the example
// does not have it any more.
func substitute(t *testing.T, file, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%s does not contain %q", file, pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

// relay is a FreeRADIUS with the files of examples/freeradius as they are, but for
// address and secret, around an accounting site that uses them.
type relay struct {
	dir    string
	listen string
	*freeRADIUS
}

// startRelay runs one that copies to a port; change may spoil the site.
func startRelay(t *testing.T, cordon int, change ...string) *relay {
	t.Helper()
	listen, dir := freePort(t), t.TempDir()
	site := substitute(t, "sites-available/cordon", readPage(t, "examples/freeradius/sites-available/cordon"), append([]string{
		"ipaddr = 192.0.2.10 ", "ipaddr = 127.0.0.1 ", "port = 1813", fmt.Sprintf("port = %d", cordon),
		`"the secret of this server under accounting.clients in cordon.yaml"`, `"` + radiusSecret + `"`,
	}, change...)...)
	for name, text := range map[string]string{
		"cordon": site, "cordon_copy": readPage(t, "examples/freeradius/mods-available/cordon_copy"),
		"radiusd.conf": fmt.Sprintf(mainConfiguration, radiusSecret, listen),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &relay{dir: dir, listen: fmt.Sprintf("127.0.0.1:%d", listen), freeRADIUS: startFreeRADIUS(t, dir, "-d", dir)}
}

// account sends records to the relay, each of which it must answer.
func (r *relay) account(t *testing.T, records ...string) {
	t.Helper()
	out := radclient(t, r.listen, "acct", radiusSecret, strings.Join(records, "\n\n")+"\n")
	if n := strings.Count(out, "Received Accounting-Response"); n != len(records) {
		t.Fatalf("FreeRADIUS answered %d of %d records:\n%s", n, len(records), out)
	}
}

// changed lists the values that FreeRADIUS did not take as they are written.
func (f *freeRADIUS) changed() (lines []string) {
	for line := range strings.Lines(f.output()) {
		if strings.Contains(line, "Ignoring \"") || strings.Contains(line, "forcing to") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func TestFreeRADIUSTakesEveryValueOfTheExampleAsItIsWritten(t *testing.T) {
	t.Parallel()
	r := startRelay(t, freePort(t))
	if changed := r.changed(); len(changed) > 0 {
		t.Errorf("sites-available/cordon: %q", changed)
	}
	for _, bad := range []struct{ from, to, named string }{
		{"num_answers_to_alive = 3", "num_answers_to_alive = 1", "num_pings_to_alive"},
		{"retry_interval = 4", "retry_interval = 1", "retry_interval"},
		{"check_interval = 6", "check_interval = 5", "ping_interval"}, {"zombie_period = 120", "zombie_period = 2", "zombie_period"},
	} {
		if changed := startRelay(t, freePort(t), bad.from, bad.to).changed(); len(changed) != 1 || !strings.Contains(changed[0], bad.named) {
			t.Errorf("%s is not noticed: %q", bad.to, changed)
		}
	}
}

func TestFreeRADIUSTakesEveryValueOfTheCoAExampleAsItIsWritten(t *testing.T) {
	dir := t.TempDir()
	site := substitute(t, "sites-available/coa_for_cordon", readPage(t, "examples/freeradius/sites-available/coa_for_cordon"),
		"ipaddr = 192.0.2.20 ", "ipaddr = 127.0.0.1 ", "port = 3799\n	}\n\n	recv-coa", fmt.Sprintf("port = %d\n	}\n\n	recv-coa", freePort(t)))
	main := "prefix = /usr\nlibdir = /usr/lib/freeradius\nlogdir = .\nproxy_requests = yes\n" +
		"security {\n  allow_vulnerable_openssl = yes\n}\n" +
		"modules {\n  always ok {\n    rcode = ok\n  }\n  always reject {\n    rcode = reject\n  }\n}\n$INCLUDE site\n"
	for name, text := range map[string]string{"site": site, "radiusd.conf": main} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if changed := startFreeRADIUS(t, dir, "-d", dir).changed(); len(changed) > 0 {
		t.Errorf("sites-available/coa_for_cordon: %q", changed)
	}
}

func TestFreeRADIUSCopiesAccountingAndNeverWaits(t *testing.T) {
	t.Parallel()
	cordon := &receiver{down: true}
	r := startRelay(t, cordon.serve(t))
	before := time.Now()
	r.account(t, "Acct-Status-Type=Start, Acct-Session-Id=s1, User-Name=alice, NAS-IP-Address=192.0.2.1, Framed-IP-Address=198.51.100.7",
		"Acct-Status-Type=Stop, Acct-Session-Id=s1, User-Name=alice, NAS-IP-Address=192.0.2.1, Acct-Session-Time=1")
	after := time.Now()
	waitUntil(t, "FreeRADIUS tries again while Cordon does not answer", func() bool { return cordon.refusals() >= 2 })
	cordon.setDown(false)
	waitUntil(t, "the Stop arrives", func() bool { _, ok := cordon.find("s1", acct.Stop); return ok })
	start, ok := cordon.find("s1", acct.Start)
	if !ok {
		t.Fatal("the Stop was sent before the Start")
	}
	if start.UserName != "alice" || start.FramedIP != netip.MustParseAddr("198.51.100.7") || start.NAS.IP != netip.MustParseAddr("192.0.2.1") {
		t.Errorf("the copy differs: %+v", start)
	}
	if start.At.Before(before.Add(-2*time.Second)) || start.At.After(after.Add(2*time.Second)) {
		t.Errorf("the record waited and says %s (%s), but it happened between %s and %s", start.At, start.AtSource, before, after)
	}
}

// A server that is called dead gets nothing for 18 s and more after it is back,
// whatever the file says.
func TestAfterAnOutageTheCopyGoesOnInOrderAndCordonWasNeverCalledDead(t *testing.T) {
	t.Parallel()
	cordon := &receiver{}
	r := startRelay(t, cordon.serve(t))
	record := func(n int) string {
		return fmt.Sprintf("Acct-Status-Type=Start, Acct-Session-Id=s%d, User-Name=u%d, NAS-IP-Address=192.0.2.1", n, n)
	}
	r.account(t, record(0))
	waitUntil(t, "the copy flows", func() bool { _, ok := cordon.find("s0", acct.Start); return ok })
	cordon.setDown(true)
	const waiting = 9
	for n := range waiting {
		r.account(t, record(n+1))
	}
	waitUntil(t, "three tries had no answer", func() bool { return cordon.refusals() >= 3 })
	cordon.setDown(false)
	waitUntil(t, "the last record arrives", func() bool { _, ok := cordon.find(fmt.Sprint("s", waiting), acct.Start); return ok })
	var order []string
	for _, got := range cordon.all() {
		if len(order) == 0 || order[len(order)-1] != got.SessionID { // one whose answer came too late is sent again
			order = append(order, got.SessionID)
		}
	}
	if want := []string{"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"}; !slices.Equal(order, want) {
		t.Errorf("arrived %v, want %v", order, want)
	}
	for _, word := range []string{"zombie", "dead"} {
		if strings.Contains(r.output(), word) {
			t.Errorf("FreeRADIUS calls Cordon %s", word)
		}
	}
}

// This is why Cordon answers what is of no use to it.
func TestARecordThatIsNeverAnsweredHoldsUpAllBehindIt(t *testing.T) {
	t.Parallel()
	cordon := &receiver{refuses: "bad"}
	r := startRelay(t, cordon.serve(t))
	r.account(t, "Acct-Status-Type=Start, Acct-Session-Id=bad, NAS-IP-Address=192.0.2.1",
		"Acct-Status-Type=Start, Acct-Session-Id=good, NAS-IP-Address=192.0.2.1")
	waitUntil(t, "the record is repeated", func() bool { return cordon.refusals() >= 3 })
	if got := cordon.all(); len(got) > 0 {
		t.Errorf("a record overtook the one without an answer: %+v", got)
	}
}

func TestTheFreeRADIUSOfTheLabLogsAndAcknowledges(t *testing.T) {
	config, err := filepath.Abs("examples/freeradius/lab")
	if err != nil {
		t.Fatal(err)
	}
	text := substitute(t, "lab/radiusd.conf", readPage(t, filepath.Join(config, "radiusd.conf")), "port = 3799", "port = 0")
	dir, port := t.TempDir(), freePort(t)
	text = substitute(t, "lab/radiusd.conf", text, "port = 0", fmt.Sprintf("port = %d", port))
	if err := os.WriteFile(filepath.Join(dir, "radiusd.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	startFreeRADIUS(t, dir, "-d", dir)
	out := radclient(t, fmt.Sprintf("127.0.0.1:%d", port), "coa", "a-secret-for-the-laboratory-only",
		"User-Name=alice, Acct-Session-Id=42, Filter-Id=GARDEN\n")
	if !strings.Contains(out, "Received CoA-ACK") {
		t.Errorf("no ACK:\n%s", out)
	}
	log, err := os.ReadFile(filepath.Join(dir, "cordon-coa.log"))
	if err != nil || !strings.Contains(string(log), `Filter-Id = "GARDEN"`) {
		t.Errorf("the request is not in the log: %v\n%s", err, log)
	}
}
