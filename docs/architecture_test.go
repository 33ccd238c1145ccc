// Package docs_test keeps the documentation true: each page that states facts of
// the code is compared with the code.
package docs_test

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// update writes the generated parts of pages anew: go test ./docs -update.
var update = flag.Bool("update", false, "write the generated parts of the pages")

func readPage(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// listPackages asks the go command about all packages of the module.
func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	cmd.Dir, cmd.Stderr = "..", os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listedPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages
		case err != nil:
			t.Fatalf("read go list's answer: %v", err)
		}
		packages = append(packages, p)
	}
}

func TestNoPackageImportsWhatTheTableForbids(t *testing.T) {
	rules, err := parseImportRules(readPage(t, "architecture.md"))
	if err != nil {
		t.Fatalf("architecture.md: %v", err)
	}
	packages := listPackages(t)
	if len(packages) < 10 {
		t.Fatalf("go list found %d packages only", len(packages))
	}
	for _, fault := range rules.check(packages) {
		t.Error(fault)
	}
}

func TestTheImportCheckBites(t *testing.T) {
	rules, err := parseImportRules(readPage(t, "architecture.md"))
	if err != nil {
		t.Fatalf("architecture.md: %v", err)
	}
	production := func(importer, imported string) listedPackage {
		return listedPackage{ImportPath: module + "/" + importer, Imports: []string{imported}}
	}
	tests := []struct {
		name string
		p    listedPackage
		want string // part of the sentence; "" = allowed
	}{
		{"the domain takes a foreign module", production("quarantine", "go.uber.org/zap"), "of other modules quarantine may import nothing"},
		{"the domain does I/O", production("quarantine", "net/http"), "quarantine imports net/http, which is closed to it"},
		{"the domain uses the standard library", production("quarantine", "net/netip"), ""},
		{"the domain knows the store", production("quarantine", "cordon/store"), "quarantine imports store, but quarantine may import nothing"},
		{"the engine knows RADIUS", production("quarantine/engine", "cordon/radiusx"), "quarantine/engine imports radiusx"},
		{"the engine knows the domain", production("quarantine/engine", "cordon/quarantine"), ""},
		{"an edge imports a sibling", production("integration/api", "cordon/integration/intake"), "integration/api imports integration/intake"},
		{"an edge imports httpx", production("integration/noc", "cordon/integration/httpx"), ""},
		{"an edge imports the store", production("integration/noc", "cordon/store"), "integration/noc imports store"},
		{"a feed imports its parent", production("integration/feed/xarf", "cordon/integration/feed"), ""},
		{
			"a feed imports another", production("integration/feed/xarf", "cordon/integration/feed/arf"),
			"integration/feed/xarf imports integration/feed/arf",
		},
		{"a test of the whole imports anything", production("integration/e2e", "cordon/store"), ""},
		{"a test of the whole has a folder", production("integration/e2e/lab", "github.com/redis/go-redis/v9"), ""},
		{"a client knows the domain", production("radiusx/coa", "cordon/quarantine"), "radiusx/coa imports quarantine"},
		{"the translator knows the domain", production("radiusx/bng", "cordon/quarantine"), ""},
		{"a command reaches behind the app", production("cmd/cordon", "cordon/store"), "cmd/cordon imports store"},
		{"a command uses the app", production("cmd/cordon", "cordon/cmd/cordon/lab/demo"), ""},
		{"the server uses a tool", production("cmd/cordon/app", "cordon/cmd/cordon/lab/prove"), "cmd/cordon/app imports cmd/cordon/lab/prove"},
		{"the server simulates", production("cmd/cordon/app", "cordon/radiusx/bngsim"), "cmd/cordon/app imports radiusx/bngsim"},
		{"a tool uses the server", production("cmd/cordon/lab/prove", "cordon/cmd/cordon/app"), ""},
		{
			"go-redis outside of the store", production("quarantine/engine", "github.com/redis/go-redis/v9"),
			"only store/..., cmd/cordon/app, cmd/cordon/lab/...",
		},
		{"go-redis in the store", production("store", "github.com/redis/go-redis/v9"), ""},
		{"layeh outside of radiusx", production("store", "layeh.com/radius/rfc2866"), "only radiusx/..."},
		{"a package without a row", production("helpers", "fmt"), "helpers has no row"},
		{
			"a test uses a stand-in",
			listedPackage{ImportPath: "cordon/quarantine", XTestImports: []string{"cordon/quarantine", "cordon/quarantine/quarantinetest"}}, "",
		},
		{
			"a test reaches too far", listedPackage{ImportPath: "cordon/quarantine", TestImports: []string{"cordon/radiusx/bngsim"}},
			"a test of quarantine imports radiusx/bngsim, but quarantine may import quarantine/quarantinetest",
		},
		{
			"a test of the domain uses go-cmp",
			listedPackage{ImportPath: "cordon/quarantine", TestImports: []string{"github.com/google/go-cmp/cmp"}}, "",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			faults := rules.check([]listedPackage{test.p})
			switch {
			case test.want == "" && len(faults) > 0:
				t.Errorf("allowed, but: %q", faults)
			case test.want != "" && (len(faults) != 1 || !strings.Contains(faults[0], test.want)):
				t.Errorf("got %q, want one sentence with %q", faults, test.want)
			}
		})
	}
}

func TestABrokenTableIsNoticed(t *testing.T) {
	page := readPage(t, "architecture.md")
	for name, broken := range map[string]string{
		"no heading":    strings.ReplaceAll(page, "### Who may import whom", "### Something else"),
		"cell missing":  strings.Replace(page, "| `radiusx` | nothing | nothing | any |", "| `radiusx` | nothing | any |", 1),
		"row twice":     strings.Replace(page, "| `store/journal` |", "| `store` |", 1),
		"row not there": strings.Replace(page, "| `quarantine` | nothing |", "| `quarantin` | nothing |", 1),
	} {
		if _, err := parseImportRules(broken); err == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}

// foldersNotAllowed returns the folders that the page does not list.
func foldersNotAllowed(page string, folders []string) []string {
	_, below, _ := strings.Cut(page, "### Folders at the top\n")
	var allowed []string
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(below, -1) {
		allowed = append(allowed, m[1])
	}
	return slices.DeleteFunc(slices.Clone(folders), func(f string) bool { return slices.Contains(allowed, f) })
}

func TestThereIsNoOtherFolderAtTheTop(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	ignored := strings.Fields(readPage(t, "../.gitignore"))
	var folders []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != ".git" && !slices.Contains(ignored, "/"+e.Name()+"/") {
			folders = append(folders, e.Name())
		}
	}
	if len(folders) < 5 {
		t.Fatalf("%q: is this the top?", folders)
	}
	page := readPage(t, "architecture.md")
	for _, f := range foldersNotAllowed(page, folders) {
		t.Errorf("%s/ is not among the folders of docs/architecture.md; put what is in it into one of those", f)
	}
	if got := foldersNotAllowed(page, []string{"store", "pkg", ".ci"}); !slices.Equal(got, []string{"pkg"}) {
		t.Errorf("the check does not bite: %q", got)
	}
}
