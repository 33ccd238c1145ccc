package app

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"cordon/store/journal"
)

// What a journal owes is worth what its chain is: one that was exchanged is not read.
func TestACheckOfAJournalVerifiesItsChain(t *testing.T) {
	_, parts, _, err := parse("cordon.yaml", []byte(goodConfig))
	if err != nil {
		t.Fatal(err)
	}
	dirs := [2]string{t.TempDir(), t.TempDir()}
	for _, dir := range dirs {
		j, err := journal.Open(journal.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.Append(t.Context(), journal.Entry{Kind: 255, Key: "k"}); err != nil { // of a kind that is ignored
			t.Fatal(err)
		}
		j.Close()
		if err := CheckJournal(t.Context(), dir, parts); err != nil {
			t.Fatal(err)
		}
	}
	id, err := os.ReadFile(filepath.Join(dirs[1], "id"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dirs[0], "id"), id, 0o600); err != nil {
		t.Fatal(err)
	}
	var damage *journal.DamageError
	if err := CheckJournal(t.Context(), dirs[0], parts); !errors.As(err, &damage) {
		t.Errorf("segments of another journal: %v", err)
	}
}
