package storetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// DamageFile changes the first octet of a text that a file in dir has: what was written
// there is not what is read back.
func DamageFile(t testing.TB, dir, text string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		octets, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if i := strings.Index(string(octets), text); i >= 0 {
			octets[i] ^= 1
			if err := os.WriteFile(file, octets, 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no file in %s has %q", dir, text)
}
