package wire

// QuarantineRequest is a manual quarantine.
type QuarantineRequest struct {
	IP         string `json:"ip,omitempty" doc:"Its holder now; exactly one of ip, subscriber and session. 409 with missing: uncertain."`
	Port       uint16 `json:"port,omitempty" doc:"With ip: the subscriber's port, if the address is shared by port blocks."`
	Space      string `json:"space,omitempty" doc:"With ip: its address space, if several have it."`
	Subscriber string `json:"subscriber,omitempty"`
	Session    string `json:"session,omitempty" doc:"BNG/Acct-Session-Id"`
	Profile    string `json:"profile"`
	Reason     string `json:"reason" doc:"Why; kept with the case."`
	For        string `json:"for,omitempty" doc:"Duration, e.g. 72h or 7d; default 24h."`
	Override   bool   `json:"override,omitempty" doc:"Even if the subscriber is exempt."`
	All        bool   `json:"all_sessions,omitempty" doc:"Restrict more lines than attribution.max_sessions; default: 409 with lines."`
	Replace    bool   `json:"replace,omitempty" doc:"Replace a profile that is more severe or ends later; default: 409."`
}

// CaseRequest is a decision about a case that has a reason and nothing else: approve,
// reject and notes.
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
	For    string `json:"for" doc:"Duration from now, e.g. 72h or 7d; may end sooner than before."`
}

// RetryRequest retries whatever is outstanding of a case now.
type RetryRequest struct {
	Reason string `json:"reason,omitempty" doc:"Why; kept in the journal."`
}

// GiveUpRequest abandons the release of a case's sessions: nothing more is sent.
type GiveUpRequest struct {
	Reason  string `json:"reason" doc:"Why; kept with the case. The subscriber may stay restricted."`
	Session string `json:"session,omitempty" doc:"BNG/Acct-Session-Id: that one alone. Default: every session that is still to be released."`
}
