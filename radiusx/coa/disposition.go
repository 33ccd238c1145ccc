package coa

import (
	"fmt"

	"layeh.com/radius"
)

// Disposition is what a reply, or its absence, asks the caller to do next.
type Disposition int

// The dispositions.
const (
	// NoReply: nobody replied. Ask again later, with back-off, and take nothing
	// for done or for not done.
	NoReply Disposition = iota
	// Discarded: replies came, and none was valid. As NoReply; have the secret or
	// the clock of the BNG checked.
	Discarded
	// ProxyNoReply: a proxy has no reply from the BNG, to which it may have
	// forwarded the request. As NoReply.
	ProxyNoReply
	// Success: the BNG says it is so. Verify where the platform allows it.
	Success
	// InProgress: the BNG has begun and will ask RADIUS for an authorization;
	// the success of an Authorize-Only request (RFC 5176 section 3.2).
	InProgress
	// AlreadyDone: the BNG refuses to do again what an earlier transmission did.
	AlreadyDone
	// SessionGone: the BNG has no such session. Query the subscriber again;
	// nothing is finished by this alone.
	SessionGone
	// ProfileFault: the BNG does not take what the dialect or the profile
	// writes. Do not try again unchanged; have the dialect or profile corrected.
	ProfileFault
	// ConfigFault: the BNG does not take this from us. Do not try again; have
	// the configuration of the BNG or of its entry here corrected.
	ConfigFault
	// PathFault: what stands at that address and port cannot do this, or a proxy
	// cannot reach the BNG. Try again slowly; have port, address or proxy checked.
	PathFault
	// RetryLater: the BNG could not, or gave no reason. Try again with back-off,
	// without a reason at most once.
	RetryLater
	// Narrow: the request named several sessions. Never send fewer identifiers;
	// name one session, or ask a person.
	Narrow
	// NotRemovable: the BNG will not end that session. Trying again does not
	// help; a person must know.
	NotRemovable
)

// dispositions is the one table of Disposition: the words of logs and metrics.
var dispositions = [...]string{
	NoReply:      "no-reply",
	Discarded:    "discarded",
	ProxyNoReply: "proxy-no-reply",
	Success:      "success",
	InProgress:   "in-progress",
	AlreadyDone:  "already-done",
	SessionGone:  "session-gone",
	ProfileFault: "profile-fault",
	ConfigFault:  "config-fault",
	PathFault:    "path-fault",
	RetryLater:   "retry-later",
	Narrow:       "narrow",
	NotRemovable: "not-removable",
}

// String returns the word for d in logs and metric labels.
func (d Disposition) String() string {
	if d < 0 || int(d) >= len(dispositions) {
		return fmt.Sprintf("Disposition(%d)", int(d))
	}
	return dispositions[d]
}

// Asked is what decides, beside the reply, what the reply to a request means.
type Asked struct {
	Code radius.Code

	// Transmissions is how often this very demand has been transmitted, in this
	// exchange ([Result].Transmissions) and in unanswered ones before it: gear
	// without a memory of duplicates ends the session at the first
	// Disconnect-Request, its answer is lost, and the second meets 503. That is
	// success.
	Transmissions int

	// Proxied: the request went to a proxy, which may reply of its own accord.
	Proxied bool
	// NAKsIfDone: an earlier exchange may have done this, and the platform
	// refuses to do it again.
	NAKsIfDone bool
}

// Dispose says what the outcome r of a request asks for.
func Dispose(a Asked, r Result) Disposition {
	switch {
	case r.Kind == ACK:
		return Success
	case r.Kind == NAK:
		return a.refused(LookupErrorCause(r.ErrorCause))
	case r.Discarded > 0:
		return Discarded
	}
	return NoReply
}

// refused says what a NAK asks for.
func (a Asked) refused(cause ErrorCause) Disposition {
	switch {
	case a.Proxied && cause.ByProxy:
		return cause.viaProxy
	case a.NAKsIfDone && cause.done:
		return AlreadyDone
	case a.Code == radius.CodeDisconnectRequest && cause.Value == sessionContextNotFound && a.Transmissions > 1:
		return Success
	}
	return cause.Disposition
}
