package client

import "time"

// Case is a case as the API shows it.
type Case struct {
	ID         string     `json:"id"`
	Subscriber string     `json:"subscriber"`
	State      string     `json:"state"`
	Profile    string     `json:"profile"`
	Mode       string     `json:"mode"`
	Rule       string     `json:"rule"`
	Reason     string     `json:"reason"`
	Source     string     `json:"source"`
	OpenedAt   time.Time  `json:"opened_at"`
	ExpiresAt  *time.Time `json:"expires_at"`
	ClosedAt   *time.Time `json:"closed_at"`
	Hold       *Hold      `json:"hold"`
	Release    *Release   `json:"release"`
	Sessions   []Session  `json:"sessions"`
	Verdicts   []Proof    `json:"verdicts"`
	Notes      []Note     `json:"notes"`
	History    []Step     `json:"history"`
}

// Deferred is the answer to a decision about a case or a BNG that is safe in the
// log and will be applied when the session store is back.
type Deferred struct {
	ID     string `json:"id"`     // of the case, or the name of the BNG
	Status string `json:"status"` // "deferred"
	Detail string `json:"detail"`
	// UnknownHere: the journal of the instance that was asked knows nothing of the
	// case, and nothing is sent from there before the session store is back.
	UnknownHere bool    `json:"unknown_here"`
	Instances   []Other `json:"instances"`
}

// Other is an instance to which a decision is to be given as well.
type Other struct {
	Name    string `json:"name"`
	Address string `json:"address"` // host:port, empty if it is not known
	Command string `json:"command"`
}

// Hold is what keeps a case from acting.
type Hold struct {
	Kind   string `json:"kind"`
	Detail string `json:"detail"`
}

// Release is a person's decision to end a case.
type Release struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	Code   string    `json:"code"`
}

// Session is how one session of a case stands.
type Session struct {
	BNG         string     `json:"bng"`
	SessionID   string     `json:"acct_session_id"`
	Wanted      string     `json:"wanted"`
	Enforcement string     `json:"enforcement"`
	ErrorCause  *uint32    `json:"error_cause"`
	Reason      string     `json:"reason"`
	Attempts    int        `json:"attempts"`
	UpdatedAt   *time.Time `json:"updated_at"`
	NextAt      *time.Time `json:"next_at"` // when it is tried again by itself
	Owed        bool       `json:"owed"`    // something is still to be given back
	Addresses   []string   `json:"addresses"`
}

// Proof is one verdict that a case rests on.
type Proof struct {
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

// Step is one entry of a case's history.
type Step struct {
	At    time.Time `json:"at"`
	State string    `json:"state"`
	By    string    `json:"by"`
	Text  string    `json:"text"`
}

// Holder is one subscriber's claim to an address.
type Holder struct {
	Subscriber string     `json:"subscriber"`
	BNG        string     `json:"bng"`
	SessionID  string     `json:"acct_session_id"`
	Address    string     `json:"address"`
	Space      string     `json:"space"`
	Ports      string     `json:"ports"`
	From       time.Time  `json:"from"`
	To         *time.Time `json:"to"`
	Evidence   string     `json:"evidence"`
	Side       string     `json:"side"` // of a neighbour: before or after
}

// Place is what was held, for people: the address, :its ports, @its space.
func (h *Holder) Place() string {
	place := h.Address
	if h.Ports != "" {
		place += ":" + h.Ports
	}
	if h.Space != "" {
		place += "@" + h.Space
	}
	return place
}

// Sessions answers who held an address.
type Sessions struct {
	Results    []Holder `json:"results"`
	Neighbours []Holder `json:"neighbours"`
}

// Verdict is what became of a verdict.
type Verdict struct {
	ID         string    `json:"id"`
	Source     string    `json:"source"`
	SourceID   string    `json:"source_id"`
	State      string    `json:"state"`
	Reason     string    `json:"reason"`
	Subscriber string    `json:"subscriber"`
	Case       string    `json:"case"`
	Candidates []Holder  `json:"candidates"`
	IP         string    `json:"ip"`
	Category   string    `json:"category"`
	Confidence *float64  `json:"confidence"`
	ObservedAt time.Time `json:"observed_at"`
}

// Receipt is the answer to one verdict that was handed in.
type Receipt struct {
	ID         string `json:"id"`
	Status     string `json:"status"`
	Error      string `json:"error,omitempty"`
	RetryAfter string `json:"retry_after,omitempty"` // of a throttled one
}

// BNG is a configured BNG.
type BNG struct {
	Name        string       `json:"name"`
	Group       string       `json:"group"`
	Address     string       `json:"address"`
	Dialect     string       `json:"dialect"`
	Profiles    []string     `json:"profiles"`
	Maintenance *Maintenance `json:"maintenance"`
}

// Maintenance is a window in which nothing new is restricted on a BNG.
type Maintenance struct {
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// Instance is one running server as the API shows it.
type Instance struct {
	Name       string     `json:"name"`
	ID         string     `json:"id"`
	Here       bool       `json:"here"`
	State      string     `json:"state"`
	Accounting bool       `json:"accounting"`
	SpokeAt    time.Time  `json:"spoke_at"`
	Complete   time.Time  `json:"complete"`
	Waiting    int        `json:"waiting"`
	AloneUntil *time.Time `json:"alone_until"`
	Unreadable string     `json:"unreadable"`
	Verdicts   int        `json:"verdicts"`
	At         *time.Time `json:"at"`
	By         string     `json:"by"`
	Reason     string     `json:"reason"`
}
