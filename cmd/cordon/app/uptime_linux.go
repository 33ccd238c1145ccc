package app

import (
	"time"

	"golang.org/x/sys/unix"
)

// uptime is how long the machine has been up, with the time during which it was
// suspended (clock_gettime(2), CLOCK_BOOTTIME): a lease goes on meanwhile, and Go's own
// clock does not.
func uptime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic("app: CLOCK_BOOTTIME: " + err.Error()) // Linux has it since 2.6.39
	}
	return time.Duration(t.Nano())
}
