package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// silentBed is a bed with a link before bng1 that loses every answer, and alice
// on line behind it with a restriction on its way.
func silentBed(t *testing.T) (*bed, *link) {
	t.Helper()
	b := prepareBed(t)
	w := newLink(t, b.bng.coa[0])
	s := b.site
	s.bngs[0].port = w.port
	b.configure(s)
	b.bng.startNow()
	b.serve()
	w.lose(answers)
	b.online("alice", "198.51.100.7")
	b.report("198.51.100.7")
	b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"))
	return b, w
}

func TestAReleaseDoesNotWaitForARestrictionThatIsUnderWay(t *testing.T) {
	t.Parallel()
	b, w := silentBed(t)
	c := b.stands("alice", "restricting", "bng1/s-alice pending")
	w.lose(nothing)
	b.ok("quarantine", "release", c.ID, "--reason", "false alarm")
	commanded := time.Now()
	garden, restore := coaRequest("alice", "s-alice", "GARDEN"), coaRequest("alice", "s-alice", "INTERNET")
	b.bng.expect("alice", garden, restore)
	if took := time.Since(commanded); took > 5*time.Second {
		t.Errorf("the release waited %s", took)
	}
	b.standsWithin(time.Minute, "alice", "closed")
	b.bng.expect("alice", garden, restore, restore) // a late duplicate of the restriction may have come
}

func TestTheAssertionOfADoubtfulReleaseSurvivesAKill(t *testing.T) {
	t.Parallel()
	b, w := silentBed(t)
	b.kill() // nobody knows any more whether the restriction was answered
	w.lose(nothing)
	b.serve()
	garden, restore := coaRequest("alice", "s-alice", "GARDEN"), coaRequest("alice", "s-alice", "INTERNET")
	b.bng.expect("alice", garden, garden)
	c := b.stands("alice", "restricted", "bng1/s-alice acked")
	b.ok("quarantine", "release", c.ID, "--reason", "cleaned")
	b.bng.expect("alice", garden, garden, restore)
	b.restart()
	b.standsWithin(time.Minute, "alice", "closed")
	got := b.bng.about("alice")
	if n := len(got); n < 4 || slices.ContainsFunc(got[2:], func(line string) bool { return line != restore }) {
		t.Errorf("the release was not asserted once more:\n%s", strings.Join(got, "\n"))
	}
}

func TestWhatTheSessionHadIsRestored(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(s *site) {
		s.bngs[0].more = "    dialect: filter-id\n    profiles:\n" +
			"      walled-garden: {restricted: GARDEN, normal: \"$Filter-Id|INTERNET\"}\n      block-smtp: {restricted: NO-SMTP, normal: " +
			"\"$Filter-Id|INTERNET\"}"
	})
	b.account(
		record{user: "gold", session: "g1", ip: "198.51.100.7", more: `Filter-Id = "GOLD"`},
		record{user: "plain", session: "p1", ip: "198.51.100.8"},
		record{user: "walled", session: "w1", ip: "198.51.100.9", more: `Filter-Id = "NO-SMTP"`}) // left over from before
	for user, normal := range map[string]string{"gold": "GOLD", "plain": "INTERNET", "walled": "INTERNET"} {
		session := user[:1] + "1"
		b.ok("quarantine", "add", "--subscriber", user, "--profile", "walled-garden", "--reason", "test", "--wait", "20s")
		b.account(record{status: "Interim-Update", user: user, session: session, more: `Filter-Id = "GARDEN"`}) // the BNG reports what we set
		c := b.stands(user, "restricted")
		b.ok("quarantine", "release", c.ID, "--reason", "done")
		b.bng.expect(user, coaRequest(user, session, "GARDEN"), coaRequest(user, session, normal))
		b.stands(user, "closed")
	}
}

func TestThePauseFileHoldsRestrictionsAndNoRelease(t *testing.T) {
	t.Parallel()
	pause := filepath.Join(t.TempDir(), "pause")
	b := newBed(t, func(s *site) { s.pause = pause })
	b.online("alice", "198.51.100.7")
	b.online("bob", "198.51.100.8")
	b.report("198.51.100.7")
	c := b.stands("alice", "restricted")
	if err := os.WriteFile(pause, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b.report("198.51.100.8")
	b.stands("bob", "restricting", "bng1/s-bob pending")
	if _, body := b.get("/readyz?verbose"); !strings.Contains(body, pause) {
		t.Errorf("/readyz?verbose does not show the pause:\n%s", body)
	}
	b.ok("quarantine", "release", c.ID, "--reason", "cleaned")
	b.stands("alice", "closed")
	b.bng.nothingAbout("bob")
	if err := os.Remove(pause); err != nil {
		t.Fatal(err)
	}
	b.bng.expect("bob", coaRequest("bob", "s-bob", "GARDEN"))
}

func TestANewVerdictAfterAReleaseActsAndTheOldEvidenceDoesNot(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(record{user: "alice", session: "s-alice", ip: "198.51.100.7", ago: time.Hour})
	b.report("198.51.100.7", "--at", "-10m")
	c := b.stands("alice", "restricted")
	b.ok("quarantine", "release", c.ID, "--reason", "cleaned")
	b.stands("alice", "closed")
	garden, restore := coaRequest("alice", "s-alice", "GARDEN"), coaRequest("alice", "s-alice", "INTERNET")

	old := b.report("198.51.100.7", "--at", "-5m")
	if v := b.verdict(old, "recorded"); !strings.Contains(v.Reason, "released") {
		t.Errorf("%+v", v)
	}
	b.bng.expect("alice", garden, restore)
	again := b.report("198.51.100.7")
	v := b.verdict(again, "acted")
	if v.Case == c.ID {
		t.Error("a closed case was opened again")
	}
	b.bng.expect("alice", garden, restore, garden)
}
