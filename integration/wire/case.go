package wire

import "time"

// States of a case.
const (
	StateObserving   = "observing"
	StateHeld        = "held"
	StateRestricting = "restricting"
	StateWaiting     = "waiting"
	StateRestricted  = "restricted"
	StateReleasing   = "releasing"
	StateClosed      = "closed"
)

// Case is one subscriber's restriction, what it rests on and how it stands.
type Case struct {
	ID         string         `json:"id"`
	Subscriber string         `json:"subscriber"`
	State      string         `json:"state" enum:"observing,held,restricting,waiting,restricted,releasing,closed"`
	Profile    string         `json:"profile"`
	Mode       string         `json:"mode" enum:"off,shadow,approve,enforce"`
	Rule       string         `json:"rule" doc:"Empty: a person's wish."`
	Reason     string         `json:"reason"`
	Source     string         `json:"source"`
	OpenedAt   time.Time      `json:"opened_at"`
	ExpiresAt  *time.Time     `json:"expires_at" doc:"When profile ends; then what stands under then goes on, or the case is released."`
	ClosedAt   *time.Time     `json:"closed_at" doc:"null while open."`
	Generation uint64         `json:"generation" doc:"Rises when what is wanted changes."`
	Hold       *Hold          `json:"hold" doc:"What keeps it from acting; null if nothing."`
	Rise       *Demand        `json:"rise" doc:"A more severe profile that waits for a person, while the case goes on with what it has; approve puts it in force, reject drops it. null: none. Listed with state=held."`
	Then       []Demand       `json:"then" doc:"Milder profiles that go on when this one ends, in their order."`
	Release    *Release       `json:"release" doc:"A person's decision to end it; null if none."`
	Sessions   []Session      `json:"sessions"`
	Evidence   []Evidence     `json:"verdicts"`
	Notes      []Note         `json:"notes"`
	History    []HistoryEntry `json:"history"`
}

// Demand is what a rule, or a person, wants of a case beside what is in force.
type Demand struct {
	Profile string    `json:"profile"`
	Rule    string    `json:"rule" doc:"Empty: a person's wish."`
	Reason  string    `json:"reason"`
	Source  string    `json:"source"`
	Until   time.Time `json:"until"`
	Hold    *Hold     `json:"hold" doc:"What keeps it from acting; null if nothing."`
}

// Hold is what keeps a case, or a demand, from acting until a person approves.
type Hold struct {
	Kind   string `json:"kind" enum:"mode,limit,exempt,max_sessions,flapping" doc:"flapping: by an earlier version."`
	Detail string `json:"detail"`
}

// Release is a person's decision to end a case.
type Release struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	Code   string    `json:"code"`
}

// Evidence is one verdict that a case rests on.
type Evidence struct {
	ID         string    `json:"id"`
	Source     string    `json:"source"`
	Category   string    `json:"category"`
	Confidence *float64  `json:"confidence"`
	ObservedAt time.Time `json:"observed_at"`
}

// Note is a person's remark.
type Note struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	Text string    `json:"text"`
}

// HistoryEntry is one entry of a case's history.
type HistoryEntry struct {
	At    time.Time `json:"at"`
	State string    `json:"state"`
	By    string    `json:"by" doc:"Empty: Cordon itself."`
	Text  string    `json:"text"`
}
