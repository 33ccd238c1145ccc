package wire

// QuarantineRequest asks for a restriction by hand.
type QuarantineRequest struct {
	IP         string `json:"ip,omitempty" doc:"Whoever holds it now. Exactly one of ip, subscriber and session. While accounting of this moment is not stored, after 3 s of waiting: 409 with what is missing and candidates that are not certain."`
	Port       uint16 `json:"port,omitempty" doc:"With ip: of an address whose ports are given out in blocks."`
	Space      string `json:"space,omitempty" doc:"With ip: its address space, where several have it."`
	Subscriber string `json:"subscriber,omitempty"`
	Session    string `json:"session,omitempty" doc:"BNG/Acct-Session-Id"`
	Profile    string `json:"profile"`
	Reason     string `json:"reason" doc:"Why; kept with the case."`
	For        string `json:"for,omitempty" doc:"How long, e.g. 72h or 7d; 24h if not told."`
	Override   bool   `json:"override,omitempty" doc:"Although the subscriber is exempt."`
	All        bool   `json:"all_sessions,omitempty" doc:"Although the subscriber has more lines than attribution.max_sessions: all of them are restricted. Without it the answer is 409 with the number of lines, whether the address, the session or the subscriber was named."`
	Replace    bool   `json:"replace,omitempty" doc:"Although the open case has a more severe profile, or one that goes on longer: it is dropped for this one, and the history has both. Without it the answer is 409 with both profiles and their ends."`
}

// CaseRequest is a decision about a case that needs a reason and nothing else:
// approve, reject and notes.
type CaseRequest struct {
	Reason string `json:"reason" doc:"Why; kept with the case."`
}

// ReleaseRequest ends a case.
type ReleaseRequest struct {
	Reason string `json:"reason" doc:"Why; kept with the case."`
	Code   string `json:"code,omitempty" enum:"cleaned,false_positive,wrong_line,other"`
}

// ExtendRequest moves a case's expiry.
type ExtendRequest struct {
	Reason string `json:"reason" doc:"Why; kept with the case."`
	For    string `json:"for" doc:"From now, e.g. 72h or 7d; may be sooner than before."`
}

// RetryRequest asks that what is outstanding of a case is tried now.
type RetryRequest struct {
	Reason string `json:"reason,omitempty" doc:"Why; the journal keeps it."`
}

// GiveUpRequest asks that nothing more is sent for what a case is to give back.
type GiveUpRequest struct {
	Reason  string `json:"reason" doc:"Why; kept with the case. The subscriber may stay restricted."`
	Session string `json:"session,omitempty" doc:"BNG/Acct-Session-Id: that one alone. Default: everything that the case is still to give back."`
}
