package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cordon/cmd/cordon/lab/prove"
)

// proving is a configuration with the simulated BNG in it, and its commands.
type proving struct {
	t       *testing.T
	sim     *running
	file    string
	session string
}

// prepare simulates a make and writes a configuration that knows it.
func prepare(t *testing.T, dialect, mode, extra string, args ...string) *proving {
	t.Helper()
	p := &proving{t: t, sim: simulate(t, append([]string{"--make", dialect, "--subscribers", "1", "--normal", "PLAN", "--table"}, args...)...)}
	id := p.sim.out.await(t, `(?m)^(\S+) +`+firstUser)
	p.session = "User-Name=" + firstUser + ",Acct-Session-Id=" + id
	p.configure(dialect, mode, extra)
	return p
}

func (p *proving) configure(dialect, mode, extra string) {
	p.t.Helper()
	address, port, _ := strings.Cut(p.sim.address, ":")
	dir := p.t.TempDir()
	if p.file != "" {
		dir = filepath.Dir(p.file)
	}
	p.file = filepath.Join(dir, "cordon.yaml")
	text := fmt.Sprintf(`
redis: {accept_weak: true}
journal: {dir: %s}
profiles: [{name: garden, severity: 20, reachable: "112"}]
policy: {mode: %s, rules: [{name: bots, match: {category: [botnet]}, profile: garden, for: 1h}]}
bngs:
  - name: bng1
    address: %s
    coa_port: %s
    secret: testing123
    dialect: %s
    profiles: {garden: {restricted: GARDEN, normal: PLAN}}
%s`, dir, mode, address, port, dialect, extra)
	if err := os.WriteFile(p.file, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// cordon runs a command with a person's answers on its standard input.
func (p *proving) cordon(answers string, args ...string) (code int, out, errs string) {
	p.t.Helper()
	var stdout, stderr stream
	sh := &shell{in: oneByOne{strings.NewReader(answers)}, out: &stdout, err: &stderr, getenv: func(string) string { return "" },
		now: time.Now}
	code = run(p.t.Context(), sh, args)
	return code, stdout.String(), stderr.String()
}

// oneByOne gives an octet at a time, as a terminal a line.
type oneByOne struct{ *strings.Reader }

func (o oneByOne) Read(b []byte) (int, error) { return o.Reader.Read(b[:min(len(b), 1)]) }

func (p *proving) prove(answers string, more ...string) (code int, out, errs string) {
	p.t.Helper()
	return p.cordon(answers, append([]string{"bng", "prove", "bng1", "-c", p.file, "--session", p.session, "--wait", "1s"}, more...)...)
}

func TestAPlatformThatAnswersQueriesIsProvedByThem(t *testing.T) {
	t.Parallel()
	p := prepare(t, "cisco-isg", "enforce", "")
	code, out, errs := p.prove("", "-o", "json")
	var proved []prove.Proved
	if err := json.Unmarshal([]byte(out), &proved); err != nil || code != exitDone || len(proved) != 1 {
		t.Fatalf("exit code %d, %v\n%s%s", code, err, out, errs)
	}
	if r := proved[0]; !r.Restrict.Shown || !r.Restore.Shown || !strings.Contains(r.Restrict.How, "N1GARDEN") || r.Subscriber != firstUser {
		t.Errorf("%+v", r)
	}
	p.sim.out.await(t, `services=GARDEN`)
	p.sim.out.await(t, `(?s)services=GARDEN.*services=PLAN`)
}

func TestAnAckWithoutEffectIsNoProof(t *testing.T) {
	t.Parallel()
	p := prepare(t, "cisco-isg", "enforce", "", "--quirk", "ack-ignore")
	code, out, errs := p.prove("")
	if code != exitFailed || !strings.Contains(errs, "NOT PROVED: restrict: acknowledged, but nothing showed it") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(p.file), "proofs")); err == nil {
		t.Error("a proof was kept")
	}
}

