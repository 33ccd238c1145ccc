package docs_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v4"

	"cordon/cmd/cordon/app"
)

// load checks a configuration as cordon check config does, after every file
// that it names below /etc/cordon was made in a folder of the test's own.
func load(t *testing.T, config string) app.Faults {
	t.Helper()
	dir := t.TempDir()
	for _, file := range regexp.MustCompile(`/etc/cordon/[\w.-]+`).FindAllString(config, -1) {
		name := filepath.Join(dir, filepath.Base(file))
		secret := "a-secret-of-32-characters-for-" + filepath.Base(file)
		if err := os.WriteFile(name, []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		config = strings.ReplaceAll(config, file, name)
	}
	file := filepath.Join(dir, "cordon.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, warnings, err := app.Load(file)
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, config)
	}
	return warnings
}

func TestTheExampleConfigurationIsGoodAndWarnsOfNothing(t *testing.T) {
	for _, warning := range load(t, readPage(t, "examples/cordon.yaml")) {
		t.Error(warning)
	}
}

// yamlBlocks returns the blocks of a page that are YAML.
func yamlBlocks(page string) []string {
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^( *)```yaml\n(.*?)^ *```").FindAllStringSubmatch(page, -1) {
		blocks = append(blocks, regexp.MustCompile("(?m)^"+m[1]).ReplaceAllString(m[2], ""))
	}
	return blocks
}

func TestEveryConfigurationOfTheREADMEIsGood(t *testing.T) {
	blocks := yamlBlocks(readPage(t, "../README.md"))
	if len(blocks) < 2 {
		t.Fatalf("found %d blocks of YAML", len(blocks))
	}
	full := map[string]any{}
	for i, block := range blocks {
		var part map[string]any
		if err := yaml.Unmarshal([]byte(block), &part); err != nil {
			t.Fatalf("block %d: %v", i, err)
		}
		if _, whole := part["bngs"]; whole {
			load(t, block)
			full = part
			continue
		}
		// A part stands for what changes in the configuration before it.
		changed := maps.Clone(full)
		maps.Copy(changed, part)
		text, err := yaml.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		load(t, string(text))
	}
}

func TestTheREADMEStartsRedisAsEnforceWantsIt(t *testing.T) {
	page := readPage(t, "../README.md")
	if !strings.Contains(page, "redis-server --appendonly yes") || !strings.Contains(page, "mode: enforce") {
		t.Error("mode enforce refuses a Redis without append-only file; the README must say how to start it")
	}
}

var metricName = regexp.MustCompile(`\bcordon_[a-z_]+\b`)

// freeRADIUSParts takes out what is named like a metric and is a part of the
// examples for FreeRADIUS.
var freeRADIUSParts = strings.NewReplacer("cordon_copy", "", "cordon_login", "", "cordon_down", "", "cordon_rest", "")

// metricsOf lists the metrics that the server has.
func metricsOf(t *testing.T) []string {
	t.Helper()
	var metrics []string
	files, err := filepath.Glob("../cmd/cordon/app/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		for _, m := range regexp.MustCompile(`"(cordon_[a-z_]+)"`).FindAllStringSubmatch(readPage(t, file), -1) {
			if !strings.HasSuffix(file, "_test.go") {
				metrics = append(metrics, m[1])
			}
		}
	}
	return metrics
}

// isMetric reports whether a metric exists; a name that ends in an underscore is
// the beginning of several.
func isMetric(name string, exist []string) bool {
	return slices.ContainsFunc(exist, func(e string) bool { return e == name || strings.HasSuffix(name, "_") && strings.HasPrefix(e, name) })
}

func TestEveryDocumentNamesMetricsThatExist(t *testing.T) {
	exist := metricsOf(t)
	for _, name := range append(allPages(t), "examples/prometheus/cordon.rules.yml") {
		page := freeRADIUSParts.Replace(readPage(t, name))
		for _, metric := range metricName.FindAllString(page, -1) {
			if !isMetric(metric, exist) {
				t.Errorf("%s names %s, which Cordon does not have", name, metric)
			}
		}
	}
	for _, rule := range readAlertRules(t).Groups[0].Rules {
		if rule.Alert == "" || rule.Expr == "" || rule.Annotations["summary"] == "" {
			t.Errorf("the alert %q lacks expression or summary", rule.Alert)
		}
		if !metricName.MatchString(rule.Expr) && rule.Alert != "CordonDown" {
			t.Errorf("the alert %s asks for no metric of Cordon: %s", rule.Alert, rule.Expr)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)\)`)

// allPages lists all documents, by their paths from here.
func allPages(t *testing.T) []string {
	t.Helper()
	var pages []string
	for _, pattern := range []string{"*.md", "adr/*.md", "examples/*/*.md", "../*.md"} {
		more, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, more...)
	}
	if len(pages) < 10 {
		t.Fatalf("found %d pages only", len(pages))
	}
	return pages
}

func TestEveryLinkInTheDocumentsLeadsSomewhere(t *testing.T) {
	for _, page := range allPages(t) {
		for _, m := range link.FindAllStringSubmatch(readPage(t, page), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

func TestEveryMakeTargetOfTheREADMEExists(t *testing.T) {
	for _, m := range regexp.MustCompile("`make ([a-z]+)`").FindAllStringSubmatch(readPage(t, "../README.md"), -1) {
		cmd := exec.Command("make", "-n", m[1])
		cmd.Dir = ".."
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("make %s: %v\n%s", m[1], err, out)
		}
	}
}
