package store

import (
	"math/rand/v2"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"cordon/quarantine"
)

func TestTheManualDescribesEveryKey(t *testing.T) {
	text, err := os.ReadFile("../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := documentedKeys(string(text))
	for _, row := range keyTable {
		if !slices.Contains(rows, row) {
			t.Errorf("docs/redis.md lacks the row of keys.go: %+v", row)
		}
	}
	for _, row := range rows {
		if !slices.Contains(keyTable, row) {
			t.Errorf("keys.go lacks the row of docs/redis.md: %+v", row)
		}
	}
}

func TestADifferenceBetweenManualAndKeysIsSeen(t *testing.T) {
	rows := documentedKeys("| `cordon:x` | set | holds | never |\n| `other` | a | b | c |\n")
	if want := []keyDoc{{"cordon:x", "set", "holds", "never"}}; !slices.Equal(rows, want) {
		t.Fatalf("parsed %v, want %v", rows, want)
	}
}

// documentedKeys reads the rows of the manual whose first cell is a key.
func documentedKeys(text string) []keyDoc {
	var rows []keyDoc
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 4 || !strings.HasPrefix(cells[0], " `cordon:") {
			continue
		}
		rows = append(rows, keyDoc{strings.Trim(cells[0], " `"), cells[1], cells[2], strings.TrimSpace(cells[3])})
	}
	return rows
}

// builtKeys is what every builder builds from plain names.
func builtKeys() []string { return append(builtControlKeys(), builtSpreadKeys()...) }

func builtControlKeys() []string {
	k := keys{prefix: "cordon"}
	return []string{
		k.caseRecord("x"), k.open(), k.casesOpen(), k.casesClosed(), k.due(quarantine.LaneRelease), k.due(quarantine.LaneRestrict),
		k.woken(), k.dueAsked(), k.wanted(), k.logins("x"), k.limit("x"), k.sender(), k.probe(), k.term(), k.instances(),
		k.instancesGone(), k.sources(), k.masters(), k.maintenance(), k.verdict("x"), k.released("x"),
	}
}

func builtSpreadKeys() []string {
	k := keys{prefix: "cordon"}
	return []string{
		k.session(quarantine.SessionKey{BNG: "x", ID: "x"}),
		k.sessionsOf("x"), k.bindings(quarantine.Place{Addr: netip.MustParseAddr("192.0.2.0"), Space: "x"}, 32), k.macs(7, "x"),
		k.lengths(), k.down("x"),
		k.portBlocks(netip.MustParsePrefix("192.0.2.0/32"), "x", "x"), k.shared(netip.MustParsePrefix("192.0.2.0/32"), "x"),
	}
}

func TestEveryBuilderBuildsADescribedKey(t *testing.T) {
	placeholder := regexp.MustCompile(`<[a-z]+>`)
	var described, built []string
	for _, row := range keyTable {
		pattern := strings.NewReplacer("<period>", "7", "<block>", "192.0.2.0", "<address>", "192.0.2.0", "<length>", "32", "[@<space>]",
			"@x").Replace(row.pattern)
		described = append(described, placeholder.ReplaceAllString(pattern, "x"))
	}
	built = builtKeys()
	slices.Sort(described)
	slices.Sort(built)
	if !slices.Equal(described, built) {
		t.Fatalf("described: %q\nbuilt:     %q", described, built)
	}
}

func TestNoNameSteersASlotOrLeavesItsPart(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		raw := make([]byte, rng.IntN(12))
		for i := range raw {
			raw[i] = "{}:,%ab\x00\xff\n /"[rng.IntN(12)]
		}
		name := string(raw)
		if escaped := escape(name); strings.ContainsAny(escaped, "{}:, \n") || !utf8.ValidString(escaped) {
			t.Fatalf("escape(%q) = %q", name, escaped)
		}
		for how, escaped := range map[string]string{"escape": escape(name), "escapeText": escapeText(name)} {
			if back, err := url.PathUnescape(escaped); err != nil || back != name || !utf8.ValidString(escaped) {
				t.Fatalf("%s(%q) = %q, which reads back as %q, %v", how, name, escaped, back, err)
			}
		}
	}
}

func TestControlKeysShareOneSlotAndOthersChooseNone(t *testing.T) {
	for _, key := range builtControlKeys() {
		if !strings.HasPrefix(key, "cordon:{c}:") || strings.Count(key, "{") != 1 {
			t.Errorf("%s is not in the slot of control state", key)
		}
	}
	for _, key := range builtSpreadKeys() {
		if strings.Contains(key, "{") {
			t.Errorf("%s chooses a slot", key)
		}
	}
}

func TestABlockHoldsSixteenNeighbours(t *testing.T) {
	for prefix, want := range map[string]string{
		"192.0.2.1/32":         "192.0.2.0 1",
		"192.0.2.255/32":       "192.0.2.240 f",
		"2001:db8:0:1f::/64":   "2001:db8:0:10:: f",
		"2001:db8:0:1f:9::/64": "2001:db8:0:10:: f",
		"2001:db8:0:ab00::/56": "2001:db8:0:a000:: b",
		"2001:db8:0:60::/59":   "2001:db8:: 3",
		"2001:db8::5/128":      "2001:db8:: 5",
		"2000::/3":             ":: 1",
		"0.0.0.0/0":            "0.0.0.0 0",
		"128.0.0.0/1":          "0.0.0.0 1",
	} {
		block, digit := blockOf(netip.MustParsePrefix(prefix))
		if got := block.String() + " " + string(digit); got != want {
			t.Errorf("%s lies in %s, want %s", prefix, got, want)
		}
	}
}
