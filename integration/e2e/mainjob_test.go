package e2e

import (
	"strings"
	"testing"
)

func TestAVerdictMovesTheLiveSessionIntoTheGardenAndAReleaseBringsItBack(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("alice@isp", "198.51.100.7")

	submitted := b.cli("verdict", "submit", "--ip", "198.51.100.7", "--category", "botnet", "--confidence", "0.9",
		"--source", "suricata-1", "--wait", "20s")
	if submitted.code != 0 || !strings.Contains(submitted.out, "is acted") || !strings.Contains(submitted.out, "alice@isp") {
		t.Fatal(submitted)
	}
	garden := coaRequest("alice@isp", "s-alice@isp", "GARDEN")
	b.bng.expect("alice@isp", garden)

	c := b.stands("alice@isp", "restricted", "bng1/s-alice@isp acked")
	if c.Profile != "walled-garden" || c.Rule != "bots" || c.Source != "suricata-1" || c.ExpiresAt == nil {
		t.Errorf("the case: %s", show(c))
	}
	list := b.ok("quarantine", "list")
	for _, word := range []string{c.ID, "alice@isp", "restricted", "walled-garden", "1 acked"} {
		if !strings.Contains(list, word) {
			t.Errorf("the list lacks %q:\n%s", word, list)
		}
	}

	b.ok("quarantine", "release", c.ID, "--reason", "cleaned his machine", "--code", "cleaned")
	b.bng.expect("alice@isp", garden, coaRequest("alice@isp", "s-alice@isp", "INTERNET"))
	c = b.stands("alice@isp", "closed")
	if c.Release == nil || c.Release.By != "noc" || c.Release.Reason != "cleaned his machine" {
		t.Errorf("the closed case: %s", show(c))
	}
	for i, q := range b.bng.requests() {
		if q.timestamp == "" || !q.signed {
			t.Errorf("request %d lacks Event-Timestamp or Message-Authenticator: %+v", i, q)
		}
	}
	if shown := b.ok("quarantine", "show", c.ID); !strings.Contains(shown, "is closed") || !strings.Contains(shown, "cleaned his machine") {
		t.Errorf("the page of the case:\n%s", shown)
	}
}

func TestAManualQuarantineActsAndSaysSo(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("alice", "198.51.100.7")

	dry := b.cli("quarantine", "add", "--ip", "198.51.100.7", "--profile", "block-smtp", "--reason", "phone call", "--dry-run")
	if dry.code != 0 || !strings.Contains(dry.out, "alice") {
		t.Error(dry)
	}
	b.bng.nothingAbout("alice")
	if all := b.cases(""); len(all) > 0 {
		t.Errorf("a dry run left %s", show(all[0]))
	}

	added := b.cli("quarantine", "add", "--session", "bng1/s-alice", "--profile", "block-smtp", "--for", "4h",
		"--reason", "phone call, ticket 4711", "--wait", "20s")
	if added.code != 0 || !strings.Contains(added.out, "restricted") || !strings.Contains(added.out, "1 acked") {
		t.Fatal(added)
	}
	smtp := coaRequest("alice", "s-alice", "NO-SMTP")
	b.bng.expect("alice", smtp)

	// A more severe verdict changes the profile of the open case.
	b.report("198.51.100.7")
	garden := coaRequest("alice", "s-alice", "GARDEN")
	b.bng.expect("alice", smtp, garden)
	c := b.stands("alice", "restricted", "bng1/s-alice acked")
	if c.Profile != "walled-garden" || len(b.cases("alice")) != 1 {
		t.Errorf("%s", show(c))
	}
	b.ok("quarantine", "release", c.ID, "--reason", "done")
	b.stands("alice", "closed")
	if got := b.bng.about("alice"); got[len(got)-1] != coaRequest("alice", "s-alice", "INTERNET") {
		t.Errorf("the last request does not restore:\n%s", strings.Join(got, "\n"))
	}
}

func TestShadowDecidesAndSendsNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(s *site) { s.mode = "shadow" })
	b.online("alice", "198.51.100.7")
	id := b.report("198.51.100.7")
	v := b.verdict(id, "recorded")
	if v.Reason != "shadow" || v.Subscriber != "alice" {
		t.Errorf("the verdict: %+v", v)
	}
	if all := b.cases(""); len(all) > 0 {
		t.Errorf("a case came of it: %s", show(all[0]))
	}
	// A quarantine by hand acts in every mode but off, and shows that the BNG
	// could have been reached.
	b.online("bob", "198.51.100.8")
	b.ok("quarantine", "add", "--subscriber", "bob", "--profile", "walled-garden", "--reason", "to compare", "--wait", "20s")
	b.bng.expect("bob", coaRequest("bob", "s-bob", "GARDEN"))
	b.bng.nothingAbout("alice")
}
