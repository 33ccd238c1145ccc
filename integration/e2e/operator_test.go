package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cordon/integration/wire"
)

// Behind a load balancer a release reaches one instance or the other. Without Redis
// only the one that sent the restriction can send it.
func TestAReleaseGivenToTheWrongInstanceWithoutRedisSaysWhereToGiveIt(t *testing.T) {
	t.Parallel()
	a := newBed(t)
	s := a.site
	s.name, s.journal = "cordon-b", ""
	b := newInstance(t, s)
	b.serve()
	b.sees("cordon-a", "up")
	cases := map[string]wire.Case{}
	for i, user := range []string{"alice", "bob"} {
		ip := fmt.Sprintf("198.51.100.%d", i+7)
		a.online(user, ip)
		a.report(ip)
		cases[user] = a.stands(user, "restricted", "bng1/s-"+user+" acked")
	}
	garden := func(user string) string { return coaRequest(user, "s-"+user, "GARDEN") }
	restore := func(user string) string { return coaRequest(user, "s-"+user, "INTERNET") }
	a.redis.Kill()

	r := b.cli("quarantine", "release", cases["alice"].ID, "--reason", "it's clean")
	words := fmt.Sprintf("cordon quarantine release %s --addr %s --reason 'it'\\''s clean'", cases["alice"].ID, a.url())
	if r.code != 4 || r.out != "" || !strings.Contains(r.err, "this host's journal knows of no restriction by that case") ||
		!strings.Contains(r.err, "cordon-a") || !strings.Contains(r.err, words) {
		t.Errorf("want exit code 4 and %s\n%s", words, r)
	}
	a.bng.expect("alice", garden("alice"))
	if r = b.cli("quarantine", "retry", cases["alice"].ID); r.code != 4 ||
		!strings.Contains(r.err, "quarantine retry "+cases["alice"].ID+" --addr "+a.url()) {
		t.Errorf("%s", r)
	}
	r = runCLI(t, []string{"USER=noc"}, "quarantine", "release", cases["alice"].ID, "--addr", a.url(), "--reason", "it's clean")
	if r.code != 0 {
		t.Errorf("%s", r)
	}
	a.bng.expect("alice", garden("alice"), restore("alice"))

	r = runCLI(t, []string{"CORDON_ADDR=" + b.url() + "," + a.url(), "USER=noc"}, "quarantine", "release", cases["bob"].ID, "--reason",
		"clean")
	if r.code != 0 || strings.Contains(r.err, "knows of no restriction") {
		t.Errorf("%s", r)
	}
	a.bng.expect("bob", garden("bob"), restore("bob"))

	a.redis.Start()
	for user := range cases {
		if c := a.stands(user, "closed"); c.Release == nil {
			t.Errorf("%s", show(c))
		}
	}
}

