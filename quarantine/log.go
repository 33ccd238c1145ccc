package quarantine

import (
	"context"
	"errors"
	"time"
)

// LogKind is what a log entry tells; the engine defines the kinds.
type LogKind uint8

// LogEntry is one entry of this host's log.
type LogEntry struct {
	Kind LogKind
	Key  string // verdict, case or command id
	Body []byte // JSON
	// Reserved entries (releases, human commands) may use the space kept back
	// for them on a full disk.
	Reserved bool
	// Durable, if set, is called once the entry is durable: in the order of the
	// journal, before Append returns, and before the journal asks what to carry into
	// a new segment. It must not wait for the journal.
	Durable func()
}

// Log is this host's append-only journal.
type Log interface {
	// Append returns once all entries, or none, are durable.
	Append(ctx context.Context, entries ...LogEntry) error
	// Replay hands over every entry in order.
	Replay(ctx context.Context, fn func(LogEntry, time.Time) error) error
}

// ErrDeferred says that a person's command is safe in this host's log but could
// not be applied yet; it will be when the store is back. A release is sent from
// the log meanwhile.
var ErrDeferred = errors.New("recorded in the log; it will be applied when the session store is back")
