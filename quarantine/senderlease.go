package quarantine

import (
	"context"
	"time"
)

// SenderLease elects the one instance that restricts.
type SenderLease interface {
	// Campaign takes or renews the lock for holder until ttl from now. It
	// returns the term, and false while another instance holds the lock.
	Campaign(ctx context.Context, holder string, ttl time.Duration) (term uint64, held bool, err error)
	// Resign gives the lock up if holder has it.
	Resign(ctx context.Context, holder string) error
}
