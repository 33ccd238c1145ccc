package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// plan is what the AAA server of these tests gives everybody.
var plan = []string{`Filter-Id = "INTERNET"`, `Filter-Id = "FAST"`, "Session-Timeout = 86400"}

// inGarden is what is left of it, and what is there instead.
var inGarden = []string{`Filter-Id = "GARDEN"`, "Session-Timeout = 86400"}

func (a *aaa) expect(about, user, bng string, want []string) {
	a.t.Helper()
	got, sorted := a.logIn(user, bng), slices.Sorted(slices.Values(want))
	slices.Sort(got)
	if !slices.Equal(got, sorted) {
		a.t.Errorf("%s: %s at %s got\n%q, want\n%q", about, user, bng, got, sorted)
	}
}

func TestARestrictedSubscriberLogsInToTheGardenAndNothingOfThePlanLetsPast(t *testing.T) {
	t.Parallel()
	pause := filepath.Join(t.TempDir(), "pause")
	b := newBed(t, func(s *site) {
		s.pause = pause
		s.bngs = append(s.bngs,
			bngSite{name: "mx", port: s.bngs[0].port, more: "    dialect: junos\n    profiles:\n" +
				"      walled-garden: {restricted: GARDEN, normal: overlay}\n      block-smtp: {restricted: NO-SMTP, normal: overlay}"},
			bngSite{name: "sr", port: s.bngs[0].port, more: "    dialect: nokia-sros\n    profiles:\n" +
				"      walled-garden: {restricted: garden, normal: home}\n      block-smtp: {restricted: no-smtp, normal: home}"},
			bngSite{name: "seen", port: s.bngs[0].port, more: "    dialect: filter-id\n    profiles:\n" +
				"      walled-garden: {restricted: GARDEN, normal: \"$Filter-Id|INTERNET\"}\n      block-smtp: {restricted: NO-SMTP, normal: INTERNET}"})
	})
	a := startAAA(t, b.site.http, "none-is-needed")
	add := func(user, profile string) {
		b.ok("quarantine", "add", "--subscriber", user, "--profile", profile, "--for", "1h", "--reason", "bots")
	}
	add("alice", "walled-garden")
	add("carol", "disconnect")
	a.expect("restricted", "alice", "bng1", inGarden)
	a.expect("nobody's enemy", "bob", "bng1", plan)
	a.expect("to be disconnected", "carol", "bng1", plan)
	a.expect("a BNG nobody knows", "alice", "bng9", plan)
	a.expect("a service on top", "alice", "mx", append([]string{`ERX-Service-Activate:8 = "GARDEN"`}, plan...))
	a.expect("another attribute", "alice", "sr", append([]string{`Alc-SLA-Prof-Str = "garden"`}, plan...))
	a.expect("what the session had would never be seen", "alice", "seen", plan)

	if err := os.WriteFile(pause, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a.expect("paused", "alice", "bng1", plan)
	if err := os.Remove(pause); err != nil {
		t.Fatal(err)
	}
	a.expect("restricted again", "alice", "bng1", inGarden)

	// The CoA after the Start is a second try; the release gives back what is normal.
	b.online("alice", "198.51.100.7")
	b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"))
	c := b.stands("alice", "restricted", "bng1/s-alice acked")
	b.ok("quarantine", "release", c.ID, "--reason", "clean")
	b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"), coaRequest("alice", "s-alice", "INTERNET"))
	a.expect("released", "alice", "bng1", plan)
	if n := b.metric(`cordon_authorize_total{outcome="restricted"}`); n != "4" {
		t.Errorf("%s log-ins were answered with the restriction", n)
	}
}

func TestWhoIsReleasedBetweenLogInAndStartIsGivenBackThePlan(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	a := startAAA(t, b.site.http, "none-is-needed")
	b.ok("quarantine", "add", "--subscriber", "alice", "--profile", "walled-garden", "--for", "1h", "--reason", "bots")
	c := b.stands("alice", "waiting")
	a.expect("restricted", "alice", "bng1", inGarden)
	b.ok("quarantine", "release", c.ID, "--reason", "clean")
	b.stands("alice", "releasing")
	b.restart() // nothing of it is in memory only
	b.online("alice", "198.51.100.7")
	b.bng.expect("alice", coaRequest("alice", "s-alice", "INTERNET"))
	b.stands("alice", "closed")
}
