package wire

import "time"

// Enforcement of a session, relative to what is wanted now.
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

// Session is how one session of a case stands.
type Session struct {
	BNG         string     `json:"bng"`
	Member      string     `json:"member,omitempty" doc:"Of a redundancy group: the BNG that spoke of it last."`
	SessionID   string     `json:"acct_session_id"`
	Wanted      string     `json:"wanted" doc:"Profile; empty: what the subscriber should have."`
	Enforcement string     `json:"enforcement" enum:"pending,acked,verified,partial,refused,unanswered,gone,exempt"`
	ErrorCause  *uint32    `json:"error_cause" doc:"RFC 5176 section 3.5; null: none was told."`
	Reason      string     `json:"reason"`
	DeferredBy  string     `json:"deferred_by" doc:"The check that defers what is wanted, e.g. paused, maintenance or path; empty: none. Reason says more."`
	Attempts    int        `json:"attempts"`
	UpdatedAt   *time.Time `json:"updated_at"`
	NextAt      *time.Time `json:"next_at" doc:"When it is tried again by itself; null: nothing is outstanding, or a request is under way."`
	Owed        bool       `json:"owed" doc:"Something of the case is, or may be, in force that is still to be given back."`
	Addresses   []string   `json:"addresses"`
}

// LiveSession is a session of a subscriber, as accounting tells it.
type LiveSession struct {
	BNG       string    `json:"bng"`
	Member    string    `json:"member,omitempty" doc:"Of a redundancy group: the BNG that spoke of it last."`
	SessionID string    `json:"acct_session_id"`
	StartedAt time.Time `json:"started_at"`
	SeenAt    time.Time `json:"seen_at" doc:"Event time of the newest record."`
	Addresses []string  `json:"addresses"`
	Ignored   bool      `json:"ignored" doc:"Never touched, by configuration."`
	Suspect   bool      `json:"suspect" doc:"Its BNG restarted since; it may be gone."`
}
