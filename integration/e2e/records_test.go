package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// rows writes a file as exported from radacct.
func rows(t *testing.T, lines ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "radacct.csv")
	header := "radacctid,acctsessionid,username,nasidentifier,framedipaddress,acctstarttime,acctupdatetime,acctstoptime"
	if err := os.WriteFile(file, []byte(header+"\n"+strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func moment(ago time.Duration) string { return time.Now().Add(-ago).UTC().Format(time.RFC3339) }

func TestSessionsOfAnotherProgramAreImportedAndUndoNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(record{user: "bob", session: "b1", ip: "198.51.100.8", ago: time.Minute}) // after the export, bob has alice's address of before
	file := rows(t,
		"1,a1,alice,bng1,198.51.100.7,"+moment(time.Hour)+","+moment(5*time.Minute)+",",
		"2,a0,alice,bng1,198.51.100.8,"+moment(3*time.Hour)+",,"+moment(2*time.Hour),
		"3,c1,carol,bng1,198.51.100.9,yesterday,,",
		"4,b1,bob,bng1,198.51.100.8,"+moment(time.Minute)+",,",
	)
	for range 2 {
		got := b.cli("session", "import", file)
		if got.code != 4 || !strings.Contains(got.err, "line 4: acctstarttime") || !strings.Contains(got.err, "ignored columns: radacctid") ||
			!strings.Contains(got.out, "3 ") {
			t.Fatal(got)
		}
	}
	if shown := b.ok("session", "find", "--ip", "198.51.100.8", "--at", moment(150*time.Minute)); !strings.Contains(shown, "alice") ||
		strings.Contains(shown, "bob") {
		t.Errorf("the session that ended:\n%s", shown)
	}
	if shown := b.ok("session", "find", "--ip", "198.51.100.8"); !strings.Contains(shown, "bob") || strings.Contains(shown, "alice") ||
		!strings.Contains(shown, "Start") {
		t.Errorf("the session that accounting reported:\n%s", shown)
	}
	b.report("198.51.100.7")
	b.bng.expect("alice", coaRequest("alice", "a1", "GARDEN"))
	b.stands("alice", "restricted", "bng1/a1 acked")
}

func TestWhoSharesAnAddressIsAttributedByThePortBlocksOfAccounting(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	block := func(status, user, session, inside, ranges, more string) {
		b.account(record{status: status, user: user, session: session, ip: inside, more: `Alc-Nat-Port-Range = "203.0.113.1 ` + ranges +
			` router base"` + more})
	}
	block("Start", "alice", "a1", "198.51.100.7", "1024-2047", "")
	block("Start", "bob", "b1", "198.51.100.8", "2048-3071,4096-4099", "")
	nobody := b.report("203.0.113.1")
	b.verdict(nobody, "ambiguous")
	b.report("203.0.113.1", "--port", "4097")
	b.bng.expect("bob", coaRequest("bob", "b1", "GARDEN"))
	b.bng.nothingAbout("alice")

	// The block goes from bob to alice.
	time.Sleep(1100 * time.Millisecond) // event times are whole seconds
	block("Interim-Update", "bob", "b1", "198.51.100.8", "4096-4099", ", Alc-Acct-Triggered-Reason = 19")
	time.Sleep(1100 * time.Millisecond)
	block("Interim-Update", "alice", "a1", "198.51.100.7", "4096-4099", ", Alc-Acct-Triggered-Reason = 20")
	time.Sleep(1100 * time.Millisecond)
	b.report("203.0.113.1", "--port", "4097")
	b.bng.expect("alice", coaRequest("alice", "a1", "GARDEN"))
}

func TestWhoSendsAccountingAndIsNotConfiguredIsDiscovered(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(record{bng: "edge-77", user: "alice", session: "a1", ip: "198.51.100.7"})
	got := b.cli("bng", "discover")
	if got.code != 0 || !strings.Contains(got.out, "edge-77") || !strings.Contains(got.err, `identifier: "edge-77"`) {
		t.Error(got)
	}
	if _, page := b.get("/metrics"); !strings.Contains(page, `outcome="port_block_unreadable"`) {
		t.Error("the counters of port blocks are missing")
	}
}

func TestASessionOnALACIsNeverTouched(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(s *site) { s.bngs[0].more = "    role: lac\n" + filterID })
	b.account(record{user: "alice", session: "l1", ip: "198.51.100.7"})
	b.account(record{bng: "bng2", user: "alice", session: "n1", ip: "198.51.100.7"})
	b.report("198.51.100.7")
	b.bng.expect("alice", coaRequest("alice", "n1", "GARDEN"))
	b.stands("alice", "restricted", "bng2/n1 acked")
}
