package dialect

// Signing says what becomes of Message-Authenticator (RFC 3579 section 3.2, for CoA
// RFC 5176 section 3.4). The words stand in the files.
type Signing string

// The ways of signing.
const (
	SignSend         Signing = "send"          // in requests; checked in replies that have one
	SignOmit         Signing = "omit"          // the platform drops requests with one, though it is valid
	SignRequireReply Signing = "require-reply" // the platform always answers with one: a reply without is forged
)

// Stamping says what becomes of Event-Timestamp (RFC 5176 section 3.3). The words
// stand in the files.
type Stamping string

// The ways of stamping.
const (
	StampSend      Stamping = "send"
	StampOmit      Stamping = "omit"
	StampMandatory Stamping = "mandatory" // the platform drops requests without one: never to be switched off
)
