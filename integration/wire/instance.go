package wire

import "time"

// States of an instance.
const (
	InstanceUp        = "up"
	InstanceSilent    = "silent"
	InstanceLeft      = "left"
	InstanceForgotten = "forgotten"
)

// Instance is one running server as the one that was asked knows it.
type Instance struct {
	Name       string     `json:"name"`
	ID         string     `json:"id" doc:"Of its journal: the same after a restart. Several instances may have one name."`
	Here       bool       `json:"here" doc:"The instance that was asked."`
	State      string     `json:"state" enum:"up,silent,left,forgotten" doc:"silent: it has published nothing for 15 s. left: it ended, and all accounting that reached it is stored. forgotten: a person declared it lost."`
	Accounting bool       `json:"accounting" doc:"Accounting comes to it, or it holds some that is not stored; the others wait for no instance without."`
	SpokeAt    time.Time  `json:"spoke_at" doc:"When it published last, by the store's clock."`
	Complete   time.Time  `json:"complete" doc:"All accounting that had reached it is stored to this moment."`
	Waiting    int        `json:"waiting" doc:"Answered records in its spool, when it published last."`
	AloneUntil *time.Time `json:"alone_until" doc:"Of a silent or forgotten one: it may have answered accounting to this moment that is not stored; null: it answers only what is stored."`
	Unreadable string     `json:"unreadable" doc:"A folder with answered accounting that it cannot read."`
	Verdicts   int        `json:"verdicts" doc:"That wait for it at the instance that was asked."`

	At     *time.Time `json:"at" doc:"When it left or was declared lost."`
	By     string     `json:"by" doc:"Who declared it lost."`
	Reason string     `json:"reason"`
}

// ForgetRequest declares a silent instance lost.
type ForgetRequest struct {
	Reason string `json:"reason" doc:"Why it will not be back; the journal keeps it."`
}
