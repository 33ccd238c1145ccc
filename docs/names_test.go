package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cordon/cmd/cordon/app"
)

// Documents name only what exists. Each check takes names out of the pages in one
// form and compares them with the code; what has no such form is not checked.

// codeSpan is inline code, which may go on in the next line; blocks of code have tests of
// their own.
var codeSpan = regexp.MustCompile("`([^`\n]+(?:\n[^`\n]+)?)`")

func spansOf(page string) []string {
	var spans []string
	for _, m := range codeSpan.FindAllStringSubmatch(regexp.MustCompile("(?ms)^ *```.*?^ *```").ReplaceAllString(page, ""), -1) {
		spans = append(spans, strings.Join(strings.Fields(m[1]), " "))
	}
	return spans
}

// pathInModule is a file or folder as pages name it, from the top of the module.
var pathInModule = regexp.MustCompile(`\b(?:cmd|docs|integration|quarantine|radiusx|store|\.ci)/[\w./*-]*\w\b`)

// planned are packages whose import rule stands before they do.
var planned = []string{"integration/feed"}

// pathsThatLack returns the paths named in a page of which there is neither file nor
// package.
func pathsThatLack(page string) []string {
	var lacks []string
	for _, span := range append(spansOf(page), blocksOf(page, "mermaid")...) {
		for _, path := range pathInModule.FindAllString(span, -1) {
			found, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(path)))
			if (err != nil || len(found) == 0) && !slices.Contains(planned, path) {
				lacks = append(lacks, path)
			}
		}
	}
	return lacks
}

// blocksOf returns the blocks of code of one language.
func blocksOf(page, language string) []string {
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^( *)```"+language+"\n(.*?)^ *```").FindAllStringSubmatch(page, -1) {
		blocks = append(blocks, m[2])
	}
	return blocks
}

func TestDocumentsNameFilesAndPackagesThatExist(t *testing.T) {
	named := 0
	for _, page := range allPages(t) {
		text := readPage(t, page)
		named += len(pathInModule.FindAllString(text, -1))
		for _, path := range pathsThatLack(text) {
			t.Errorf("%s names %s, which does not exist", page, path)
		}
	}
	if named < 50 {
		t.Errorf("found %d paths only", named)
	}
	got := pathsThatLack("See `store/journal`, `radiusx/dialect/*.yaml` and `store/ghost.go`.")
	if !slices.Equal(got, []string{"store/ghost.go"}) {
		t.Errorf("the check does not bite: %q", got)
	}
}

// declared lists what the module declares: names, and Type.Name of methods and
// fields; in tests too, which pages name.
func declared(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := fs.WalkDir(os.DirFS(".."), ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(file) != ".go" {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", file), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range parsed.Decls {
			declare(names, parsed.Name.Name, d)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func declare(names map[string]bool, pkg string, d ast.Decl) {
	add := func(name string) { names[name], names[pkg+"."+name] = true, true }
	if f, isFunc := d.(*ast.FuncDecl); isFunc {
		name := f.Name.Name
		if f.Recv != nil {
			name = receiverName(f.Recv.List[0].Type) + "." + name
		}
		add(name)
		return
	}
	for _, spec := range d.(*ast.GenDecl).Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			add(spec.Name.Name)
			for _, member := range members(spec.Type) {
				add(spec.Name.Name + "." + member)
			}
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				add(name.Name)
			}
		}
	}
}

func receiverName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiverName(e.X)
	case *ast.IndexExpr:
		return receiverName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// members are the fields of a struct or the methods of an interface.
func members(e ast.Expr) []string {
	var list *ast.FieldList
	switch e := e.(type) {
	case *ast.StructType:
		list = e.Fields
	case *ast.InterfaceType:
		list = e.Methods
	default:
		return nil
	}
	var names []string
	for _, field := range list.List {
		for _, name := range field.Names {
			names = append(names, name.Name)
		}
	}
	return names
}

// identifier is a declaration as pages name it: Type.Member, package.Name or a name
// that is called.
var (
	identifier = regexp.MustCompile(`^((?:[a-z]+\.)?[A-Z]\w*(?:\.[A-Z]\w*)?)(\([^)]*\))?$`)
	packages   = []string{
		"quarantine", "engine", "radiusx", "coa", "acct", "dialect", "bng", "bngsim", "store", "journal", "spool", "template", "wire",
		"httpx", "app",
	}
)

// camelCase is a declaration's own name; decisions name some of go-redis too.
var (
	camelCase  = regexp.MustCompile(`^[A-Z][a-z]+(?:[A-Z]\w*)?$`)
	ofGoRedis  = []string{"MaxRetries", "OnConnect"}
	alertsName = regexp.MustCompile(`^Cordon[A-Z]`)
)

