package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cordon/integration/wire"
)

// refused posts a quarantine by hand that must be answered 409.
func (b *bed) refused(query, body string) wire.Problem {
	b.t.Helper()
	status, answer, err := b.post("/quarantines"+query, "application/json", body)
	if err != nil || status != 409 {
		b.t.Fatalf("POST /quarantines%s %s: %d %s %v", query, body, status, answer, err)
	}
	var r wire.Problem
	if err := json.Unmarshal([]byte(answer), &r); err != nil {
		b.t.Fatalf("%s: %v", answer, err)
	}
	return r
}

// A spool that cannot be read holds answered accounting that nobody knows.
func TestByHandNoAddressIsResolvedWhileASpoolIsSetAside(t *testing.T) {
	t.Parallel()
	const byIP = `{"ip":"198.51.100.7","profile":"walled-garden","reason":"phone call"}`
	b := prepareBed(t)
	aside := filepath.Join(b.site.journal, "spool.damaged-1")
	if err := os.Mkdir(aside, 0o700); err != nil {
		t.Fatal(err)
	}
	b.bng.startNow()
	b.serve()
	b.online("alice", "198.51.100.7")
	for _, query := range []string{"", "?dry_run=true"} {
		r := b.refused(query, byIP)
		if r.Missing == "" || !strings.Contains(r.Detail, "not certain") || !strings.Contains(r.Detail, `"subscriber"`) {
			t.Errorf("%s: it does not say what is missing and what to do: %+v", query, r)
		}
		if len(r.Candidates) != 1 || r.Candidates[0].Subscriber != "alice" {
			t.Errorf("%s: candidates %+v", query, r.Candidates)
		}
	}
	byCLI := b.cli("quarantine", "add", "--ip", "198.51.100.7", "--profile", "walled-garden", "--reason", "phone call")
	if byCLI.code != 1 || !strings.Contains(byCLI.err, "alice") || !strings.Contains(byCLI.err, "--subscriber") {
		t.Error(byCLI)
	}
	if all := b.cases(""); len(all) > 0 {
		t.Errorf("there is a case: %s", show(all[0]))
	}
	b.bng.nothingAbout("alice")

	// Who knows the subscriber names him.
	b.ok("quarantine", "add", "--subscriber", "alice", "--profile", "block-smtp", "--reason", "phone call", "--wait", "20s")
	b.bng.expect("alice", coaRequest("alice", "s-alice", "NO-SMTP"))
	// And once a person has removed the folder, nobody waits, but what stood in it stays in doubt.
	if err := os.Remove(aside); err != nil {
		t.Fatal(err)
	}
	if r := b.refused("", byIP); r.Missing != "" || len(r.Candidates) != 1 || r.Candidates[0].Subscriber != "alice" {
		t.Errorf("after the folder was removed: %+v", r)
	}
}

// Six lines log in as guest; max_sessions is 4.
func TestByHandOneLineOfASharedNameRestrictsTheOthersOnlyIfThatIsSaid(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(s *site) {
		s.limits = "limits: {per_hour: 8, per_day: 100, per_bng_per_hour: 100, per_source_per_hour: 100}"
	})
	var all []string
	for i := range 6 {
		session := fmt.Sprint("g", i)
		b.account(record{user: "guest", session: session, ip: fmt.Sprintf("198.51.100.%d", i), ago: time.Minute})
		all = append(all, "bng1/"+session+" acked")
	}
	for _, target := range []string{`"ip":"198.51.100.3"`, `"session":"bng1/g3"`, `"subscriber":"guest"`} {
		for _, query := range []string{"?dry_run=true", ""} {
			if r := b.refused(query, `{`+target+`,"profile":"walled-garden","reason":"bot"}`); r.Lines != 6 ||
				!strings.Contains(r.Detail, "6 lines") || !strings.Contains(r.Detail, "all_sessions") {
				t.Errorf("%s%s: %+v", target, query, r)
			}
		}
	}
	if cases := b.cases(""); len(cases) > 0 {
		t.Errorf("there is a case: %s", show(cases[0]))
	}
	b.bng.nothingAbout("guest")

	b.ok("quarantine", "add", "--ip", "198.51.100.3", "--profile", "walled-garden", "--reason", "all of them", "--all-sessions", "--wait",
		"20s")
	b.stands("guest", "restricted", all...)

	// Six of eight places of the hour are taken: two are left, and then none.
	for i, user := range []string{"alice", "bob", "carol"} {
		ip := fmt.Sprintf("198.51.100.%d", 100+i)
		b.online(user, ip)
		b.report(ip)
		state := "restricted"
		if user == "carol" {
			state = "held"
		}
		if c := b.stands(user, state); state == "held" && (c.Hold == nil || !strings.Contains(c.Hold.Detail, "8 lines per hour")) {
			t.Errorf("held: %s", show(c))
		}
	}
}
