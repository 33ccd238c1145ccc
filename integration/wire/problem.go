package wire

// Problem is an RFC 9457 problem document, the one form of every error answer.
type Problem struct {
	Type       string         `json:"type" doc:"Always about:blank; the status code is the type."`
	Title      string         `json:"title" doc:"Text of the status code."`
	Status     int            `json:"status" doc:"HTTP status code."`
	Detail     string         `json:"detail" doc:"What was wrong."`
	RequestID  string         `json:"request_id" doc:"X-Request-ID of the response; also in the server's log."`
	Errors     []FieldProblem `json:"errors,omitempty" doc:"The invalid fields."`
	Candidates []Holder       `json:"candidates,omitempty" doc:"Possible holders, if the target is ambiguous."`
	Missing    string         `json:"missing,omitempty" doc:"Accounting that is not stored yet: the candidates may all be wrong."`
	Lines      int            `json:"lines,omitempty" doc:"Lines to restrict, if more than attribution.max_sessions; see all_sessions."`
}

// FieldProblem is one invalid field of a request.
type FieldProblem struct {
	Location string `json:"location" doc:"E.g. body.profile, query.at, path.id."`
	Message  string `json:"message" doc:"What is wrong and what is expected."`
	Value    any    `json:"value,omitempty" doc:"The value sent, if it is short."`
}

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }
