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

// AmbiguousError says that a target fits more than one subscriber.
type AmbiguousError struct {
	Candidates []Holder
	Reason     string // why another one than the only candidate may be meant; empty: there are several
}

func (e *AmbiguousError) Error() string {
	if e.Reason != "" {
		return e.Reason + "; name the subscriber or the session"
	}
	return "more than one subscriber may hold that address; name the subscriber or the session"
}
