package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// loggedEvents maps each message that a folder logs to the names of its fields.
func loggedEvents(t *testing.T, folders ...string) map[string][]string {
	t.Helper()
	events := map[string][]string{}
	for _, folder := range folders {
		files, err := filepath.Glob(folder + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", folder, err)
		}
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if call, isCall := n.(*ast.CallExpr); isCall {
					noteEvent(events, call)
				}
				return true
			})
		}
	}
	return events
}

// noteEvent notes a call like log.Info("message", zap.String("field", value)).
func noteEvent(events map[string][]string, call *ast.CallExpr) {
	method, isMethod := call.Fun.(*ast.SelectorExpr)
	if !isMethod || !slices.Contains([]string{"Info", "Log"}, method.Sel.Name) {
		return
	}
	message := ""
	for _, arg := range call.Args {
		switch arg := arg.(type) {
		case *ast.BasicLit:
			message = unquoted(arg)
			events[message] = nil
		case *ast.CallExpr:
			if len(arg.Args) > 0 && message != "" {
				if name, isName := arg.Args[0].(*ast.BasicLit); isName {
					events[message] = append(events[message], unquoted(name))
				}
			}
		}
	}
}

func TestTheStableLogEventsHaveTheirFields(t *testing.T) {
	_, section, _ := strings.Cut(readPage(t, "stability.md"), "\n### Log events\n")
	section, _, _ = strings.Cut(section, "\n## ")
	logged := loggedEvents(t, "../quarantine/engine", "../integration/httpx")
	rows := regexp.MustCompile("(?m)^\\| `([a-z ]+)` \\| (.*) \\|$").FindAllStringSubmatch(section, -1)
	if len(rows) < 4 {
		t.Fatalf("found %d events only", len(rows))
	}
	for _, row := range rows {
		fields, exists := logged[row[1]]
		if !exists {
			t.Errorf("stability.md names the event %q, which is not logged", row[1])
		}
		sure, _, _ := strings.Cut(row[2], ", and ") // behind it: those that another function adds
		for _, field := range spansOf(sure) {
			if !slices.Contains(fields, field) {
				t.Errorf("stability.md names the field %s of %s, which has %q", field, row[1], fields)
			}
		}
	}
}
