package engine

import (
	"context"
	"time"

	"cordon/quarantine"
)

// noPaths knows nothing of the paths to the BNGs, so it defers nothing.
type noPaths struct{}

var _ quarantine.Paths = noPaths{}

func (noPaths) PathDefers(quarantine.Session, bool) (string, bool)             { return "", false }
func (noPaths) ProfileStopped(quarantine.Session, string, bool) (string, bool) { return "", false }
func (noPaths) Returned(string) time.Time                                      { return time.Time{} }
func (noPaths) Changes() <-chan struct{}                                       { return nil }

// heedPaths has everything looked at once a BNG is heard again, until ctx ends:
// what was put off while it was silent is due then.
func (e *Engine) heedPaths(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.Paths.Changes():
		}
		if _, sending := e.sender.may(); sending { // else whoever sends looks for itself
			e.wakeAll()
		}
	}
}
