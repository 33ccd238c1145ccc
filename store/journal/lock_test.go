package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheErrorOfASecondOpenerNamesTheHolder(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Config{Dir: dir})
	_, err := Open(Config{Dir: dir})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("process %d on", os.Getpid())) {
		t.Fatalf("second opener: %v", err)
	}
	if _, err := j.Append(t.Context(), entry(1)); err != nil {
		t.Fatalf("the holder, afterwards: %v", err)
	}
	j.Close()
	open(t, Config{Dir: dir})
}

func TestAFailedOpenReleasesTheLock(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, idName)
	if err := os.WriteFile(path, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrDamaged) {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	open(t, Config{Dir: dir})
}

func TestAnInvalidConfigIsRefusedWithEveryFault(t *testing.T) {
	_, err := Open(Config{SegmentBytes: -1, SyncDelay: -1})
	if err == nil {
		t.Fatal("opened")
	}
	for _, word := range []string{"directory", "segment size", "sync delay"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q lacks %q", err, word)
		}
	}
}

func TestTheFilesAreForTheOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	open(t, Config{Dir: dir, ReserveBytes: 1 << 20})
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", info.Mode(), err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 4 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f.Name(), info.Mode(), err)
		}
	}
}
