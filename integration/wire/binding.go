package wire

// Binding is one line of a translator's log: a port block of a public address and who
// held it, or the time up to which the log is complete.
type Binding struct {
	IP         string  `json:"ip" doc:"The public address."`
	Ports      string  `json:"ports" doc:"Block of its ports, e.g. 1024-2047; 1-65535 for all of them."`
	From       string  `json:"from" doc:"RFC 3339 with an offset."`
	To         *string `json:"to,omitempty" doc:"RFC 3339 with an offset; none while held. Send the line again with it when released."`
	RenewedAt  string  `json:"renewed_at,omitempty" doc:"RFC 3339 with an offset; when the log last confirmed it, if it does. Not after to."`
	PrivateIP  string  `json:"private_ip,omitempty" doc:"The address behind the translator. Either private_ip or subscriber."`
	Space      string  `json:"space,omitempty" doc:"Address space of private_ip, where several have it."`
	Subscriber string  `json:"subscriber,omitempty" doc:"Either private_ip or subscriber."`
	CompleteTo string  `json:"complete_to,omitempty" doc:"Alone on its line: the log is complete up to this time. RFC 3339 with an offset."`
}

// BindingReceipt is what became of a body of bindings.
type BindingReceipt struct {
	Stored int         `json:"stored" doc:"Lines stored; a repeated line changes nothing."`
	Errors []LineFault `json:"errors" doc:"Rejected lines, at most 100 of them."`
	Failed int         `json:"failed" doc:"How many lines were rejected."`
}

// LineFault is what is wrong with one line of a body.
type LineFault struct {
	Line  int    `json:"line" doc:"From 1; of CSV, where the row begins."`
	Error string `json:"error"`
}
