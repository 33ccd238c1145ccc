package wire

// Subscriber is a subscriber's sessions and cases.
type Subscriber struct {
	Subscriber string        `json:"subscriber"`
	Sessions   []LiveSession `json:"sessions" doc:"Live sessions."`
	Case       *Case         `json:"case" doc:"The open case; null: none."`
	Cases      []Case        `json:"cases" doc:"The most recent cases."`
}
