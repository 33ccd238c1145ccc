package docs_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v4"
)

// alertRules are the alerts of the example for Prometheus.
type alertRules struct {
	Groups []struct {
		Rules []struct {
			Alert, Expr string
			Annotations map[string]string
		}
	}
}

func readAlertRules(t *testing.T) alertRules {
	t.Helper()
	var rules alertRules
	if err := yaml.Unmarshal([]byte(readPage(t, "examples/prometheus/cordon.rules.yml")), &rules); err != nil {
		t.Fatal(err)
	}
	return rules
}

// rowOfAlert is a row of the manual's index: the alert, what it means, what to do.
var rowOfAlert = regexp.MustCompile("(?m)^\\| `(Cordon\\w+)` \\| ([^|]+) \\| ([^|]+) \\|$")

// differences returns what is in one list only.
func differences(has, wants []string) (missing, extra []string) {
	without := func(a, b []string) []string {
		return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
	}
	return without(wants, has), without(has, wants)
}

func TestTheManualSaysOfEveryAlertWhatItMeansAndWhatToDo(t *testing.T) {
	var alerts, rows []string
	for _, rule := range readAlertRules(t).Groups[0].Rules {
		alerts = append(alerts, rule.Alert)
	}
	for _, row := range rowOfAlert.FindAllStringSubmatch(readPage(t, "operators-manual.md"), -1) {
		rows = append(rows, row[1])
	}
	if len(alerts) < 10 {
		t.Fatalf("found %d alerts only", len(alerts))
	}
	missing, extra := differences(rows, alerts)
	for _, alert := range missing {
		t.Errorf("operators-manual.md has no row for the alert %s", alert)
	}
	for _, alert := range extra {
		t.Errorf("operators-manual.md has a row for %s, which examples/prometheus/cordon.rules.yml does not have", alert)
	}
	missing, extra = differences([]string{"CordonDown", "CordonGhost"}, []string{"CordonDown", "CordonLate"})
	if !slices.Equal(missing, []string{"CordonLate"}) || !slices.Equal(extra, []string{"CordonGhost"}) {
		t.Errorf("the check does not bite: missing %q, extra %q", missing, extra)
	}
}

func TestTheManualListsEveryMetric(t *testing.T) {
	_, section, _ := strings.Cut(readPage(t, "operators-manual.md"), "\n### Metrics\n")
	section, _, _ = strings.Cut(section, "\n### ")
	exist := metricsOf(t)
	missing, extra := differences(metricName.FindAllString(section, -1), exist)
	if len(exist) < 30 || len(missing) > 0 || len(extra) > 0 {
		t.Errorf("of %d metrics the table lacks %q, and has %q, which do not exist", len(exist), missing, extra)
	}
}

// TestTheManualListsEveryCheckOfReadiness compares /readyz?verbose.
func TestTheManualListsEveryCheckOfReadiness(t *testing.T) {
	var checks []string
	check := regexp.MustCompile(`\{Name: "([a-z-]+)", (?:Essential|Probe)`)
	for _, m := range check.FindAllStringSubmatch(readPage(t, "../cmd/cordon/app/readyz.go"), -1) {
		checks = append(checks, m[1])
	}
	_, section, _ := strings.Cut(readPage(t, "operators-manual.md"), "* `/readyz`:")
	section, _, _ = strings.Cut(section, "Behind one")
	if len(checks) < 5 {
		t.Fatalf("found %q only", checks)
	}
	for _, check := range checks {
		if !strings.Contains(section, "`"+check+"`") {
			t.Errorf("operators-manual.md does not name the check %s of /readyz", check)
		}
	}
}

// anchor is the name that a heading has in links.
func anchor(heading string) string {
	heading = strings.ToLower(strings.NewReplacer("`", "", "'", "", "’", "").Replace(heading))
	return strings.ReplaceAll(regexp.MustCompile(`[^\pL\pN _-]`).ReplaceAllString(heading, ""), " ", "-")
}

func anchorsOf(page string) []string {
	var anchors []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(page, -1) {
		anchors = append(anchors, anchor(m[1]))
	}
	return anchors
}

var linkToSection = regexp.MustCompile(`\]\(([^)#:]*)#([^)]+)\)`)

func TestEveryLinkToASectionLeadsToAHeading(t *testing.T) {
	links := 0
	for _, page := range allPages(t) {
		for _, m := range linkToSection.FindAllStringSubmatch(readPage(t, page), -1) {
			target := page
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(page), m[1])
			}
			if links++; !slices.Contains(anchorsOf(readPage(t, target)), m[2]) {
				t.Errorf("%s: %s has no heading for #%s", page, target, m[2])
			}
		}
	}
	if links < 20 {
		t.Errorf("found %d links only", links)
	}
	if got := anchorsOf("# A `b`, the c's\n\n## D: e\n"); !slices.Equal(got, []string{"a-b-the-cs", "d-e"}) {
		t.Errorf("anchors %q", got)
	}
}

