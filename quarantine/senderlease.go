package quarantine

import (
	"context"
	"time"
)

// SenderLease elects the one instance that restricts.
type SenderLease interface {
	// Campaign acquires or renews the lease for holder until ttl from now. It
	// returns the term, and false while another instance holds the lease.
	Campaign(ctx context.Context, holder string, ttl time.Duration) (term uint64, held bool, err error)
	// Resign gives the lease up if holder has it.
	Resign(ctx context.Context, holder string) error
}
