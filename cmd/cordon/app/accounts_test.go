package app

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"cordon/integration/radacct"
	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/acct"
	"cordon/radiusx/bng"
)

// withSubscriber is the good configuration with further lines about accounting.
func withSubscriber(lines string) []byte {
	return []byte(strings.Replace(goodConfig, "accounting:\n", "accounting:\n  subscriber: "+lines+"\n", 1))
}

func writeTable(t *testing.T, file, text string, at time.Time) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestTheTableOfAccountsIsCheckedWithTheConfigurationAndFollowed(t *testing.T) {
	file, now := filepath.Join(t.TempDir(), "accounts.csv"), time.Unix(1_800_000_000, 0)
	writeTable(t, file, "alice@isp,4711\n", now)
	cfg, parts, _, err := parse("cordon.yaml", withSubscriber("{realm: strip, case: lower, map_file: "+file+"}"))
	if err != nil {
		t.Fatal(err)
	}
	core, lines := observer.New(zap.InfoLevel)
	table := accountFile(cfg, parts)
	expect := func(step, want string, reported int) {
		t.Helper()
		refreshAccounts(table, zap.New(core))
		refreshAccounts(table, zap.New(core))
		if got := parts.Keys.Key("ALICE@isp"); got != want || lines.Len() != reported {
			t.Errorf("%s: the subscriber is %q, want %q; log %v", step, got, want, lines.All())
		}
	}
	expect("at the start", "4711", 1)
	writeTable(t, file, "alice,4712\n", now.Add(time.Second))
	expect("changed", "4712", 2)
	writeTable(t, file, "alice,4713\nalice,4714\n", now.Add(2*time.Second))
	expect("with a fault", "4712", 3)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	expect("gone", "4712", 4)
	writeTable(t, file, "alice,4715\n", now.Add(2*time.Second))
	expect("there again", "4715", 5)
}

func TestFaultsOfTheTableAreReportedWithItsLines(t *testing.T) {
	file := filepath.Join(t.TempDir(), "accounts.csv")
	writeTable(t, file, "alice,4711\nbob\n", time.Now())
	_, _, _, err := parse("cordon.yaml", withSubscriber("{realm: cut, case: upper, map_file: "+file+"}"))
	for _, want := range []string{"accounting.subscriber.realm: must be keep or strip", "accounting.subscriber.case: must be keep or lower",
		file + ":2:1: has 1 fields"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
	if _, _, _, err := parse("cordon.yaml", withSubscriber("{map_file: /nonexistent/accounts.csv}")); err == nil ||
		!strings.Contains(err.Error(), "accounting.subscriber.map_file") {
		t.Errorf("a table that is missing: %v", err)
	}
}

func TestARoleIsOneOfThree(t *testing.T) {
	with := func(role string) []byte {
		return []byte(strings.Replace(goodConfig, "    dialect: junos\n", "    dialect: junos\n    role: "+role+"\n", 1))
	}
	if _, parts, _, err := parse("cordon.yaml", with("lac")); err != nil || parts.Fleet[0].Role != bng.RoleLAC {
		t.Errorf("lac: %v", err)
	}
	if _, _, _, err := parse("cordon.yaml", with("router")); err == nil || !strings.Contains(err.Error(), "bngs[0].role") {
		t.Errorf("router: %v", err)
	}
}

func TestARowIsTheSessionThatAnotherProgramKnew(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	row := radacct.Session{
		ID: "1", User: "alice", NAS: netip.MustParseAddr("2001:db8::1"), NASName: "bng1", Start: start, Seen: start.Add(time.Hour),
		Stop:       start.Add(time.Minute),
		Addresses:  []quarantine.Address{{Prefix: netip.MustParsePrefix("198.51.100.7/32"), Kind: quarantine.FramedIP}},
		Attributes: []quarantine.Attribute{{Name: "Calling-Station-Id", Value: "02:00"}},
		Naming:     []quarantine.Attribute{{Name: "ADSL-Agent-Circuit-Id", Value: "eth 0/1"}},
	}
	want := bng.ImportedSession{
		ID: "1", UserName: "alice", NAS: acct.NAS{IPv6: row.NAS, Identifier: "bng1"}, Start: row.Start, Seen: row.Seen, Stop: row.Stop,
		Addresses:  row.Addresses,
		Attributes: []radiusx.Attribute{{Name: "Calling-Station-Id", Value: "02:00"}},
		Naming:     []radiusx.Attribute{{Name: "ADSL-Agent-Circuit-Id", Value: "eth 0/1"}},
	}
	if got := importedSession(&row); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}