// namesThatLack returns the words in a decision's inline code that look like a
// declaration's name and are none.
func namesThatLack(page string, declared map[string]bool) []string {
	last := map[string]bool{}
	for name := range declared {
		last[name[strings.LastIndex(name, ".")+1:]] = true
	}
	var lacks []string
	for _, span := range spansOf(page) {
		if camelCase.MatchString(span) && !last[span] && !slices.Contains(ofGoRedis, span) && !alertsName.MatchString(span) {
			lacks = append(lacks, span)
		}
	}
	return lacks
}

// identifiersThatLack returns the identifiers of a page that are not declared.
func identifiersThatLack(page string, declared map[string]bool) []string {
	var lacks []string
	for _, span := range spansOf(page) {
		m := identifier.FindStringSubmatch(span)
		if m == nil {
			continue
		}
		first, _, dotted := strings.Cut(m[1], ".")
		lower := strings.ToLower(first) == first
		if !declared[m[1]] && (m[2] != "" || dotted && (!lower || slices.Contains(packages, first))) {
			lacks = append(lacks, span)
		}
	}
	return lacks
}

func TestDocumentsNameFunctionsThatExist(t *testing.T) {
	names := declared(t)
	for _, page := range allPages(t) {
		for _, name := range identifiersThatLack(readPage(t, page), names) {
			t.Errorf("%s names %s, which is not declared", page, name)
		}
	}
	decisions, err := filepath.Glob("adr/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range decisions {
		for _, name := range namesThatLack(readPage(t, page), names) {
			t.Errorf("%s names %s, which is not declared", page, name)
		}
	}
	if got := namesThatLack("`Case` `Ghost` `SIGSTOP` `MaxRetries`", names); !slices.Equal(got, []string{"Ghost"}) {
		t.Errorf("the check does not bite: %q", got)
	}
	got := identifiersThatLack("`Case.Plan(Snapshot)` `quarantine.Case` `Case.Ghost` `quarantine.Ghost` `Ghost(x)` "+
		"`User-Name` `CLUSTER SLOTS` `Start`", names)
	if want := []string{"Case.Ghost", "quarantine.Ghost", "Ghost(x)"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// keysThatLack returns the keys of the configuration in a page's inline code that do not
// exist. A key may be a group of keys, and may have its value behind it.
func keysThatLack(page string, keys []string) []string {
	var groups []string
	for _, key := range keys {
		group, _, _ := strings.Cut(key, ".")
		groups = append(groups, strings.TrimSuffix(group, "[]"))
	}
	form := regexp.MustCompile(`^(` + strings.Join(slices.Compact(groups), "|") + `)(\[\]|\.[a-z_*]+)[\w.*\[\]]*$`)
	var lacks []string
	for _, span := range spansOf(page) {
		key, _, _ := strings.Cut(span, ":")
		key = strings.TrimSuffix(key, "[]")
		exists := slices.ContainsFunc(keys, func(k string) bool {
			return k == key || strings.HasPrefix(k, key+".") || strings.HasPrefix(k, key+"[]")
		})
		if form.MatchString(key) && !exists && filepath.Ext(key) != ".go" && filepath.Ext(key) != ".md" {
			lacks = append(lacks, span)
		}
	}
	return lacks
}

func TestDocumentsNameConfigurationKeysThatExist(t *testing.T) {
	keys := configKeys(reflect.TypeFor[app.Config](), "")
	for _, page := range allPages(t) {
		for _, key := range keysThatLack(readPage(t, page), keys) {
			t.Errorf("%s names the key %s, which does not exist", page, key)
		}
	}
	got := keysThatLack("`redis.addrs` `bngs[]` `bngs[].nas` `policy.mode` `redis.ghost` `bngs[].ghost` `policy.mode: off`", keys)
	if want := []string{"redis.ghost", "bngs[].ghost"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestADRsThatAreNamedExist looks for "ADR n" in pages and comments.
func TestADRsThatAreNamedExist(t *testing.T) {
	exist, err := filepath.Glob("adr/*.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\bADRs? (\d+)`)
	for folder, texts := range readableOfModule(t) {
		for _, piece := range texts {
			for _, m := range named.FindAllStringSubmatch(piece.content, -1) {
				number := strings.Repeat("0", max(0, 4-len(m[1]))) + m[1]
				if !slices.ContainsFunc(exist, func(f string) bool { return strings.HasPrefix(f, "adr/"+number+"-") }) {
					t.Errorf("%s (%s): there is no ADR %s", piece.file, folder, m[1])
				}
			}
		}
	}
}
