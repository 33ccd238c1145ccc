package wire

// StatusDeferred is the status of a [Deferred].
const StatusDeferred = "deferred"

// Deferred is the answer to a decision that is in the journal and not applied yet. With
// UnknownHere the journal of the answering instance has no restriction by the case, so
// that only another instance can send the release before Redis is reachable.
type Deferred struct {
	ID          string          `json:"id" doc:"ID of the case, or name of the BNG."`
	Status      string          `json:"status" enum:"deferred"`
	Detail      string          `json:"detail" doc:"What will be done, and when."`
	UnknownHere bool            `json:"unknown_here,omitempty" doc:"Nothing is sent from here until Redis is reachable: see instances."`
	Instances   []OtherInstance `json:"instances,omitempty" doc:"The other known instances, one of which may have sent the restriction."`
}

// OtherInstance is another instance to send a decision to.
type OtherInstance struct {
	Name    string `json:"name"`
	Address string `json:"address" doc:"host:port of its API; a loopback address is on the other host. Empty: unknown."`
	Command string `json:"command" doc:"The same decision as a command for that instance, without a token."`
}
