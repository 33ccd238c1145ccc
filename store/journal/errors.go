package journal

import (
	"errors"
	"fmt"
)

// Errors of this package, for errors.Is.
var (
	// ErrLocked: another process (or another Journal of this one) has the
	// directory open. The error's text names it.
	ErrLocked = errors.New("journal is in use")
	// ErrDamaged: what is on disk is not what was written. The error is a
	// *DamageError.
	ErrDamaged = errors.New("journal is damaged")
	// ErrStopped: a write or sync failed, and nothing is appended any more.
	// What is on disk from the failed call is unknown until the next Open.
	// The first failure is wrapped too.
	ErrStopped = errors.New("journal has stopped")
	// ErrFull: the disk is full and only reserved entries are accepted. The
	// entries were not written and will not appear later.
	ErrFull = errors.New("journal has no space")
	// ErrClosed: Close was called. The entries were not written.
	ErrClosed = errors.New("journal is closed")
	// ErrInvalid: the entries break a bound stated at Entry or Append. They
	// were not written.
	ErrInvalid = errors.New("entry is invalid")
)

// A DamageError says where the journal stops being what was written.
type DamageError struct {
	Segment string // file name
	Offset  int64  // octets from the start of the file to the record at fault
	Seq     uint64 // sequence number that was expected there
	Reason  string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%v: segment %s, offset %d, record %d: %s", ErrDamaged, e.Segment, e.Offset, e.Seq, e.Reason)
}

// Is makes errors.Is(err, ErrDamaged) true.
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }
