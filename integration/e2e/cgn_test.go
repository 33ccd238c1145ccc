package e2e

import (
	"strings"
	"testing"
	"time"
)

// A translator's log reports which private address had which ports; accounting
// reports who had the private address. Two address spaces have the same one.
func TestAReportAboutASharedAddressRestrictsWhoHeldThePort(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(s *site) {
		s.more = `address_spaces:
  - {name: east, prefixes: [100.64.0.0/10], bngs: [bng1], sources: [probe-east]}
  - {name: west, prefixes: [100.64.0.0/10], bngs: [bng2], sources: [probe-west]}`
	})
	b.account(record{user: "alice", session: "s-alice", ip: "100.64.0.9"},
		record{bng: "bng2", user: "bob", session: "s-bob", ip: "100.64.0.9"})
	since := time.Now().Add(-time.Second).UTC().Format(time.RFC3339Nano)
	status, answer, err := b.post("/bindings", "application/x-ndjson", strings.Join([]string{
		`{"ip":"203.0.113.5","ports":"1024-2047","from":"` + since + `","private_ip":"100.64.0.9","space":"east"}`,
		`{"ip":"203.0.113.5","ports":"2048-3071","from":"` + since + `","private_ip":"100.64.0.9","space":"west"}`,
		`{"ip":"203.0.113.5","ports":"0","from":"` + since + `","subscriber":"carol"}`,
	}, "\n"))
	if err != nil || status != 200 || !strings.Contains(answer, `"stored":2`) || !strings.Contains(answer, `"line":3`) {
		t.Fatalf("push: %d %s %v", status, answer, err)
	}
	report := func(fields string) {
		t.Helper()
		time.Sleep(400 * time.Millisecond) // past the tolerance
		at := time.Now().Add(-350 * time.Millisecond).UTC().Format(time.RFC3339Nano)
		status, answer, err := b.post("/verdicts", "application/json", `{"category":"botnet","confidence":0.9,"observed_at":"`+at+`",`+fields+`}`)
		if want := map[bool]int{true: 202, false: 422}[!strings.Contains(fields, `"nowhere"`)]; err != nil || status != want {
			t.Fatalf("%s: %d %s %v", fields, status, answer, err)
		}
	}
	report(`"source":"feed","ip":"203.0.113.5"`) // no port: nobody
	report(`"source":"nowhere","ip":"100.64.0.9"`)
	report(`"source":"feed","ip":"203.0.113.5","port":2100`)
	beat := `{"complete_to":"` + time.Now().UTC().Format(time.RFC3339Nano) + `"}` // the log has nothing more to say
	if status, answer, err := b.post("/bindings", "application/x-ndjson", beat); err != nil || status != 200 {
		t.Fatalf("heartbeat: %d %s %v", status, answer, err)
	}
	b.stands("bob", "restricted", "bng2/s-bob acked")
	b.bng.nothingAbout("alice")
	report(`"source":"probe-east","ip":"100.64.0.9"`)
	b.stands("alice", "restricted", "bng1/s-alice acked")
	if out := b.ok("session", "find", "--ip", "203.0.113.5", "--port", "1500"); !strings.Contains(out, "203.0.113.5:1024-2047") ||
		!strings.Contains(out, "100.64.0.9@east") {
		t.Errorf("session find:\n%s", out)
	}
}
