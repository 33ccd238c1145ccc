package coa

import (
	"fmt"

	"layeh.com/radius"
)

// Disposition is what an outcome asks the caller to do next.
type Disposition int

// The dispositions.
const (
	// Unknown: nobody answered. Ask again later, with back-off, and take nothing
	// for done or for not done.
	Unknown Disposition = iota
	// Success: the BNG says it is so. Verify where the make allows it.
	Success
	// SessionGone: the BNG has no such session. Look the subscriber up again;
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
	// InProgress: the BNG has begun and will ask RADIUS for an authorization;
	// the success of an Authorize-Only request (RFC 5176 section 3.2).
	InProgress
	// Narrow: the request named several sessions. Never send fewer identifiers;
	// name one session, or ask a person.
	Narrow
	// NotRemovable: the BNG will not end that session. Trying again does not
	// help; tell a person.
	NotRemovable
)

// dispositions is the one table of Disposition: the words of logs and metrics.
var dispositions = [...]string{
	Unknown:      "unknown",
	Success:      "success",
	SessionGone:  "session-gone",
	ProfileFault: "profile-fault",
	ConfigFault:  "config-fault",
	PathFault:    "path-fault",
	RetryLater:   "retry-later",
	InProgress:   "in-progress",
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

// ErrorCause is one value of attribute 101.
type ErrorCause struct {
	Value       uint32
	Name        string      // as in FreeRADIUS' dictionaries
	Disposition Disposition // in a NAK
}

// sessionContextNotFound is looked at apart by [Dispose].
const sessionContextNotFound = 503

// errorCauses is the one table of Error-Cause: RFC 5176 section 3.5, RFC 5580
// section 4.6 (509) and RFC 7930 section 4 (601). A value in the 200s means
// success and must not stand in a NAK; if it does, the NAK is believed and not
// the value.
var errorCauses = [...]ErrorCause{
	{201, "Residual-Context-Removed", RetryLater},
	{202, "Invalid-EAP-Packet", RetryLater},
	{401, "Unsupported-Attribute", ProfileFault},
	{402, "Missing-Attribute", ProfileFault},
	{403, "NAS-Identification-Mismatch", ConfigFault},
	{404, "Invalid-Request", ProfileFault},
	{405, "Unsupported-Service", ProfileFault},
	{406, "Unsupported-Extension", PathFault},
	{407, "Invalid-Attribute-Value", ProfileFault},
	{501, "Administratively-Prohibited", ConfigFault},
	{502, "Proxy-Request-Not-Routable", PathFault},
	{sessionContextNotFound, "Session-Context-Not-Found", SessionGone},
	{504, "Session-Context-Not-Removable", NotRemovable},
	{505, "Proxy-Processing-Error", RetryLater},
	{506, "Resources-Unavailable", RetryLater},
	{507, "Request-Initiated", InProgress},
	{508, "Multiple-Session-Selection-Unsupported", Narrow},
	{509, "Location-Info-Required", ProfileFault},
	{601, "Response-Too-Big", ProfileFault},
}

// ErrorCauses returns the known values in ascending order.
func ErrorCauses() []ErrorCause { return append([]ErrorCause(nil), errorCauses[:]...) }

// LookupErrorCause returns what is known of a value. An unknown one has its
// number as name. 0, no Error-Cause at all, is not unusual in a NAK and asks for
// one more try. An unknown one from 400 to 499 is our fault (RFC 5176 section
// 3.5), any other may pass.
func LookupErrorCause(value uint32) ErrorCause {
	for _, e := range errorCauses {
		if e.Value == value {
			return e
		}
	}
	switch {
	case value == 0:
		return ErrorCause{0, "none", RetryLater}
	case value >= 400 && value <= 499:
		return ErrorCause{value, fmt.Sprint(value), ProfileFault}
	default:
		return ErrorCause{value, fmt.Sprint(value), RetryLater}
	}
}

// Dispose says what the outcome r of a request of that code asks for.
// transmissions is how often this very demand has been transmitted, in this
// exchange (r.Transmissions) and in unanswered ones before it: gear without a
// memory of duplicates ends the session at the first Disconnect-Request, its
// answer is lost, and the second meets 503. That is success.
func Dispose(code radius.Code, transmissions int, r Result) Disposition {
	switch r.Kind {
	case ACK:
		return Success
	case NAK:
		if code == radius.CodeDisconnectRequest && r.ErrorCause == sessionContextNotFound && transmissions > 1 {
			return Success
		}
		return LookupErrorCause(r.ErrorCause).Disposition
	default:
		return Unknown
	}
}
