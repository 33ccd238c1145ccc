//go:build !linux

package app

import "time"

var begun = time.Now()

// uptime is how long this process has been running. It may lack the time during which
// the machine was suspended; the engine counts by the wall clock beside it.
func uptime() time.Duration { return time.Since(begun) }
