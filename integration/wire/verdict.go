package wire

import "time"

// Verdict is a source's report of abuse by an address or a subscriber.
type Verdict struct {
	Source     string    `json:"source" maxLength:"128" doc:"Name of the source."`
	SourceID   string    `json:"source_id,omitempty" maxLength:"128" doc:"The source's own id; a repeated one is a duplicate."`
	ObservedAt time.Time `json:"observed_at" doc:"Time of the event: RFC 3339 with an offset."`
	IP         string    `json:"ip,omitempty" doc:"The abusive address. Either ip or subscriber."`
	Subscriber string    `json:"subscriber,omitempty" maxLength:"253"`
	Port       uint16    `json:"port,omitempty" minimum:"1" doc:"The subscriber's port."`
	Protocol   string    `json:"protocol,omitempty" maxLength:"128"`
	Category   string    `json:"category" maxLength:"128" doc:"botnet, malware, spam, phishing, scan, bruteforce, ddos, …, or any other."`
	Confidence *float64  `json:"confidence,omitempty" minimum:"0" maximum:"1" doc:"Without it, no rule with min_confidence matches."`
	Severity   any       `json:"severity,omitempty" doc:"String or number, in the source's own scale."`
	Evidence   any       `json:"evidence,omitempty" doc:"Any JSON, at most 8192 bytes."`
}

// Statuses of a receipt.
const (
	VerdictAccepted  = "accepted"  // durable: in the journal
	VerdictDuplicate = "duplicate" // accepted before; nothing changes
	VerdictRejected  = "rejected"  // invalid; see error
	VerdictThrottled = "throttled" // over a quota; send it again later
)

// Receipt is the answer to one verdict.
type Receipt struct {
	ID         string `json:"id" doc:"The verdict's id; empty if it was not accepted."`
	Status     string `json:"status" enum:"accepted,duplicate,rejected,throttled"`
	Error      string `json:"error,omitempty" doc:"Why it was not accepted; begins with the field, if one is invalid."`
	RetryAfter string `json:"retry_after,omitempty" doc:"If throttled: when to send it again, e.g. 1m30s."`
}

// Receipts is the answer to verdicts: a receipt for each, in order.
type Receipts struct {
	Results []Receipt `json:"results"`
}

// States of a verdict.
const (
	VerdictPending   = "pending"
	VerdictUnknown   = "unknown"
	VerdictAmbiguous = "ambiguous"
	VerdictRecorded  = "recorded"
	VerdictHeld      = "held"
	VerdictActed     = "acted"
	VerdictRetracted = "retracted"
)

// VerdictStatus is a verdict and its state.
type VerdictStatus struct {
	ID         string     `json:"id"`
	Source     string     `json:"source"`
	SourceID   string     `json:"source_id"`
	State      string     `json:"state" enum:"pending,unknown,ambiguous,recorded,held,acted,retracted"`
	Reason     string     `json:"reason" doc:"Why, or what it waits for."`
	Subscriber string     `json:"subscriber" doc:"Whom it is attributed to; empty: nobody yet."`
	Case       string     `json:"case"`
	Candidates []Holder   `json:"candidates" doc:"If ambiguous: who may have held the address."`
	IP         string     `json:"ip"`
	Port       uint16     `json:"port,omitempty"`
	Category   string     `json:"category"`
	Confidence *float64   `json:"confidence"`
	ObservedAt time.Time  `json:"observed_at"`
	ReceivedAt *time.Time `json:"received_at"`
}
