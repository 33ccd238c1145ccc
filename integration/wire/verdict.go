package wire

import "time"

// Verdict is what a source says about an address or a subscriber.
type Verdict struct {
	Source     string    `json:"source" maxLength:"128" doc:"Who says so."`
	SourceID   string    `json:"source_id,omitempty" maxLength:"128" doc:"The source's own id; the same again is a duplicate."`
	ObservedAt time.Time `json:"observed_at" doc:"When it happened: RFC 3339 with an offset."`
	IP         string    `json:"ip,omitempty" doc:"The address that did it. Either ip or subscriber."`
	Subscriber string    `json:"subscriber,omitempty" maxLength:"253"`
	Port       uint16    `json:"port,omitempty" minimum:"1" doc:"The subscriber's port."`
	Protocol   string    `json:"protocol,omitempty" maxLength:"128"`
	Category   string    `json:"category" maxLength:"128" doc:"botnet, malware, spam, phishing, scan, bruteforce, ddos, exposure, copyright, other, or any other word."`
	Confidence *float64  `json:"confidence,omitempty" minimum:"0" maximum:"1" doc:"None fails every min_confidence."`
	Severity   any       `json:"severity,omitempty" doc:"String or number, in the source's own scale."`
	Evidence   any       `json:"evidence,omitempty" doc:"Any JSON, at most 8192 octets."`
}

// What became of a verdict that was handed in.
const (
	VerdictAccepted  = "accepted"  // durable; it will be decided whatever happens
	VerdictDuplicate = "duplicate" // accepted before; nothing changes
	VerdictRejected  = "rejected"  // not taken; the error says why
	VerdictThrottled = "throttled" // not taken: its source has sent too many; send it again later
)

// Receipt is the answer to one verdict.
type Receipt struct {
	ID         string `json:"id" doc:"The server's id; empty if it was not taken."`
	Status     string `json:"status" enum:"accepted,duplicate,rejected,throttled"`
	Error      string `json:"error,omitempty" doc:"Why it was not taken, naming the field if one is wrong."`
	RetryAfter string `json:"retry_after,omitempty" doc:"When to send a throttled one again, e.g. 1m30s."`
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

// VerdictStatus is what became of a verdict.
type VerdictStatus struct {
	ID         string     `json:"id"`
	Source     string     `json:"source"`
	SourceID   string     `json:"source_id"`
	State      string     `json:"state" enum:"pending,unknown,ambiguous,recorded,held,acted,retracted"`
	Reason     string     `json:"reason" doc:"Why, or what it waits for."`
	Subscriber string     `json:"subscriber" doc:"Whom it was attributed to; empty while it is not."`
	Case       string     `json:"case"`
	Candidates []Holder   `json:"candidates" doc:"Who may have held the address, of an ambiguous one."`
	IP         string     `json:"ip"`
	Port       uint16     `json:"port,omitempty"`
	Category   string     `json:"category"`
	Confidence *float64   `json:"confidence"`
	ObservedAt time.Time  `json:"observed_at"`
	ReceivedAt *time.Time `json:"received_at"`
}
