package app

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
)

func TestFaultsOfTranslatorLogsAreReportedWithTheirPlace(t *testing.T) {
	config := strings.Replace(goodConfig, `http: {listen: "127.0.0.1:0"}`,
		`http: {listen: "127.0.0.1:0", tokens: [{name: cgn1, token: "0123456789abcdef0123456789abcdef", scopes: [bindings]}, {name: ids, token: "1123456789abcdef0123456789abcdef", scopes: [verdict]}]}`, 1)
	for line, fault := range map[string]string{
		`{}`:                          "must be set",
		`{name: ids}`:                 `unknown token "ids" with the scope bindings`,
		`{name: cgn1, delivery: udp}`: "must be lossy or reliable",
		`{name: cgn1, renewal: 10s}`:  "must be from 1m to 24h",
		`{name: cgn1, delivery: lossy, renewal: 48h}`:    "must be from",
		`{name: cgn1, delivery: reliable, renewal: 30m}`: "must not be set with delivery: reliable",
		`{name: cgn1}, {name: cgn1}`:                     `duplicate name "cgn1"`,
		`{name: cgn1, every: 30m}`:                       "every",
	} {
		_, _, _, err := parse("cordon.yaml", []byte(config+"translator_logs: ["+line+"]\n"))
		if err == nil || !strings.Contains(err.Error(), fault) || !strings.Contains(err.Error(), "cordon.yaml:") {
			t.Errorf("%s: %v, want %q", line, err, fault)
		}
	}
}

// A lost line about the end of a block shall not be believed for ever, and a log
// that says again and again what is held, or loses nothing, shall not be doubted.
func TestAnOpenBlockCountsForAsLongAsItsLogCanBeTrusted(t *testing.T) {
	cfg, _, _, err := parse("cordon.yaml", []byte(goodConfig+`translator_logs:
  - {name: syslog}
  - {name: renewing, delivery: lossy, renewal: 30m}
  - {name: file, delivery: reliable}
`))
	if err != nil {
		t.Fatal(err)
	}
	every := interim(cfg)
	given := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		log      string
		renewed  time.Duration
		believed time.Duration // 0: for ever
	}{
		{"syslog", 0, 24 * time.Hour}, {"nobody-knows-it", 0, 24 * time.Hour}, {"renewing", 0, 30 * time.Minute},
		{"renewing", 90 * time.Minute, 2 * time.Hour}, {"file", 0, 0},
	} {
		block := quarantine.Binding{
			Address: quarantine.Address{Prefix: netip.MustParsePrefix("203.0.113.5/32"), Kind: quarantine.NATPortBlock,
				Ports: quarantine.PortRange{Lo: 1024, Hi: 2047}},
			Session: quarantine.SessionKey{BNG: quarantine.LogSource(c.log), ID: "alice"}, Subscriber: "alice",
			From: given, RenewedAt: given.Add(c.renewed), Interim: every(quarantine.LogSource(c.log)),
		}
		held := func(after time.Duration) quarantine.AttributionResult {
			return quarantine.WhoHeld([]quarantine.Binding{block}, nil, 1500, given.Add(after), 2*time.Second).Result
		}
		name := fmt.Sprintf("%s, renewed after %s", c.log, c.renewed)
		end := c.believed
		if end == 0 {
			end = 160 * time.Hour
		}
		if got := held(end - time.Minute); got != quarantine.Attributed {
			t.Errorf("%s: %v right before the end", name, got)
		}
		if got := held(end + time.Minute); c.believed > 0 && got != quarantine.Unknown {
			t.Errorf("%s: %v after the end", name, got)
		}
	}
	if every("bng1") != 0 || every("unheard of") != 0 {
		t.Error("BNGs renew what they do not")
	}
}
