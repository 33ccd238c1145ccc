package authorize

// Outcome is how a log-in was answered, and why.
type Outcome uint8

// The outcomes. All but Restricted and Unreadable are a 204.
const (
	Restricted       Outcome = iota // 200: the restriction is in the answer
	Unwanted                        // nothing is wanted of this subscriber
	Unknown                         // unknown NAS, no subscriber, or an ignored session
	LeftAlone                       // the platform, or the profile, cannot be applied at log-in
	Deferred                        // paused, or the mode or an exemption defers it by now
	StoreUnavailable                // Redis did not answer in time, now or within the last second
	Unreadable                      // 400: the request is not in rlm_rest's format
)

// outcomeNames are the values of the metric's label.
var outcomeNames = [...]string{
	Restricted: "restricted", Unwanted: "unwanted", Unknown: "unknown", LeftAlone: "left_alone", Deferred: "deferred",
	StoreUnavailable: "store_unavailable", Unreadable: "unreadable",
}

// String returns the outcome's name.
func (o Outcome) String() string { return outcomeNames[o] }

// Outcomes is how many there are.
const Outcomes = len(outcomeNames)
