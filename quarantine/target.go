package quarantine

import (
	"errors"
	"net/netip"
)

// Target is what a person points at; exactly one field is set.
type Target struct {
	IP         netip.Addr // whoever holds it now
	Subscriber string
	Session    SessionKey
}

// ErrUnknownAddress says that nobody is known to hold the address now.
var ErrUnknownAddress = errors.New("no session is known to hold that address now")

// AmbiguousError says that a target fits more than one subscriber.
type AmbiguousError struct{ Candidates []Holder }

func (e *AmbiguousError) Error() string {
	return "more than one subscriber may hold that address; name the subscriber or the session"
}
