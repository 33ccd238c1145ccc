package wire

import "time"

// States of a session's enforcement, relative to what is wanted now.
const (
	EnforcementPending    = "pending"
	EnforcementAcked      = "acked"
	EnforcementVerified   = "verified"
	EnforcementPartial    = "partial"
	EnforcementRefused    = "refused"
	EnforcementUnanswered = "unanswered"
	EnforcementGone       = "gone"
	EnforcementExempt     = "exempt"
)

// Session is one session of a case and its enforcement.
type Session struct {
	BNG         string     `json:"bng"`
	Member      string     `json:"member,omitempty" doc:"In a redundancy group: the BNG that reported it last."`
	SessionID   string     `json:"acct_session_id"`
	Wanted      string     `json:"wanted" doc:"Profile; empty: the normal one."`
	Enforcement string     `json:"enforcement" enum:"pending,acked,verified,partial,refused,unanswered,gone,exempt"`
	ErrorCause  *uint32    `json:"error_cause" doc:"Of the last NAK (RFC 5176 section 3.5); null: none."`
	Reason      string     `json:"reason"`
	DeferredBy  string     `json:"deferred_by" doc:"Check that defers the next request, e.g. maintenance or path; empty: none."`
	Attempts    int        `json:"attempts"`
	UpdatedAt   *time.Time `json:"updated_at"`
	NextAt      *time.Time `json:"next_at" doc:"Next retry; null: nothing is outstanding, or a request is in flight."`
	Owed        bool       `json:"owed" doc:"A restriction of the case is, or may be, in force that is still to be released."`
	Addresses   []string   `json:"addresses"`
}

// LiveSession is a subscriber's session as accounting reports it.
type LiveSession struct {
	BNG       string    `json:"bng"`
	Member    string    `json:"member,omitempty" doc:"In a redundancy group: the BNG that reported it last."`
	SessionID string    `json:"acct_session_id"`
	StartedAt time.Time `json:"started_at"`
	SeenAt    time.Time `json:"seen_at" doc:"Event time of its newest record."`
	Addresses []string  `json:"addresses"`
	Ignored   bool      `json:"ignored" doc:"Excluded by accounting.ignore_sessions: never restricted."`
	Suspect   bool      `json:"suspect" doc:"Its BNG restarted since; it may be over."`
}
