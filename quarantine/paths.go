package quarantine

import "time"

// Paths is what whoever sends orders knows of the ways to the BNGs at present.
// It speaks for new restrictions only: a release is tried whatever it says.
type Paths interface {
	// Defers says, for people, why the profile may not be put in force on the
	// session now: the BNG is silent, or refuses that profile to everybody. Who is
	// let through as a trial stays so until the order has ended; asking again
	// about the same session costs nothing.
	Defers(s Session, profile string) (reason string, barred bool)
	// Returned is when the BNG was last heard again after a silence, or free again
	// for restrictions; zero if there was no silence. What was put off before then
	// is due.
	Returned(bng string) time.Time
	// Changes delivers one value after Returned of any BNG has changed, at least one
	// after several changes.
	Changes() <-chan struct{}
}
