package quarantine

import (
	"context"
	"errors"
	"time"
)

// EntryKind is what a journal entry records; the engine defines the kinds.
type EntryKind uint8

// JournalEntry is one entry of this host's journal.
type JournalEntry struct {
	Kind EntryKind
	Key  string // verdict, case or command id
	Body []byte // JSON
	// Reserved entries (releases, human commands) may use the space reserved
	// for them on a full disk.
	Reserved bool
	// Durable, if set, is called once the entry is durable: in the order of the
	// journal, before Append returns, and before the journal asks what to carry into
	// a new segment. It must not wait for the journal.
	Durable func()
}

// Journal is this host's append-only journal.
type Journal interface {
	// Append returns once all entries, or none, are durable.
	Append(ctx context.Context, entries ...JournalEntry) error
	// Replay hands over every entry in order.
	Replay(ctx context.Context, fn func(JournalEntry, time.Time) error) error
}

// ErrDeferred says that a person's command is safe in this host's journal but could
// not be applied yet; it will be when the store is back. A release is sent from
// the journal meanwhile.
var ErrDeferred = errors.New("recorded in the journal; it will be applied when the session store is back")

// DeferredError is [ErrDeferred] of a command about a case of which this host's
// journal knows nothing: if the command ends a restriction, none is sent from here
// before the session store is back. Instances are those that may know of it.
type DeferredError struct{ Instances []Instance }

func (e *DeferredError) Error() string {
	return ErrDeferred.Error() + "; this host's journal knows of no restriction by that case, so nothing is sent from here before that"
}

// Is reports whether target is ErrDeferred.
func (e *DeferredError) Is(target error) bool { return target == ErrDeferred }
