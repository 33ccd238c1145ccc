package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// plan is what the AAA server of these tests gives everybody.
var plan = []string{`Filter-Id = "INTERNET"`, `Filter-Id = "FAST"`, "Session-Timeout = 86400"}

// inGarden is what is left of it, and what is there instead.
var inGarden = []string{`Filter-Id = "GARDEN"`, "Session-Timeout = 86400"}

// answers logs a subscriber in until Cordon has answered with that outcome, and
// holds the reply against want. On a busy machine a log-in may not wait long enough
// for Cordon: then the plan must be left as it is.
func (a *aaa) answers(c *instance, outcome, user, bng string, want []string) {
	a.t.Helper()
	series := fmt.Sprintf("cordon_authorize_total{outcome=%q}", outcome)
	want = slices.Sorted(slices.Values(want))
	within(a.t, soon, fmt.Sprintf("Cordon answers %s to %s at %s", outcome, user, bng), func() (string, bool) {
		before := c.metric(series)
		got := a.logIn(user, bng)
		slices.Sort(got)
		answered := c.metric(series) != before
		if late := !answered && slices.Equal(got, slices.Sorted(slices.Values(plan))); !late && !slices.Equal(got, want) {
			a.t.Fatalf("%s at %s, answered with %s: got\n%q, want\n%q", user, bng, outcome, got, want)
		}
		return strings.Join(got, ", "), answered && slices.Equal(got, want)
	})
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
				"      walled-garden: {restricted: GARDEN, normal: \"$Filter-Id|INTERNET\"}\n      block-smtp: {restricted: NO-SMTP, normal: " +
				"INTERNET}"})
	})
	a := startAAA(t, b.site.http, "none-is-needed")
	add := func(user, profile string) {
		b.ok("quarantine", "add", "--subscriber", user, "--profile", profile, "--for", "1h", "--reason", "bots")
	}
	add("alice", "walled-garden")
	add("carol", "disconnect")
	a.answers(b.instance, "restricted", "alice", "bng1", inGarden)
	a.answers(b.instance, "unwanted", "bob", "bng1", plan)
	a.answers(b.instance, "left_alone", "carol", "bng1", plan)
	a.answers(b.instance, "unknown", "alice", "bng9", plan)
	a.answers(b.instance, "restricted", "alice", "mx", append([]string{`ERX-Service-Activate:8 = "GARDEN"`}, plan...))
	a.answers(b.instance, "restricted", "alice", "sr", append([]string{`Alc-SLA-Prof-Str = "garden"`}, plan...))
	a.answers(b.instance, "left_alone", "alice", "seen", plan) // what it had would never be seen

	if err := os.WriteFile(pause, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a.answers(b.instance, "deferred", "alice", "bng1", plan)
	if err := os.Remove(pause); err != nil {
		t.Fatal(err)
	}
	a.answers(b.instance, "restricted", "alice", "bng1", inGarden)

	// The CoA after the Start is a second try; the release restores what is normal.
	b.online("alice", "198.51.100.7")
	b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"))
	c := b.stands("alice", "restricted", "bng1/s-alice acked")
	b.ok("quarantine", "release", c.ID, "--reason", "clean")
	b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"), coaRequest("alice", "s-alice", "INTERNET"))
	a.answers(b.instance, "unwanted", "alice", "bng1", plan)
}

func TestWhoIsReleasedBetweenLogInAndStartHasThePlanRestored(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	a := startAAA(t, b.site.http, "none-is-needed")
	b.ok("quarantine", "add", "--subscriber", "alice", "--profile", "walled-garden", "--for", "1h", "--reason", "bots")
	c := b.stands("alice", "waiting")
	a.answers(b.instance, "restricted", "alice", "bng1", inGarden)
	b.ok("quarantine", "release", c.ID, "--reason", "clean")
	b.stands("alice", "releasing")
	b.restart() // nothing of it is in memory only
	b.online("alice", "198.51.100.7")
	b.bng.expect("alice", coaRequest("alice", "s-alice", "INTERNET"))
	b.stands("alice", "closed")
}
