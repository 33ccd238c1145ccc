package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

const (
	reserveName = "reserve"
	// reserveStep is by how much the reserve shrinks at least: what is not needed yet
	// stays ours on a disk that others fill too.
	reserveStep = 1 << 20
)

// isFull reports whether err means that space is lacking, not that the device fails.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// A reserve is a file that only occupies space.
type reserve struct {
	f    file
	full int64 // octets when whole
	left int64
}

// openReserve opens what an earlier run left of the reserve; it allocates nothing.
func openReserve(d disk, dir string, octets int64) (*reserve, error) {
	path := filepath.Join(dir, reserveName)
	f, err := d.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open reserve: %w", err)
	}
	r := &reserve{f: f, full: octets}
	info, err := os.Stat(path)
	if err == nil {
		r.left = min(info.Size(), octets)
		err = f.Truncate(r.left)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("size reserve: %w", err)
	}
	return r, nil
}

// refill makes the reserve whole; the error is one of isFull if the disk has
// no space for it.
func (r *reserve) refill() error {
	if r.left == r.full {
		return nil
	}
	if err := r.f.Allocate(r.full); err != nil {
		return errors.Join(fmt.Errorf("allocate reserve: %w", err), r.f.Truncate(r.left))
	}
	r.left = r.full
	return nil
}

// shrink frees at least need octets, or what is left. It returns false when nothing
// was left.
func (r *reserve) shrink(need int64) (bool, error) {
	if r.left == 0 {
		return false, nil
	}
	r.left = max(0, r.left-max(reserveStep, need))
	if err := r.f.Truncate(r.left); err != nil {
		return false, fmt.Errorf("shrink reserve: %w", err)
	}
	return true, nil
}

// fill allocates by writing, for file systems without fallocate.
func fill(f *os.File, size int64) error {
	zeros := make([]byte, 64<<10)
	for off := int64(0); off < size; off += int64(len(zeros)) {
		n := min(int64(len(zeros)), size-off)
		if _, err := f.WriteAt(zeros[:n], off); err != nil {
			return err
		}
	}
	return nil
}