func TestTheManualListsEveryScope(t *testing.T) {
	scope := regexp.MustCompile(`(?m)^\tScope\w+ +Scope = "([a-z]+)"`)
	var scopes []string
	for _, m := range scope.FindAllStringSubmatch(readPage(t, "../integration/httpx/token.go"), -1) {
		scopes = append(scopes, m[1])
	}
	_, row, _ := strings.Cut(readPage(t, "operators-manual.md"), "\n| `http.tokens[].scopes` |")
	row, _, _ = strings.Cut(row, "\n")
	var named []string
	for _, m := range regexp.MustCompile("(?:^| · )`([a-z]+)`").FindAllStringSubmatch(strings.TrimSpace(row), -1) {
		named = append(named, m[1])
	}
	missing, extra := differences(named, scopes)
	if len(scopes) < 5 || len(missing) > 0 || len(extra) > 0 {
		t.Errorf("of %q the manual lacks %q, and has %q, which do not exist", scopes, missing, extra)
	}
}

// literalsOfModule are all string literals of the code, as labels are spelt.
func literalsOfModule(t *testing.T) map[string]bool {
	t.Helper()
	literals := map[string]bool{}
	for _, texts := range readableOfModule(t) {
		for _, piece := range texts {
			if filepath.Ext(piece.file) == ".go" {
				literals[strings.NewReplacer(" ", "_", "-", "_").Replace(piece.content)] = true
			}
		}
	}
	return literals
}

// labelValues are those that a text asks for, as in outcome="nak" and reason=~"a|b".
func labelValues(text string) []string {
	var values []string
	for _, m := range regexp.MustCompile(`\b([a-z]+)!?=~?"([a-z0-9_|]+)"`).FindAllStringSubmatch(text, -1) {
		if m[1] != "job" {
			values = append(values, strings.Split(m[2], "|")...)
		}
	}
	return values
}

func TestAlertsAndManualNameLabelValuesThatExist(t *testing.T) {
	literals := literalsOfModule(t)
	manual := readPage(t, "operators-manual.md")
	_, faults, _ := strings.Cut(manual, "\n### Records with faults\n")
	faults, _, _ = strings.Cut(faults, "\n### ")
	values := append(labelValues(manual), labelValues(readPage(t, "examples/prometheus/cordon.rules.yml"))...)
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \|`).FindAllStringSubmatch(faults, -1) {
		for _, span := range spansOf(row[1]) {
			if regexp.MustCompile(`^[a-z_]+_[a-z]+$|^undated$|^forbidden$|^contradictory$`).MatchString(span) && span != "unreported_delay" {
				values = append(values, span)
			}
		}
	}
	_, answers, _ := strings.Cut(manual, "\n`cordon_authorize_total{outcome}` counts the answers:")
	answers, _, _ = strings.Cut(answers, "\n\n")
	values = append(values, spansOf(answers)...)
	if len(values) < 20 {
		t.Fatalf("found %q only", values)
	}
	for _, value := range values {
		if !literals[value] {
			t.Errorf("the label value %s does not exist", value)
		}
	}
	got := labelValues(`x{job="cordon", outcome=~"full|no_room", reason!="share"}`)
	if !slices.Equal(got, []string{"full", "no_room", "share"}) {
		t.Errorf("label values %q", got)
	}
}

func TestTheManualSaysOfEveryCheckThatDefersWhatToDo(t *testing.T) {
	var checks []string
	check := regexp.MustCompile(`(?m)^\tCheck\w+ +Check = "([a-z_]+)"`)
	for _, m := range check.FindAllStringSubmatch(readPage(t, "../quarantine/defer.go"), -1) {
		checks = append(checks, m[1])
	}
	_, section, _ := strings.Cut(readPage(t, "operators-manual.md"), "\n### Deferred restrictions\n")
	section, _, _ = strings.Cut(section, "\n### ")
	var named []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`.*?) \\|").FindAllStringSubmatch(section, -1) {
		named = append(named, spansOf(row[1])...)
	}
	missing, extra := differences(named, append(checks, "deferred_by"))
	if len(checks) < 8 || len(missing) > 0 || len(extra) > 0 {
		t.Errorf("of %q the manual lacks %q, and has %q, which do not exist", checks, missing, extra)
	}
}
