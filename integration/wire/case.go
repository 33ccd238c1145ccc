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

// Case is a subscriber's quarantine: what is wanted, why, and its state on every session.
type Case struct {
	ID         string         `json:"id"`
	Subscriber string         `json:"subscriber"`
	State      string         `json:"state" enum:"observing,held,restricting,waiting,restricted,releasing,closed"`
	Profile    string         `json:"profile"`
	Mode       string         `json:"mode" enum:"off,shadow,approve,enforce"`
	Rule       string         `json:"rule" doc:"Rule of the policy; empty: a manual quarantine."`
	Reason     string         `json:"reason"`
	Source     string         `json:"source"`
	OpenedAt   time.Time      `json:"opened_at"`
	ExpiresAt  *time.Time     `json:"expires_at" doc:"When profile ends; the first demand of then follows, or the release."`
	ClosedAt   *time.Time     `json:"closed_at" doc:"null while open."`
	Generation uint64         `json:"generation" doc:"Increases when what is wanted changes."`
	Hold       *Hold          `json:"hold" doc:"Why it waits for approval; null: it does not."`
	Rise       *Demand        `json:"rise" doc:"More severe profile that waits for approval, beside the present one; null: none."`
	Then       []Demand       `json:"then" doc:"Milder profiles that follow when this one ends, in order."`
	Release    *Release       `json:"release" doc:"The decision to end it; null: none."`
	Sessions   []Session      `json:"sessions"`
	Evidence   []Evidence     `json:"verdicts" doc:"The case's evidence."`
	Notes      []Note         `json:"notes"`
	History    []HistoryEntry `json:"history"`
}

// Demand is a profile that a rule or a person wants beside the present one.
type Demand struct {
	Profile string    `json:"profile"`
	Rule    string    `json:"rule" doc:"Rule of the policy; empty: a manual quarantine."`
	Reason  string    `json:"reason"`
	Source  string    `json:"source"`
	Until   time.Time `json:"until"`
	Hold    *Hold     `json:"hold" doc:"Why it waits for approval; null: it does not."`
}

// Hold is why a case or a demand waits for approval.
type Hold struct {
	Kind   string `json:"kind" enum:"mode,limit,exempt,max_sessions"`
	Detail string `json:"detail"`
}

// Release is the decision to end a case.
type Release struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	Code   string    `json:"code"`
}

// Evidence is one verdict of a case.
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
