package journal

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// A file is what the journal writes to. Reading does not use it: tests inject
// failing writes and syncs here, and damage the real files.
type file interface {
	io.WriterAt
	io.Closer
	// Sync returns when data and size are on stable storage.
	Sync() error
	Truncate(size int64) error
	// Allocate makes the file size octets long and backed by space.
	Allocate(size int64) error
}

// A disk opens files.
type disk interface {
	// Open opens for writing and creates if missing, for the owner only.
	Open(path string) (file, error)
	// SyncDir makes creations, renames and removals in dir durable.
	SyncDir(dir string) error
}

type osDisk struct{}

func (osDisk) Open(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osDisk) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

type osFile struct{ *os.File }

func (f osFile) Sync() error { return datasync(f.File) }

func (f osFile) Allocate(size int64) error { return allocate(f.File, size) }

// writeAll is WriteAt with an error for a short count.
func writeAll(f file, b []byte, off int64) error {
	n, err := f.WriteAt(b, off)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// replaceFile puts content at path so that after a crash the old or the new
// content is there, never a part.
func replaceFile(d disk, path string, content []byte) error {
	tmp := path + tmpSuffix
	f, err := d.Open(tmp)
	if err != nil {
		return err
	}
	err = writeAll(f, content, 0)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return d.SyncDir(filepath.Dir(path))
}
