package engine

import (
	"encoding/json"
	"sync"
	"time"

	"cordon/quarantine"
)

// Kinds of journal entry. The numbers are on disk: never reuse one.
const (
	entryAccepted quarantine.EntryKind = 1 // key verdict, body Verdict
	entryDecided  quarantine.EntryKind = 2 // key verdict, body decided
	entryCommand  quarantine.EntryKind = 3 // key command, body command
	entryApplied  quarantine.EntryKind = 4 // key command, body applied
	entrySent     quarantine.EntryKind = 5 // key case, body sent
	entryAnswered quarantine.EntryKind = 6 // key case, body answered
	entryEnded    quarantine.EntryKind = 7 // key case, body ended
	entryExpiry   quarantine.EntryKind = 8 // key case, body expiry
	entryInstance quarantine.EntryKind = 9 // key instance, body quarantine.Instance; of this one: its last heartbeat, by its own clock
)

// entryKindNames has the names of the kinds of journal entry, for people.
var entryKindNames = map[quarantine.EntryKind]string{
	entryAccepted: "verdict-accepted", entryDecided: "verdict-decided", entryCommand: "command", entryApplied: "command-applied",
	entrySent: "sent", entryAnswered: "answered", entryEnded: "session-ended", entryExpiry: "expiry", entryInstance: "instance",
}

type decided struct {
	State      quarantine.VerdictState `json:"state"`
	Reason     string                  `json:"reason,omitempty"`
	Case       string                  `json:"case,omitempty"`
	Subscriber string                  `json:"subscriber,omitempty"`
}

type applied struct {
	Error      string `json:"error,omitempty"`
	Subscriber string `json:"subscriber,omitempty"` // of the case that it was applied to
	GoesOn     bool   `json:"goes_on,omitempty"`    // an escalation was rejected: the case goes on as it was
}

// sent is one datagram, with everything needed to undo it.
type sent struct {
	Order     quarantine.Order `json:"order"`
	ExpiresAt time.Time        `json:"expires_at"`
	BNG       string           `json:"bng"`
	Peer      string           `json:"peer"`
	Octets    []byte           `json:"octets"`
	Undoing   bool             `json:"undoing,omitempty"`
}

type answered struct {
	Order   quarantine.Order   `json:"order"`
	Outcome quarantine.Outcome `json:"outcome"`
	// Mark is the restriction's new mark: the outcome could not be saved in its case.
	Mark uint64 `json:"mark,omitempty"`
}

// ended is the end, or presumed end, of a session. Left is what is in force on it should it not
// have ended.
type ended struct {
	Session quarantine.Session          `json:"session"`
	Left    []quarantine.AppliedProfile `json:"left,omitempty"`
}

type expiry struct {
	ExpiresAt time.Time `json:"expires_at"`
}

// entry encodes one journal entry. The bodies are ours and always encode.
func entry(kind quarantine.EntryKind, key string, body any) quarantine.JournalEntry {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic("engine: encode journal entry: " + err.Error())
	}
	return quarantine.JournalEntry{Kind: kind, Key: key, Body: encoded}
}

// changing attaches to an entry its change of the ledger: applied once, when the entry is
// durable or when its writer goes on without the journal, whichever comes first.
func changing(e quarantine.JournalEntry, change func()) quarantine.JournalEntry {
	e.Durable = sync.OnceFunc(change)
	return e
}

// reserved marks an entry that must be written even on a full disk.
func reserved(e quarantine.JournalEntry) quarantine.JournalEntry {
	e.Reserved = true
	return e
}
