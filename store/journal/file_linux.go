package journal

import (
	"os"

	"golang.org/x/sys/unix"
)

// datasync does not write the time stamps, as fsync would.
func datasync(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); err != unix.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}

func allocate(f *os.File, size int64) error {
	for {
		switch err := unix.Fallocate(int(f.Fd()), 0, 0, size); err {
		case unix.EINTR:
		case unix.EOPNOTSUPP:
			return fill(f, size)
		default:
			return os.NewSyscallError("fallocate", err)
		}
	}
}
