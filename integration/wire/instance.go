package wire

import "time"

// States of an instance.
const (
	InstanceUp        = "up"
	InstanceSilent    = "silent"
	InstanceLeft      = "left"
	InstanceForgotten = "forgotten"
)

// Instance is one running server, as seen by the instance that answers.
type Instance struct {
	Name       string     `json:"name"`
	ID         string     `json:"id" doc:"ID of its journal, the same after a restart; names need not be unique."`
	Here       bool       `json:"here" doc:"The instance that answers."`
	State      string     `json:"state" enum:"up,silent,left,forgotten" doc:"silent: no heartbeat for 15 s. left: stopped. forgotten: lost."`
	Accounting bool       `json:"accounting" doc:"It receives accounting, or has some that is not stored; attribution waits for it."`
	SpokeAt    time.Time  `json:"spoke_at" doc:"Its last heartbeat, by the clock of Redis."`
	Complete   time.Time  `json:"complete" doc:"All accounting that it received up to this time is stored."`
	Waiting    int        `json:"waiting" doc:"Records in its spool at its last heartbeat."`
	AloneUntil *time.Time `json:"alone_until" doc:"It may have acknowledged accounting up to this time that is not stored; null: none."`
	Unreadable string     `json:"unreadable" doc:"Directory with acknowledged accounting that it cannot read."`
	Verdicts   int        `json:"verdicts" doc:"Verdicts that wait for it on the instance that answers."`

	At     *time.Time `json:"at" doc:"When it left or was declared lost."`
	By     string     `json:"by" doc:"Who declared it lost."`
	Reason string     `json:"reason"`
}

// ForgetRequest declares a silent instance lost.
type ForgetRequest struct {
	Reason string `json:"reason" doc:"Why it will not return; kept in the journal."`
}