func TestABNGDoesNotLeaveTheConfigurationWithARelease(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("alice", "198.51.100.7")
	b.account(record{user: "dave", session: "s-dave", ip: "198.51.100.9", bng: "bng2"})
	b.report("198.51.100.7")
	b.report("198.51.100.9")
	alice := b.stands("alice", "restricted", "bng1/s-alice acked")
	dave := b.stands("dave", "restricted", "bng2/s-dave acked")
	garden, restore := coaRequest("alice", "s-alice", "GARDEN"), coaRequest("alice", "s-alice", "INTERNET")
	b.bng.expect("alice", garden)
	b.kill()

	// bng1 is called edge now, and bng2 is gone.
	s := b.site
	s.bngs = []bngSite{{name: "edge", port: b.site.bngs[0].port, nas: "{identifier: bng1}"}}
	b.configure(s)
	refused := func(r ran, cases ...wire.Case) {
		t.Helper()
		for _, c := range cases {
			if r.code != 1 || !strings.Contains(r.out+r.err, c.ID) || !strings.Contains(r.out+r.err, c.Sessions[0].BNG+" is not configured") ||
				!strings.Contains(r.out+r.err, "formerly") || !strings.Contains(r.out+r.err, "retired_bngs") {
				t.Errorf("%s", r)
			}
		}
	}
	refused(runCLI(t, nil, "check", "config", "--journal", s.journal, b.file), alice, dave)
	refused(runCLI(t, nil, "serve", "-c", b.file), alice, dave)

	// Another host's journal knows nothing; Redis does.
	other := s
	other.name, other.journal = "cordon-b", ""
	second := newInstance(t, other)
	refused(runCLI(t, nil, "serve", "-c", second.file), alice, dave)
	s.bngs[0].more = "    formerly: [bng1]\n" + filterID
	b.configure(s)
	refused(runCLI(t, nil, "serve", "-c", b.file), dave)

	s.more = "retired_bngs: [{name: bng2, reason: sold to another operator}]"
	b.configure(s)
	if r := runCLI(t, nil, "check", "config", "--journal", s.journal, b.file); r.code != 0 {
		t.Errorf("%s", r)
	}
	b.serve()
	c := b.stands("dave", "waiting")
	if !strings.Contains(c.Sessions[0].Reason, "BNG bng2 was retired: sold to another operator") {
		t.Errorf("%s", show(c))
	}
	b.ok("quarantine", "release", dave.ID, "--reason", "clean")
	b.stands("dave", "closed")

	// The line goes on under the new name: it is one session, and restricted once.
	b.account(record{user: "alice", session: "s-alice", ip: "198.51.100.7", status: "Interim-Update"})
	b.stands("alice", "restricted", "edge/s-alice acked")
	for _, name := range []string{"bng1", "edge"} {
		if list := b.ok("quarantine", "list", "--bng", name, "-q"); !slices.Contains(strings.Fields(list), alice.ID) {
			t.Errorf("list --bng %s: %s", name, list)
		}
	}
	b.ok("quarantine", "release", alice.ID, "--reason", "clean")
	b.bng.expect("alice", garden, restore)
	b.stands("alice", "closed")
	b.bng.expect("alice", garden, restore)
}

// Redis was not there at the start, and this host's journal knows nothing: the
// process serves, and says what it cannot release once it sees it.
func TestAReleaseOnAnUnknownBNGThatRedisShowsLaterIsShownAndStaysOwed(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("alice", "198.51.100.7")
	b.report("198.51.100.7")
	alice := b.stands("alice", "restricted", "bng1/s-alice acked")
	b.kill()
	b.redis.Kill()
	s := b.site
	s.name, s.journal, s.bngs = "cordon-b", "", []bngSite{{name: "edge", port: b.site.bngs[0].port}}
	second := newInstance(t, s)
	second.launch("/livez")
	b.redis.Start()
	within(t, soon, "/readyz names the case", func() (string, bool) {
		_, body := second.get("/readyz?verbose")
		return body, strings.Contains(body, "bng1 is not configured") && strings.Contains(body, alice.ID)
	})
	second.ok("quarantine", "release", alice.ID, "--reason", "clean")
	c := second.stands("alice", "releasing", "bng1/s-alice refused")
	page := second.ok("quarantine", "show", c.ID)
	for _, says := range []string{"Unfinished release", "cordon quarantine retry " + c.ID, "cordon quarantine give-up " + c.ID} {
		if !strings.Contains(page, says) {
			t.Errorf("show does not say %q:\n%s", says, page)
		}
	}
	second.ok("quarantine", "give-up", c.ID, "--reason", "line checked by hand")
	c = second.stands("alice", "closed")
	if reason := c.Sessions[0].Reason; reason != "given up by noc: line checked by hand" {
		t.Errorf("session: %s", reason)
	}
	within(t, soon, "/readyz is content again", func() (string, bool) {
		_, body := second.get("/readyz?verbose")
		return body, !strings.Contains(body, alice.ID)
	})
}
