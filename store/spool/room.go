package spool

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"cordon/store/journal"
)

// diskLeft is what the spool leaves free on the disk, in octets: the journal lies on
// it too, and allocates its reserve again after every use of it.
const diskLeft = 2 * journal.DefaultReserveBytes

// roomBeside says why the spool may not grow: the journal comes first.
func roomBeside(j *journal.Journal, dir string) error {
	if err := j.Writable(); errors.Is(err, journal.ErrFull) {
		return err
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		return fmt.Errorf("look at the disk: %w", err)
	}
	if free := int64(disk.Bavail) * int64(disk.Bsize); free < diskLeft { //nolint:unconvert // the fields' types differ by system
		return fmt.Errorf("%d MiB are free, %d MiB are left to the journal", free>>20, diskLeft>>20)
	}
	return nil
}
