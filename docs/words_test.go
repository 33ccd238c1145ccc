package docs_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// refusedWord is a word or phrase that glossary.md refuses wherever a user can
// read it.
type refusedWord struct {
	parts   []string // lower case
	instead string
}

func (r refusedWord) String() string { return strings.Join(r.parts, " ") }

// text is a piece of a file that a user can read.
type text struct {
	file    string // path from the top of the module
	line    int    // line of the file on which content begins
	content string
}

// refusedWords reads the table of words of glossary.md.
func refusedWords(page string) ([]refusedWord, error) {
	rows, err := tableOf(page, "Words", 3)
	if err != nil {
		return nil, err
	}
	var refused []refusedWord
	for _, row := range rows {
		switch mark := strings.TrimSpace(row[2]); mark {
		case "by sense":
			continue
		case "never":
		default:
			return nil, fmt.Errorf("invalid mark %q, must be never or by sense", mark)
		}
		for word := range strings.SplitSeq(row[0], ",") {
			parts := strings.Fields(strings.ToLower(word))
			if len(parts) == 0 {
				return nil, fmt.Errorf("a row without a word: %q", row)
			}
			refused = append(refused, refusedWord{parts, strings.TrimSpace(row[1])})
		}
	}
	return refused, nil
}

// plain is a text as the words are looked for in it. Idioms that are right, although a
// refused phrase begins like them, are no words of it.
func plain(content string) string {
	return strings.NewReplacer("_", " ", "’", "'", "taken in turn", "in turn").Replace(strings.ToLower(content))
}

// find returns where the word stands in a plain text at or after from; end is 0
// if it does not. A phrase may go on after the end of a line, in a comment too.
func (r refusedWord) find(content string, from int) (at, end int) {
	for {
		next := strings.Index(content[from:], r.parts[0])
		if next < 0 {
			return 0, 0
		}
		at = from + next
		if end = r.endOf(content, at); end > 0 {
			return at, end
		}
		from = at + 1
	}
}

// endOf returns where the word that begins at a place ends, 0 if none does.
func (r refusedWord) endOf(content string, at int) int {
	if before, _ := utf8.DecodeLastRuneInString(content[:at]); isLetter(before) {
		return 0
	}
	rest := content[at:]
	for i, part := range r.parts {
		if i > 0 {
			without := strings.TrimLeft(rest, " \t\r\n#>*/-")
			if without == rest {
				return 0
			}
			rest = without
		}
		after, found := strings.CutPrefix(rest, part)
		if !found {
			return 0
		}
		rest = after
	}
	if after, _ := utf8.DecodeRuneInString(rest); isLetter(after) {
		return 0
	}
	return len(content) - len(rest)
}

func isLetter(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// misused returns a sentence for each refused word in a text.
func misused(t text, refused []refusedWord) []string {
	content := plain(t.content)
	var faults []string
	for _, r := range refused {
		for at, end := r.find(content, 0); end > 0; at, end = r.find(content, end) {
			line := t.line + strings.Count(content[:at], "\n")
			faults = append(faults, fmt.Sprintf("%s:%d: %q; instead: %s (docs/glossary.md)", t.file, line, r, r.instead))
		}
	}
	return faults
}

// readable returns what a user can read of a file; nil: nothing.
func readable(file string, source []byte) ([]text, error) {
	name := filepath.Base(file)
	whole := []text{{file, 1, string(source)}}
	switch {
	case strings.HasSuffix(name, "_test.go"), strings.Contains(file, "/testdata/"):
		return nil, nil
	case file == "docs/glossary.md":
		return []text{{file, 1, withoutWords(string(source))}}, nil
	case name == "Makefile", strings.HasPrefix(file, "docs/examples/"), strings.HasPrefix(file, ".ci/"):
		return whole, nil
	}
	switch filepath.Ext(name) {
	case ".go":
		return textsOfGo(file, source)
	case ".lua":
		return textsOfLua(file, string(source)), nil
	case ".md", ".yml", ".yaml", ".tmpl":
		return whole, nil
	}
	return nil, nil
}

// withoutWords empties the cells of the glossary that list the words themselves.
func withoutWords(page string) string {
	before, table, _ := strings.Cut(page, "### Words\n")
	return before + "### Words\n" + regexp.MustCompile(`(?m)^\|[^|\n]*\|`).ReplaceAllString(table, "||")
}

// readableOfModule reads all files of the module, by their folder.
func readableOfModule(t *testing.T) map[string][]text {
	t.Helper()
	folders := map[string][]text{}
	err := fs.WalkDir(os.DirFS(".."), ".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (file == ".git" || file == "bin"):
			return fs.SkipDir
		case entry.IsDir():
			return nil
		}
		source, err := os.ReadFile(filepath.Join("..", file))
		if err != nil {
			return err
		}
		texts, err := readable(file, source)
		folder := filepath.Dir(file)
		folders[folder] = append(folders[folder], texts...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return folders
}

// TestWords has a subtest for each folder: go test ./docs -run TestWords/store
func TestWords(t *testing.T) {
	refused, err := refusedWords(readPage(t, "glossary.md"))
	if err != nil {
		t.Fatalf("glossary.md: %v", err)
	}
	folders := readableOfModule(t)
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		t.Run(folder, func(t *testing.T) {
			for _, piece := range folders[folder] {
				for _, fault := range misused(piece, refused) {
					t.Error(fault)
				}
			}
		})
	}
}

func TestEveryRefusedWordIsFound(t *testing.T) {
	refused, err := refusedWords(readPage(t, "glossary.md"))
	if err != nil {
		t.Fatalf("glossary.md: %v", err)
	}
	if len(refused) < 100 {
		t.Fatalf("glossary.md refuses %d words only", len(refused))
	}
	for _, r := range refused {
		for file, source := range map[string]string{
			"store/made_up.go":      "package store\n\nvar err = errors.New(" + fmt.Sprintf("%q", "so "+r.String()+": x") + ")\n",
			"store/metric.go":       "package store\n\nconst name = \"cordon_" + strings.ReplaceAll(r.String(), " ", "_") + "_total\"\n",
			"store/broken.go":       "package store\n\nvar _ = \"\" +\n\t\"so " + r.parts[0] + "\" + \" " + strings.Join(r.parts[1:], " ") + "\"\n",
			"integration/tag.go":    "package integration\n\ntype t struct {\n\tA string `json:\"a\" doc:\"So " + r.String() + ".\"`\n}\n",
			"store/lua/made_up.lua": "-- a comment\nlocal a = 'b'\nreturn redis.error_reply(\"so " + r.String() + "\") -- c\n",
			"docs/made_up.md":       "# A page\n\nSo " + strings.ToUpper(strings.Join(r.parts, "\n")) + ", it says.\n",
			"docs/examples/x.yaml":  "a: 1\n# So " + strings.Join(r.parts, "\n# ") + "\n",
		} {
			texts, err := readable(file, []byte(source))
			if err != nil {
				t.Fatalf("%s: %v\n%s", file, err, source)
			}
			var faults []string
			for _, piece := range texts {
				faults = append(faults, misused(piece, []refusedWord{r})...)
			}
			if len(faults) == 0 || !strings.HasPrefix(faults[0], file+":") || !strings.Contains(faults[0], r.instead) {
				t.Errorf("%q is not found in\n%s%q", r, source, faults)
			}
		}
	}
}

func TestWhatIsRightIsNotRefused(t *testing.T) {
	refused, err := refusedWords(readPage(t, "glossary.md"))
	if err != nil {
		t.Fatalf("glossary.md: %v", err)
	}
	for file, source := range map[string]string{
		"store/clean.go": "package store\n\nimport _ \"example.org/patience/spot\"\n\n// A stranger told the court.\ntype t struct {\n" +
			"\tTold string `yaml:\"told\" json:\"told\" doc:\"The source.\"`\n}\n\n" +
			"var _ = []string{\"intellect\", \"the log names the sender\", \"translator's log\", \"despot\", \"must be > 0\", \"it makes keys\", " +
			"\"runs are taken in turn\"}\n",
		"store/lua/clean.lua":   "-- told by a stranger\nreturn redis.error_reply('invalid case') -- don't tell\n",
		"docs/clean.md":         "Settlement is reached; the log line says so. `journal.dir` is the journal's.\n",
		"docs/words_test.go":    "package docs_test\n\nvar _ = \"patience\"\n",
		"store/testdata/old.md": "told\n",
	} {
		texts, err := readable(file, []byte(source))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, piece := range texts {
			for _, fault := range misused(piece, refused) {
				t.Error(fault)
			}
		}
	}
	if _, err := refusedWords("### Words\n\n| a | b | c |\n|---|---|---|\n| told | say | perhaps |\n"); err == nil {
		t.Error("a mark that means nothing is accepted")
	}
}