// Some make refuses what it did: the line is given back all the same.
func TestARefusedRestrictionIsRestored(t *testing.T) {
	t.Parallel()
	p := prepare(t, "filter-id", "enforce", "", "--quirk", "nak-after-restrict")
	code, out, errs := p.prove("")
	if code != exitFailed || !strings.Contains(errs, "NOT PROVED: restrict: refused") || !strings.Contains(out, "restore    acked") ||
		strings.Contains(errs, "--ask") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
}

func TestAnExperimentalDialectEnforcesOnceAPersonHasSeenItWork(t *testing.T) {
	t.Parallel()
	p := prepare(t, "rtbrick", "enforce", "")
	check := func(wantCode int, want string) {
		t.Helper()
		if code, out, errs := p.cordon("", "check", "config", p.file); code != wantCode || !strings.Contains(out+errs, want) {
			t.Errorf("check config: exit code %d, want %d and %q\n%s%s", code, wantCode, want, out, errs)
		}
	}
	check(exitFailed, "cordon bng prove bng1 --profile garden")
	if code, out, errs := p.prove(""); code != exitFailed || !strings.Contains(errs, "an ACK is no proof") {
		t.Fatalf("nobody looked: exit code %d\n%s%s", code, out, errs)
	}
	if code, out, errs := p.prove("no\nyes\n", "--ask"); code != exitFailed || !strings.Contains(errs, "a person denies it") {
		t.Fatalf("a person saw nothing: exit code %d\n%s%s", code, out, errs)
	}
	if code, out, errs := p.prove("yes\n"+strings.Repeat("no\n", 3), "--ask"); code != exitFailed ||
		!strings.Contains(errs, "THE LINE MAY STILL BE RESTRICTED") {
		t.Fatalf("a person saw no end of it: exit code %d\n%s%s", code, out, errs)
	}
	check(exitFailed, "never proved")
	if code, out, errs := p.prove("yes\ny\n", "--ask"); code != exitDone || !strings.Contains(errs, "proofs/bng1.json") {
		t.Fatalf("a person saw it: exit code %d\n%s%s", code, out, errs)
	}
	p.sim.out.await(t, `(?s)GARDEN.*PLAN.*GARDEN.*PLAN.*GARDEN.*PLAN`)
	check(exitDone, "")
	p.configure("rtbrick", "enforce", "    message_authenticator: omit\n")
	check(exitFailed, "another request, or another way")
}

func TestTheOperatorsOwnCheckProves(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "look")
	const text = "#!/bin/sh\n# says the opposite of what it said last\nif [ -e \"$0.restricted\" ]; then echo normal; else touch \"$0.restricted\"; echo restricted; fi\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	p := prepare(t, "mikrotik", "enforce", "    verify: {exec: ["+script+"]}\n")
	if code, out, errs := p.prove(""); code != exitDone || !strings.Contains(out, `the operator's check says "restricted"`) {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
}

func TestWhatCannotBeTriedIsRefused(t *testing.T) {
	t.Parallel()
	p := prepare(t, "filter-id", "enforce", "")
	for want, args := range map[string][]string{
		"must be one of bngs":       {"bng9", "--session", p.session},
		"not configured on bng1":    {"bng1", "--session", p.session, "--profile", "other"},
		"needs Acct-Session-Id":     {"bng1", "--session", "User-Name=x"},
		"--session":                 {"bng1"},
		"does not know the session": {"bng1", "--session", "User-Name=nobody,Acct-Session-Id=999"},
		"session bng1/1":            {"bng1", "--session", "1"}, // Redis is not there
	} {
		code, out, errs := p.cordon("", append([]string{"bng", "prove", "-c", p.file}, args...)...)
		if code == exitDone || !strings.Contains(out+errs, want) {
			t.Errorf("%v: exit code %d, want %q\n%s%s", args, code, want, out, errs)
		}
	}
}
