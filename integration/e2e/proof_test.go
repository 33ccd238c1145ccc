package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// interim reports what is in force on alice's session at bng1.
func (b *bed) interim(filter string) {
	b.t.Helper()
	time.Sleep(4 * time.Second) // what accounting says against an ACK must be 3 s younger
	b.account(record{status: "Interim-Update", user: "alice", session: "s-alice", ip: "198.51.100.7", more: `Filter-Id = "` + filter + `"`})
}

func TestAccountingVerifiesWhatTheBNGAcknowledgedAndDeniesWhatItIgnored(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	garden, restore := coaRequest("alice", "s-alice", "GARDEN"), coaRequest("alice", "s-alice", "INTERNET")
	b.online("alice", "198.51.100.7")
	b.report("198.51.100.7")
	b.stands("alice", "restricted", "bng1/s-alice acked")
	b.interim("GARDEN")
	c := b.stands("alice", "restricted", "bng1/s-alice verified")
	b.ok("quarantine", "release", c.ID, "--reason", "cleaned")
	b.stands("alice", "closed")
	b.bng.expect("alice", garden, restore)
	b.restart()
	b.interim("GARDEN") // the release was ignored
	within(t, 2*time.Minute, "the release is sent again", func() (string, bool) {
		got := b.bng.about("alice")
		return strings.Join(got, "\n"), len(got) == 3 && got[2] == restore
	})
}

func TestTheOperatorsOwnCheckVerifiesAndKeepsAReleaseOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	state, script := filepath.Join(dir, "state"), filepath.Join(dir, "look")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(script, "#!/bin/sh\ncat > "+filepath.Join(dir, "question")+"\ncat "+state+"\n")
	write(state, "restricted")
	b := newBed(t, func(s *site) { s.bngs[0].more = filterID + "\n    verify: {exec: [" + script + "]}" })
	garden, restore := coaRequest("alice", "s-alice", "GARDEN"), coaRequest("alice", "s-alice", "INTERNET")
	b.online("alice", "198.51.100.7")
	b.report("198.51.100.7")
	c := b.stands("alice", "restricted", "bng1/s-alice verified")
	question, err := os.ReadFile(filepath.Join(dir, "question"))
	if want := `"acct_session_id":"s-alice","subscriber":"alice","profile":"walled-garden","restricted":"GARDEN","normal":"INTERNET"`; err != nil || !strings.Contains(string(question), want) {
		t.Errorf("the check was asked %s, %v", question, err)
	}
	b.ok("quarantine", "release", c.ID, "--reason", "cleaned")
	b.bng.expect("alice", garden, restore)
	b.stands("alice", "releasing", "bng1/s-alice refused") // the check still says restricted
	write(state, "normal")
	b.standsWithin(time.Minute, "alice", "closed")
	b.bng.expect("alice", garden, restore, restore)
}
