package bngsim

import "fmt"

// ErrorCause is why a request is refused: Error-Cause of RFC 5176 section 3.5,
// or one of two values of our own.
type ErrorCause int

// The causes that the simulated gear gives.
const (
	unanswered            ErrorCause = -2  // no answer at all
	Unexplained           ErrorCause = -1  // a NAK without Error-Cause
	OK                    ErrorCause = 0   // no refusal
	residualRemoved       ErrorCause = 201 // in StarOS' ACKs
	UnsupportedAttribute  ErrorCause = 401
	MissingAttribute      ErrorCause = 402
	NASMismatch           ErrorCause = 403
	InvalidRequest        ErrorCause = 404
	UnsupportedService    ErrorCause = 405
	InvalidAttributeValue ErrorCause = 407
	Prohibited            ErrorCause = 501
	SessionNotFound       ErrorCause = 503
	NotRemovable          ErrorCause = 504
	ResourcesUnavailable  ErrorCause = 506
	MultipleSessions      ErrorCause = 508
)

// String returns the number, or what our own values stand for.
func (c ErrorCause) String() string {
	switch c {
	case unanswered:
		return "no answer"
	case Unexplained:
		return "no Error-Cause"
	case OK:
		return "OK"
	}
	return fmt.Sprintf("Error-Cause %d", int(c))
}
