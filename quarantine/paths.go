package quarantine

import "time"

// Paths is what whoever sends orders knows of the ways to the BNGs at present.
// It is for new restrictions only: a release is tried whatever it says.
type Paths interface {
	// PathDefers says, for people, why nothing may be put in force on the session now:
	// its BNG is unresponsive, or has just recovered. With trial the session may be let
	// through to find out whether the BNG answers; it stays so until its order has
	// ended, and asking again about it costs nothing.
	PathDefers(s Session, trial bool) (reason string, deferred bool)
	// ProfileStopped says why that profile may not be put in force on the session now:
	// its BNG refuses it to everybody. Trial as for PathDefers; one that PathDefers
	// granted is returned where the profile is stopped.
	ProfileStopped(s Session, profile string, trial bool) (reason string, stopped bool)
	// Returned is when the BNG last answered again after a silence, or free again
	// for restrictions; zero if there was no silence. What was put off before then
	// is due.
	Returned(bng string) time.Time
	// Changes delivers one value after Returned of any BNG has changed, at least one
	// after several changes.
	Changes() <-chan struct{}
}
