package wire

import "time"

// BNG is what the configuration says of one BNG, and how it stands.
type BNG struct {
	Name        string           `json:"name"`
	Formerly    []string         `json:"formerly,omitempty" doc:"What it was called before."`
	Group       string           `json:"group,omitempty" doc:"Redundancy group, whose name its sessions have as their BNG."`
	Address     string           `json:"address" doc:"Where CoA goes."`
	Dialect     string           `json:"dialect"`
	Profiles    []string         `json:"profiles" doc:"Profiles it knows a name for."`
	Health      *BNGHealth       `json:"health" doc:"How it answers; null on an instance that is not the sender, which alone knows."`
	Clock       *AccountingClock `json:"accounting_clock" doc:"What its accounting tells of its clock; null if none with Event-Timestamp came to this instance."`
	Accounting  *BNGAccounting   `json:"accounting" doc:"How its accounting comes in, to all instances together; null: none has come."`
	Maintenance *Maintenance     `json:"maintenance" doc:"Nothing new is restricted on it; null: it is not in maintenance."`
}

// BNGHealth is how a BNG answers, as the sender knows it since its start.
type BNGHealth struct {
	State      string     `json:"state" enum:"ok,silent,recovering" doc:"silent: new restrictions are kept back, releases are tried. recovering: releases go first."`
	Path       string     `json:"path" doc:"What is asked: the BNG itself, or a proxy."`
	Since      *time.Time `json:"since" doc:"Of the state; null if it never changed."`
	Unanswered int        `json:"unanswered" doc:"Requests in a row on that path."`
	LastAnswer *time.Time `json:"last_answer"`

	Skew          *int64 `json:"clock_skew_seconds" doc:"How far its clock is ahead of ours; null if its answers do not tell."`
	ClockDiscards uint64 `json:"clock_skew_discards" doc:"Requests unanswered because answers were stamped too far off."`

	InFlight            int     `json:"in_flight"`
	WaitingReleases     int     `json:"waiting_releases"`
	WaitingRestrictions int     `json:"waiting_restrictions"`
	Rate                float64 `json:"rate" doc:"Requests a second at most."`
	RestrictionRate     float64 `json:"restriction_rate" doc:"Restrictions among them; fewer while many lines come back."`

	Stopped []StoppedProfile `json:"stopped_profiles" doc:"Profiles that it refuses to everybody; releases go on."`
	Fault   *BNGFault        `json:"last_fault" doc:"The last refusal about the configuration or the way."`
}

// StoppedProfile is a profile that a BNG refuses to everybody.
type StoppedProfile struct {
	Profile    string    `json:"profile"`
	ErrorCause uint32    `json:"error_cause"`
	Since      time.Time `json:"since"`
	RetryAt    time.Time `json:"retry_at" doc:"When one subscriber tries again."`
}

// BNGFault is a refusal that is not about a session or a profile.
type BNGFault struct {
	ErrorCause uint32    `json:"error_cause"`
	Name       string    `json:"name"`
	Kind       string    `json:"kind" doc:"config_fault: the BNG does not take this from us. path_fault: what stands there cannot do this, or cannot reach the BNG."`
	At         time.Time `json:"at"`
}
