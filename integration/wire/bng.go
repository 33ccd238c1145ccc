package wire

import "time"

// BNG is a configured BNG and its state.
type BNG struct {
	Name        string           `json:"name"`
	Formerly    []string         `json:"formerly,omitempty" doc:"Former names."`
	Group       string           `json:"group,omitempty" doc:"Redundancy group; its sessions have the group's name as their BNG."`
	Address     string           `json:"address" doc:"Where CoA-Requests are sent."`
	Dialect     string           `json:"dialect"`
	Profiles    []string         `json:"profiles" doc:"Profiles that are configured for it."`
	Health      *BNGHealth       `json:"health" doc:"Its reachability; null on an instance that is not the elected sender."`
	Clock       *AccountingClock `json:"accounting_clock" doc:"Its clock by accounting; null: this instance received no Event-Timestamp."`
	Accounting  *BNGAccounting   `json:"accounting" doc:"Its accounting, over all instances; null: none received."`
	Maintenance *Maintenance     `json:"maintenance" doc:"Its maintenance window, in which new restrictions are deferred; null: none."`
}

// BNGHealth is whether and how a BNG replies, as seen by the elected sender since its
// start.
type BNGHealth struct {
	State      string     `json:"state" enum:"ok,unresponsive,recovering" doc:"unresponsive: restrictions are deferred."`
	Path       string     `json:"path" doc:"Where requests are sent: the BNG itself, or a proxy."`
	Since      *time.Time `json:"since" doc:"Start of the state; null if it never changed."`
	Unanswered int        `json:"unanswered" doc:"Consecutive requests on that path without a reply."`
	LastAnswer *time.Time `json:"last_answer" doc:"When its last reply was received."`

	Skew          *int64 `json:"clock_skew_seconds" doc:"How far its clock is ahead of ours, by its replies' Event-Timestamp; null: none."`
	ClockDiscards uint64 `json:"clock_skew_discards" doc:"Requests that timed out because the replies' Event-Timestamp was too far off."`

	InFlight            int     `json:"in_flight" doc:"Requests in flight."`
	WaitingReleases     int     `json:"waiting_releases" doc:"Queued releases."`
	WaitingRestrictions int     `json:"waiting_restrictions" doc:"Queued restrictions."`
	Rate                float64 `json:"rate" doc:"Rate limit, requests per second."`
	RestrictionRate     float64 `json:"restriction_rate" doc:"Rate limit of restrictions, per second; lower while many lines log in again."`

	Stopped []StoppedProfile `json:"stopped_profiles" doc:"Profiles that it refuses for every session: restrictions are deferred."`
	Fault   *BNGFault        `json:"last_fault" doc:"The last refusal that is about the configuration or the path."`
}

// StoppedProfile is a profile that a BNG refuses for every session.
type StoppedProfile struct {
	Profile    string    `json:"profile"`
	ErrorCause uint32    `json:"error_cause"`
	Since      time.Time `json:"since"`
	RetryAt    time.Time `json:"retry_at" doc:"When one session tries it again."`
}

// BNGFault is a refusal that is not about a session or a profile.
type BNGFault struct {
	ErrorCause uint32    `json:"error_cause"`
	Name       string    `json:"name"`
	Kind       string    `json:"kind" doc:"config_fault: it does not accept this from us. path_fault: what replies there does not support it."`
	At         time.Time `json:"at"`
}
