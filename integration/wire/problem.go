package wire

// Problem is an RFC 9457 problem document, the one form of every error answer.
type Problem struct {
	Type       string         `json:"type" doc:"Always about:blank: the status code says what kind of problem it is."`
	Title      string         `json:"title" doc:"The status code in words."`
	Status     int            `json:"status" doc:"HTTP status code."`
	Detail     string         `json:"detail" doc:"What was wrong, in a sentence."`
	RequestID  string         `json:"request_id" doc:"The X-Request-ID of the answer; the server's log has it too."`
	Errors     []FieldProblem `json:"errors,omitempty" doc:"Each field that was wrong."`
	Candidates []Holder       `json:"candidates,omitempty" doc:"Who may have been meant, of an ambiguous target."`
	Missing    string         `json:"missing,omitempty" doc:"Which accounting is not stored yet, so that who holds the address is not certain; the candidates are those of what is stored, and may all be wrong."`
	Lines      int            `json:"lines,omitempty" doc:"How many lines would be restricted; more than attribution.max_sessions need all_sessions."`
}

// FieldProblem is one wrong field of a request.
type FieldProblem struct {
	Location string `json:"location" doc:"Where: body.profile, query.at, path.id."`
	Message  string `json:"message" doc:"What is wrong with it and what is expected."`
	Value    any    `json:"value,omitempty" doc:"What was sent, if it is short."`
}

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }
