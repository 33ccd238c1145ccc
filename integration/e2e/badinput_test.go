package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cordon/integration/wire"
)

func TestBadVerdictsAreReportedByTheirField(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("alice", "198.51.100.7")
	now, ndjson := stampNow(), "application/x-ndjson"
	verdict := func(members string) string { // a later member would be a double: leave those out that a case sets
		body := "{" + members
		for name, value := range map[string]string{"source": "s", "observed_at": now, "ip": "198.51.100.7", "category": "botnet"} {
			if !strings.Contains(members, `"`+name+`"`) {
				body += fmt.Sprintf(",%q:%q", name, value)
			}
		}
		return body + "}"
	}
	for name, c := range map[string]struct {
		body, contentType string
		status            int
		says              string
	}{
		"empty body":            {"", "", 400, "body"},
		"no JSON":               {"hello", "", 400, "not JSON"},
		"cut off":               {`{"source":"s"`, "", 400, "not JSON"},
		"something after it":    {verdict(`"confidence":1`) + " x", "", 400, "after"},
		"array cut off":         {"[" + verdict(`"confidence":1`), "", 400, "not JSON"},
		"NDJSON without JSON":   {"a\nb\n", ndjson, 400, "JSON"},
		"unknown field":         {verdict(`"confidense":1`), "", 422, "confidense"},
		"doubled field":         {`{"source":"a","source":"b"}`, "", 422, "source"},
		"no source":             {`{"observed_at":"` + now + `","ip":"198.51.100.7","category":"x"}`, "", 422, "source"},
		"no category":           {`{"source":"s","observed_at":"` + now + `","ip":"198.51.100.7"}`, "", 422, "category"},
		"no address":            {`{"source":"s","observed_at":"` + now + `","category":"x"}`, "", 422, "ip"},
		"both":                  {verdict(`"subscriber":"alice"`), "", 422, "subscriber"},
		"no time":               {`{"source":"s","ip":"198.51.100.7","category":"x"}`, "", 422, "observed_at"},
		"time without offset":   {verdict(`"observed_at":"2026-01-02T15:04:05"`), "", 422, "observed_at"},
		"12-hour time":          {verdict(`"observed_at":"01/02/2026 03:04 PM"`), "", 422, "observed_at"},
		"Unix time":             {verdict(`"observed_at":1767366245`), "", 422, "observed_at"},
		"future":                {verdict(`"observed_at":"2126-01-02T15:04:05Z"`), "", 422, "observed_at"},
		"too old":               {verdict(`"observed_at":"2016-01-02T15:04:05Z"`), "", 422, "observed_at"},
		"no address at all":     {verdict(`"ip":"198.51.100"`), "", 422, "ip"},
		"address with zero":     {verdict(`"ip":"198.51.100.007"`), "", 422, "ip"},
		"prefix":                {verdict(`"ip":"198.51.100.0/24"`), "", 422, "ip"},
		"unspecified":           {verdict(`"ip":"0.0.0.0"`), "", 422, "ip"},
		"unspecified IPv6":      {verdict(`"ip":"::"`), "", 422, "ip"},
		"loopback":              {verdict(`"ip":"127.0.0.1"`), "", 422, "ip"},
		"mapped loopback":       {verdict(`"ip":"::ffff:127.0.0.1"`), "", 422, "ip"},
		"multicast":             {verdict(`"ip":"224.0.0.1"`), "", 422, "ip"},
		"link-local":            {verdict(`"ip":"fe80::1"`), "", 422, "ip"},
		"zone":                  {verdict(`"ip":"fe80::1%eth0"`), "", 422, "ip"},
		"broadcast":             {verdict(`"ip":"255.255.255.255"`), "", 422, "ip"},
		"confidence above 1":    {verdict(`"confidence":70`), "", 422, "confidence"},
		"confidence is a text":  {verdict(`"confidence":"high"`), "", 422, "confidence"},
		"port too high":         {verdict(`"port":70000`), "", 422, "port"},
		"null":                  {verdict(`"category":null`), "", 422, "category"},
		"control characters":    {verdict(`"category":"a\u0000b"`), "", 422, "category"},
		"too much evidence":     {verdict(`"evidence":"` + strings.Repeat("x", 9000) + `"`), "", 422, "evidence"},
		"oversized body":        {verdict(`"evidence":"` + strings.Repeat("x", 2<<20) + `"`), "", 413, ""},
		"too many":              {"[" + strings.Repeat("{},", 1000) + "{}]", "", 413, "1000"},
		"a number":              {"17", "", 422, "object"},
		"deeply nested nothing": {strings.Repeat("[", 100_000), "", 400, "not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.contentType == "" {
				c.contentType = "application/json"
			}
			status, answer, err := b.post("/verdicts", c.contentType, c.body)
			var p wire.Problem
			if err != nil || json.Unmarshal([]byte(answer), &p) != nil {
				t.Fatalf("%d %s %v", status, answer, err)
			}
			if status != c.status || p.Status != c.status || !strings.Contains(p.Detail, c.says) || p.RequestID == "" {
				t.Errorf("%s, want %d with %q", answer, c.status, c.says)
			}
		})
	}
	// One bad verdict of several is reported; the others are accepted.
	status, answer, err := b.post("/verdicts", "application/json", "["+verdict(`"ip":"127.0.0.1"`)+","+verdict(`"confidence":1`)+"]")
	if err != nil || status != http.StatusAccepted || !strings.Contains(answer, `"rejected"`) || !strings.Contains(answer, `"accepted"`) {
		t.Errorf("%d %s %v", status, answer, err)
	}
	b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"))
	if all := b.cases(""); len(all) != 1 {
		t.Errorf("%d cases came of it", len(all))
	}
}

func TestAnotherSitesPageCannotUseAnOperatorsBrowser(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("alice", "198.51.100.7")
	body := `{"subscriber":"alice","profile":"walled-garden","reason":"clicked on a link"}`
	r, err := http.NewRequest(http.MethodPost, b.url()+"/api/v1/quarantines", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/plain") // what a page may send without asking first
	r.Header.Set("Origin", "https://evil.example")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("%s", answer.Status)
	}
	if all := b.cases(""); len(all) > 0 {
		t.Errorf("a case came of it: %s", show(all[0]))
	}
	b.bng.nothingAbout("alice")
}

func TestBadCommandsAreReportedByTheirField(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("alice", "198.51.100.7")
	for name, c := range map[string]struct {
		path, body string
		status     int
		says       string
	}{
		"unknown profile": {"/quarantines", `{"subscriber":"alice","profile":"dungeon","reason":"x"}`, 422, "profile"},
		"no reason":       {"/quarantines", `{"subscriber":"alice","profile":"walled-garden"}`, 422, "reason"},
		"blank reason":    {"/quarantines", `{"subscriber":"alice","profile":"walled-garden","reason":"  "}`, 422, "reason"},
		"nobody":          {"/quarantines", `{"profile":"walled-garden","reason":"x"}`, 422, "subscriber"},
		"two targets": {"/quarantines", `{"subscriber":"alice","ip":"198.51.100.7","profile":"walled-garden","reason":"x"}`, 422,
			"one of"},
		"unknown field":       {"/quarantines", `{"subscriber":"alice","profile":"walled-garden","reason":"x","force":true}`, 422, "force"},
		"negative time":       {"/quarantines", `{"subscriber":"alice","profile":"walled-garden","reason":"x","for":"-1h"}`, 422, "for"},
		"unknown address":     {"/quarantines", `{"ip":"203.0.113.1","profile":"walled-garden","reason":"x"}`, 404, ""},
		"unknown session":     {"/quarantines", `{"session":"bng1/nobody","profile":"walled-garden","reason":"x"}`, 404, ""},
		"session without BNG": {"/quarantines", `{"session":"s-alice","profile":"walled-garden","reason":"x"}`, 422, "session"},
		"no such case":        {"/cases/c-none/release", `{"reason":"x"}`, 404, "case"},
		"strange id":          {"/cases/..%2f..%2fx/release", `{"reason":"x"}`, 422, "id"},
		"unknown code":        {"/cases/c-none/release", `{"reason":"x","code":"whim"}`, 422, "code"},
		"no JSON":             {"/cases/c-none/release", `release it`, 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			status, answer, err := b.post(c.path, "application/json", c.body)
			var p wire.Problem
			if err != nil || json.Unmarshal([]byte(answer), &p) != nil {
				t.Fatalf("%d %s %v", status, answer, err)
			}
			if status != c.status || !strings.Contains(p.Detail, c.says) {
				t.Errorf("%s, want %d with %q", answer, c.status, c.says)
			}
		})
	}
	if all := b.cases(""); len(all) > 0 {
		t.Errorf("a case came of it: %s", show(all[0]))
	}
	b.bng.nothingAbout("alice")
}

// accountingRequest is a Start as radclient would send it, cut or altered by
// tests. Its authenticator is zero, so wrong.
func accountingRequest(attributes ...byte) []byte {
	packet := append([]byte{4, 7, 0, 0}, make([]byte, 16)...)
	packet = append(packet, attributes...)
	packet[2], packet[3] = byte(len(packet)>>8), byte(len(packet))
	return packet
}

func TestJunkOnTheAccountingPortIsCountedAndNeverAnswered(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	conn, err := net.Dial("udp", b.radius())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	long := accountingRequest(40, 6, 0, 0, 0, 1)
	long[3]++ // says more than there is
	packets := [][]byte{
		{4}, make([]byte, 19), make([]byte, 20), make([]byte, 4096), long,
		accountingRequest(40, 6, 0, 0, 0, 1), accountingRequest(40, 0), accountingRequest(40, 1), accountingRequest(40, 255, 1),
		append([]byte{1}, accountingRequest()[1:]...), append([]byte{43}, accountingRequest()[1:]...),
	}
	for range 300 {
		junk := make([]byte, random.IntN(600))
		for i := range junk {
			junk[i] = byte(random.Uint32())
		}
		packets = append(packets, junk)
	}
	for _, p := range packets {
		if _, err := conn.Write(p); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond) // not more than the socket's buffer
	}
	wrong := record{user: "mallory", session: "m", ip: "198.51.100.66"}
	if out, err := radclient(t, b.radius(), "acct", "another-secret-that-is-wrong", wrong.String(), "-r", "1", "-t", "1"); err == nil {
		t.Errorf("a wrong secret was answered:\n%s", out)
	}
	unknown := wrong
	unknown.more = "Packet-Src-IP-Address = 127.0.0.3"
	if out, err := radclient(t, b.radius(), "acct", acctSecret, unknown.String(), "-r", "1", "-t", "1"); err == nil {
		t.Errorf("an unknown client was answered:\n%s", out)
	}
	if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 4096)); err == nil {
		t.Errorf("seed %d: junk was answered with %d octets", seed, n)
	}
	for _, outcome := range []string{"malformed", "wrong_code", "bad_authenticator", "unknown_client"} {
		if n := b.metric(`cordon_accounting_datagrams_total{outcome="` + outcome + `"}`); n == "" || n == "0" {
			t.Errorf("seed %d: %q datagrams counted as %s", seed, n, outcome)
		}
	}
	if n := b.metric(`cordon_accounting_datagrams_total{outcome="stored"}`); n != "0" {
		t.Errorf("%s records were stored", n)
	}
	b.online("alice", "198.51.100.7")
	b.report("198.51.100.7")
	b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"))
	b.bng.nothingAbout("mallory")
}

