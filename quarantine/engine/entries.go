package engine

import (
	"encoding/json"
	"sync"
	"time"

	"cordon/quarantine"
)

// Kinds of log entry. The numbers are on disk: never reuse one.
const (
	logAccepted quarantine.EntryKind = 1 // key verdict, body Verdict
	logSettled  quarantine.EntryKind = 2 // key verdict, body settlement
	logCommand  quarantine.EntryKind = 3 // key command, body command
	logApplied  quarantine.EntryKind = 4 // key command, body applied
	logSent     quarantine.EntryKind = 5 // key case, body sent
	logAnswered quarantine.EntryKind = 6 // key case, body answered
	logEnded    quarantine.EntryKind = 7 // key case, body ended
	logExpiry   quarantine.EntryKind = 8 // key case, body expiry
	logInstance quarantine.EntryKind = 9 // key instance, body quarantine.Instance; our own: when it spoke, by our clock
)

// EntryKindNames tells people what the kinds of log entry are.
var EntryKindNames = map[quarantine.EntryKind]string{
	logAccepted: "verdict-accepted", logSettled: "verdict-settled", logCommand: "command", logApplied: "command-applied",
	logSent: "sent", logAnswered: "answered", logEnded: "session-ended", logExpiry: "expiry", logInstance: "instance",
}

type settlement struct {
	State      quarantine.VerdictState `json:"state"`
	Reason     string                  `json:"reason,omitempty"`
	Case       string                  `json:"case,omitempty"`
	Subscriber string                  `json:"subscriber,omitempty"`
}

type applied struct {
	Error      string `json:"error,omitempty"`
	Subscriber string `json:"subscriber,omitempty"` // of the case that it was applied to
	GoesOn     bool   `json:"goes_on,omitempty"`    // a rise was rejected: the case goes on with what it has
}

// sent tells of one datagram, with everything needed to undo it.
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
	// Mark numbers it anew: its case did not take the outcome.
	Mark uint64 `json:"mark,omitempty"`
}

// ended is the end of a session. Left is what may still be in force on it, should
// it not be.
type ended struct {
	Session quarantine.Session          `json:"session"`
	Left    []quarantine.AppliedProfile `json:"left,omitempty"`
}

type expiry struct {
	ExpiresAt time.Time `json:"expires_at"`
}

// entry encodes one log entry. The bodies are ours and always encode.
func entry(kind quarantine.EntryKind, key string, body any) quarantine.JournalEntry {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic("engine: encode log entry: " + err.Error())
	}
	return quarantine.JournalEntry{Kind: kind, Key: key, Body: encoded}
}

// changing gives an entry what it changes in the ledger: once, when it is durable or
// when whoever wrote it goes on without the journal, whichever comes first.
func changing(e quarantine.JournalEntry, change func()) quarantine.JournalEntry {
	e.Durable = sync.OnceFunc(change)
	return e
}

// reserved marks an entry that must be written even on a full disk.
func reserved(e quarantine.JournalEntry) quarantine.JournalEntry {
	e.Reserved = true
	return e
}
