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

// watchPaths makes all cases due when a BNG answers again, until ctx ends: what was deferred while
// it was unresponsive is due then.
func (e *Engine) watchPaths(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.Paths.Changes():
		}
		if _, sending := e.sender.holds(); sending { // else the sender's own watch does it
			e.wakeAll()
		}
	}
}
