package wire

// StatusDeferred is the status of a [Deferred].
const StatusDeferred = "deferred"

// Deferred is the answer to a decision that is safe and not applied yet.
type Deferred struct {
	ID          string          `json:"id" doc:"Of the case, or the name of the BNG."`
	Status      string          `json:"status" enum:"deferred"`
	Detail      string          `json:"detail" doc:"What will happen, in a sentence."`
	UnknownHere bool            `json:"unknown_here,omitempty" doc:"The journal of the instance that was asked knows of no restriction by the case: until Redis is back nothing is sent from there. Give the decision to one of instances as well."`
	Instances   []OtherInstance `json:"instances,omitempty" doc:"The other instances that are known, one of which may have sent the restriction."`
}

// OtherInstance is where a decision is to be given as well.
type OtherInstance struct {
	Name    string `json:"name"`
	Address string `json:"address" doc:"host:port of its API, as it is known; a loopback address is the other host's own. Empty: not known."`
	Command string `json:"command" doc:"The same decision for that instance; the token is yours to name."`
}
