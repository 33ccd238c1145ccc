package authorize

// Outcome is what a log-in was answered with, and why.
type Outcome uint8

// The outcomes. All but Restricted and Unreadable are a 204.
const (
	Restricted       Outcome = iota // 200: the restriction is in the answer
	Unwanted                        // nothing is wanted of this subscriber
	Unknown                         // no configured BNG, no subscriber, or a session that is never touched
	LeftAlone                       // the make, or the profile, cannot be put in force at log-in
	Deferred                        // paused, or the mode or an exemption is against it by now
	StoreUnavailable                // the store did not answer in time, or not a moment ago
	Unreadable                      // 400: the request is none of rlm_rest's
)

// outcomeNames is the one table of their names, as /metrics shows them.
var outcomeNames = [...]string{
	Restricted: "restricted", Unwanted: "unwanted", Unknown: "unknown", LeftAlone: "left_alone", Deferred: "kept_back",
	StoreUnavailable: "store_away", Unreadable: "unreadable",
}

// String returns the outcome's name.
func (o Outcome) String() string { return outcomeNames[o] }

// Outcomes is how many there are.
const Outcomes = len(outcomeNames)