func TestAFaultyConfigurationIsReportedWholeWithPlaces(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cordon.yaml")
	if err := os.WriteFile(file, []byte(`instance: a
redsi: {addrs: [x]}
http: {listen: 0.0.0.0:8480}
accounting:
  clients:
    - {address: 192.0.2.1/32, secret: s, relay_for: [bng9]}
profiles:
  - {name: walled-garden, severity: 20, reachable: portal}
bngs:
  - name: bng1
    address: 192.0.2.1
    secret_file: /does/not/exist
    dialect: cisko
    profiles:
      walled-garden: {restricted: GARDEN, normal: overlay}
policy:
  mode: enforce
  rules:
    - {name: bots, match: {category: [botnet]}, profile: dungeon, for: 72h}
    - {name: late, match: {category: [spam]}, profile: walled-garden, for: soon}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"check", "config", file}, {"serve", "-c", file}} {
		r := runCLI(t, nil, args...)
		if r.code != 1 {
			t.Error(r)
		}
		text := r.out + r.err
		for line, word := range map[int]string{2: "redsi", 3: "http.listen", 6: "bng9", 12: "secret_file", 13: "cisko", 19: "dungeon",
			20: "soon"} {
			if !regexp.MustCompile(fmt.Sprintf(`cordon\.yaml:%d:\d+: .*%s`, line, regexp.QuoteMeta(word))).MatchString(text) {
				t.Errorf("line %d with %q is not reported:\n%s", line, word, r)
			}
		}
	}
	missing := runCLI(t, nil, "check", "config", file+".none")
	if missing.code != 1 {
		t.Error(missing)
	}
}

func TestExitCodesTellUsageFromFailureFromUnreachable(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	nowhere := []string{"CORDON_ADDR=127.0.0.1:" + fmt.Sprint(freePort(t))}
	here := []string{"CORDON_ADDR=" + b.url()}
	for _, c := range []struct {
		env  []string
		args string
		code int
	}{
		{here, "quarantine list", 0},
		{here, "version", 0},
		{here, "quarantine show c-none", 1},
		{here, "verdict show v-none", 1},
		{here, "session find --ip 203.0.113.1", 1},
		{here, "session find --ip nonsense", 1},
		{here, "verdict submit --ip 127.0.0.1 --category botnet", 1},
		{here, "coa render --dialect mikrotik --restricted G --normal overlay --session User-Name=a,Acct-Session-Id=1", 1},
		{here, "quarantine lsit", 2},
		{here, "nonsense", 2},
		{here, "quarantine list --frobnicate", 2},
		{here, "quarantine add --profile walled-garden --reason x", 2},
		{here, "quarantine add --ip 198.51.100.7 --profile walled-garden", 2},
		{here, "quarantine release c-none", 2},
		{here, "quarantine release", 2},
		{here, "verdict submit --ip 198.51.100.7 --category botnet --at yesterday", 2},
		{here, "serve", 2},
		{nowhere, "quarantine list", 3},
		{nowhere, "verdict submit --ip 198.51.100.7 --category botnet", 3},
		{nowhere, "quarantine release c-none --reason x", 3},
	} {
		if r := runCLI(t, c.env, strings.Fields(c.args)...); r.code != c.code || (c.code > 0 && r.err == "") || (c.code > 1 && r.out != "") {
			t.Errorf("want exit code %d: %s", c.code, r)
		}
	}
}

func TestWithTokensNobodyElseIsServed(t *testing.T) {
	t.Parallel()
	const detector, operator = "detector-token-0123456789abcdef", "operator-token-0123456789abcdef"
	b := prepareBed(t)
	s := b.site
	s.tokens = fmt.Sprintf("[{name: suricata, token: %s, scopes: [verdict], source: suricata-1}, {name: alice, token: %s, scopes: [read, "+
		"quarantine, release]}]",
		detector, operator)
	b.configure(s)
	b.bng.startNow()
	b.serve()
	b.online("bob", "198.51.100.7")
	run := func(token string, args ...string) ran {
		return runCLI(t, []string{"CORDON_ADDR=" + b.url(), "CORDON_TOKEN=" + token}, args...)
	}
	verdict := []string{"verdict", "submit", "--ip", "198.51.100.7", "--category", "botnet", "--confidence", "1"}
	for name, r := range map[string]ran{
		"no token":            run("", "quarantine", "list"),
		"another token":       run("guess", "quarantine", "list"),
		"a detector reads":    run(detector, "quarantine", "list"),
		"an operator reports": run(operator, verdict...),
		"another's source":    run(detector, append(verdict, "--source", "suricata-2")...),
	} {
		if r.code != 1 {
			t.Errorf("%s: %s", name, r)
		}
	}
	if r := run(detector, append(verdict, "--source", "suricata-1")...); r.code != 0 {
		t.Fatal(r)
	}
	b.bng.expect("bob", coaRequest("bob", "s-bob", "GARDEN"))
	list := run(operator, "quarantine", "list", "-q", "--open")
	if list.code != 0 {
		t.Fatal(list)
	}
	if r := run(operator, "quarantine", "release", strings.TrimSpace(list.out), "--reason", "cleaned"); r.code != 0 {
		t.Fatal(r)
	}
	b.bng.expect("bob", coaRequest("bob", "s-bob", "GARDEN"), coaRequest("bob", "s-bob", "INTERNET"))
	page := run(operator, "quarantine", "show", strings.TrimSpace(list.out), "-o", "json")
	if !strings.Contains(page.out, `"by": "alice"`) && !strings.Contains(page.out, `"by":"alice"`) {
		t.Errorf("the release is not the token's: %s", page)
	}
	if out := b.output(); strings.Contains(out, detector) || strings.Contains(out, operator) {
		t.Error("a token is in the log")
	}
}
