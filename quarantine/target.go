package quarantine

import (
	"errors"
	"net/netip"
)

// Target is what a person points at: exactly one of IP, Subscriber and Session.
type Target struct {
	IP         netip.Addr // whoever holds it now
	Port       uint16     // with IP: of a shared address
	Space      string     // with IP: address space; "": the one that has it
	Subscriber string
	Session    SessionKey
}

// ErrUnknownAddress says that nobody is known to hold the address now.
var ErrUnknownAddress = errors.New("no session is known to hold that address now")

// AmbiguousError says that a target fits more than one subscriber, or one that
// nobody can be certain of.
type AmbiguousError struct {
	Candidates []Holder
	Reason     string // why; empty: more than one may hold it
}

func (e *AmbiguousError) Error() string {
	reason := e.Reason
	if reason == "" {
		reason = "more than one subscriber may hold that address"
	}
	return reason + "; name the subscriber or the session"
}

// IncompleteError says that accounting of this moment is not stored yet, so that
// who holds an address now is not known for certain.
type IncompleteError struct {
	Missing    string   // what is waited for, for people
	Candidates []Holder // who holds it by what is stored; may be wrong
}

func (e *IncompleteError) Error() string {
	return "who holds that address now is not certain (" + e.Missing + `); ask again, or name the subscriber: "subscriber" ` +
		"instead of the address (cordon quarantine add --subscriber KEY)"
}
