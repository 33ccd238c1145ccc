package docs_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// required is one module of go.mod.
type required struct {
	path    string
	comment string // behind the version: "", "tests", "laboratory" or "indirect"
}

// requiredModules reads the require blocks of go.mod.
func requiredModules(gomod string) []required {
	var modules []required
	inside := false
	for lines := bufio.NewScanner(strings.NewReader(gomod)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "require (":
			inside = true
		case line == ")":
			inside = false
		case inside && line != "" && !strings.HasPrefix(line, "//"):
			version, comment, _ := strings.Cut(line, "//")
			modules = append(modules, required{strings.Fields(version)[0], strings.TrimSpace(comment)})
		}
	}
	return modules
}

// neededFor says what each module is imported for: "" by the product, "laboratory" by
// the tools below cmd/cordon/lab only, "tests" by tests only.
func neededFor(modules []required, packages []listedPackage) map[string]string {
	needed := map[string]string{}
	note := func(imports []string, purpose string) {
		for _, imported := range imports {
			for _, m := range modules {
				if imported == m.path || strings.HasPrefix(imported, m.path+"/") {
					if before, seen := needed[m.path]; !seen || rank(purpose) < rank(before) {
						needed[m.path] = purpose
					}
				}
			}
		}
	}
	for _, p := range packages {
		note(p.Imports, purposeOf(strings.TrimPrefix(p.ImportPath, module+"/")))
		note(p.TestImports, "tests")
		note(p.XTestImports, "tests")
	}
	return needed
}

// purposeOf says whether a package is part of the product.
func purposeOf(path string) string {
	switch {
	case matches("cmd/cordon/lab/...", path):
		return "laboratory"
	case anyMatches([]string{"quarantine/quarantinetest/...", "store/storetest", "integration/e2e/...", "integration/chaos/..."}, path):
		return "tests"
	}
	return ""
}

func rank(purpose string) int { return slices.Index([]string{"", "laboratory", "tests"}, purpose) }

// gomodFaults compares go.mod with what the packages import. go mod tidy, which make
// lint asks, knows more (which indirect modules are needed), but wants the module proxy.
func gomodFaults(gomod string, packages []listedPackage) []string {
	modules := requiredModules(gomod)
	needed := neededFor(modules, packages)
	var faults []string
	for _, m := range modules {
		purpose, imported := needed[m.path]
		switch {
		case !imported && m.comment != "indirect":
			faults = append(faults, fmt.Sprintf("%s is imported nowhere", m.path))
		case imported && m.comment == "indirect":
			faults = append(faults, fmt.Sprintf("%s is imported and must not be marked indirect", m.path))
		case imported && m.comment != purpose:
			faults = append(faults, fmt.Sprintf("%s must have the comment %q, not %q", m.path, purpose, m.comment))
		}
	}
	return faults
}

func TestGoModNamesWhatIsImportedAndWhatFor(t *testing.T) {
	gomod := readPage(t, "../go.mod")
	if n := len(requiredModules(gomod)); n < 10 {
		t.Fatalf("%d modules only", n)
	}
	for _, fault := range gomodFaults(gomod, listPackages(t)) {
		t.Error(fault)
	}
}

func TestTheGoModCheckBites(t *testing.T) {
	gomod := readPage(t, "../go.mod")
	packages := listPackages(t)
	for name, c := range map[string]struct{ from, to, want string }{
		"direct as indirect": {
			"go.uber.org/zap v1.28.0", "go.uber.org/zap v1.28.0 // indirect",
			"go.uber.org/zap is imported and must not be marked indirect",
		},
		"imported nowhere": {"\tgo.uber.org/zap ", "\tgolang.org/x/text v0.1.0\n\tgo.uber.org/zap ", "golang.org/x/text is imported nowhere"},
		"tests unmarked":   {"go-cmp v0.7.0 // tests", "go-cmp v0.7.0", `go-cmp must have the comment "tests", not ""`},
	} {
		broken := strings.Replace(gomod, c.from, c.to, 1)
		if broken == gomod {
			t.Fatalf("%s: go.mod has no %q", name, c.from)
		}
		if faults := gomodFaults(broken, packages); len(faults) != 1 || !strings.HasSuffix(faults[0], c.want) {
			t.Errorf("%s: %q, want one that ends in %q", name, faults, c.want)
		}
	}
}

// make lint asks go mod tidy through this script. The module of the test wants only one
// that stands beside it, so that no proxy and no module cache is asked.
func TestTheTidyScriptBites(t *testing.T) {
	script, err := filepath.Abs("../.ci/tidy")
	if err != nil {
		t.Fatal(err)
	}
	const head = "module example.org/one\n\ngo 1.26\n"
	const other = "\nrequire example.org/other v0.0.0\n\nreplace example.org/other => ./other\n"
	for name, c := range map[string]struct {
		gomod, source string
		tidy          bool
	}{
		"needed":             {head + other, "package one\n\nimport _ \"example.org/other\"\n", true},
		"imported nowhere":   {head + other, "package one\n", false},
		"direct as indirect": {head + strings.Replace(other, "v0.0.0", "v0.0.0 // indirect", 1), "package one\n\nimport _ \"example.org/other\"\n", false},
	} {
		dir := t.TempDir()
		for file, text := range map[string]string{
			"go.mod": c.gomod, "one.go": c.source, "other/go.mod": "module example.org/other\n\ngo 1.26\n", "other/other.go": "package other\n",
		} {
			file = filepath.Join(dir, file)
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(script)
		cmd.Dir = dir
		cmd.Env = append(cmd.Environ(), "GOPROXY=off")
		if out, err := cmd.CombinedOutput(); (err == nil) != c.tidy || strings.Contains(string(out), "no module proxy") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
