package journal

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	lockName  = "lock"
	idName    = "id"
	tmpSuffix = ".tmp"
)

type journalID [16]byte

func (id journalID) String() string { return hex.EncodeToString(id[:]) }

// acquire locks dir for this process. The lock ends with the file, so with
// the process at the latest.
func acquire(dir string, now time.Time) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s is held by %s", ErrLocked, dir, holder(f))
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	host, _ := os.Hostname() // only shown to people
	who := fmt.Sprintf("process %d on %q since %s\n", os.Getpid(), host, now.UTC().Format(time.RFC3339))
	// A full disk must not keep a journal closed: the name only helps people.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(who), 0)
	}
	return f, nil
}

func holder(f *os.File) string {
	b := make([]byte, 400)
	n, _ := f.ReadAt(b, 0)
	if who := strings.TrimSpace(string(b[:n])); who != "" {
		return who
	}
	return "an unnamed process"
}

// readID returns false if there is no id yet.
func readID(dir string) (id journalID, ok bool, err error) {
	b, err := os.ReadFile(filepath.Join(dir, idName))
	if errors.Is(err, fs.ErrNotExist) {
		return id, false, nil
	}
	if err != nil {
		return id, false, fmt.Errorf("read id: %w", err)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(raw) != len(id) {
		return id, false, &DamageError{Segment: idName, Reason: "not 32 hexadecimal digits"}
	}
	return journalID(raw), true, nil
}

func writeID(d disk, dir string, id journalID) error {
	return replaceFile(d, filepath.Join(dir, idName), []byte(id.String()+"\n"))
}

func newID() (id journalID) {
	rand.Read(id[:])
	return id
}
