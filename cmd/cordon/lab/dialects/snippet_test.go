package dialects

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cordon/cmd/cordon/app"
)

const secret = "0123456789abcdef0123456789abcdef"

// load reads a configuration with one BNG of a dialect.
func load(t *testing.T, dialect string) (*app.Config, *app.Parts) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cordon.yaml")
	text := "bngs: [{name: bng1, address: 192.0.2.1, secret: " + secret + ", dialect: " + dialect + "}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, parts, _, err := app.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return cfg, parts
}

func TestTheSnippetShowsTheSecretOnlyWhenAsked(t *testing.T) {
	cfg, parts := load(t, "junos")
	for reveal, want := range map[bool]bool{false: false, true: true} {
		text, err := Snippet(cfg, parts, "bng1", reveal)
		if err != nil {
			t.Fatal(err)
		}
		if shown := strings.Contains(text, secret); shown != want {
			t.Errorf("reveal %t: secret shown %t\n%s", reveal, shown, text)
		}
	}
	if _, err := Snippet(cfg, parts, "bng9", false); err == nil {
		t.Error("lines for a BNG that is not configured")
	}
}

func TestThereIsNoSnippetForADialectWithoutOne(t *testing.T) {
	cfg, parts := load(t, "junos")
	bare := *parts.Fleet[0].Dialect
	bare.SnippetText = ""
	parts.Fleet[0].Dialect = &bare
	if _, err := Snippet(cfg, parts, "bng1", false); err == nil {
		t.Error("lines for a platform that nobody knows them of")
	}
}
