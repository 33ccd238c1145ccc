package probe

// Verdict is what a probe found out. Its names are stable: programs read them.
type Verdict int

// The verdicts.
const (
	// Silent: no authentic reply came, whatever was tried.
	Silent Verdict = iota
	// PortRefused: ICMP says that the port is closed.
	PortRefused
	// Unreachable: the network, or this host, says that there is no route.
	Unreachable
	// Alive: it answers as it should and does not know the session.
	Alive
	// AcksAnything: it acknowledges a change to a session that does not exist.
	AcksAnything
	// MatchesSeveral: it found several sessions where there can be none (508).
	MatchesSeveral
	// NotUs: it accepts this from another client only, or for another BNG (403, 501).
	NotUs
	// NoCoA: what answers there does no CoA (405, 406).
	NoCoA
	// RefusesAttributes: it does not accept the dialect's identifiers (401).
	RefusesAttributes
	// ProxyError: a proxy on the way could not pass it on (502, 505).
	ProxyError
	// Busy: it has no room for the request now (506).
	Busy
	// ClockSkew: its clock and ours are too far apart.
	ClockSkew
	// WrongSecret: it answers, signed with another secret.
	WrongSecret
	// BadMessageAuthenticator: the secret is right, the answer's signature wrong.
	BadMessageAuthenticator
	// NoMessageAuthenticator: answers lack the signature that we require.
	NoMessageAuthenticator
	// WrongCode: its answer is none to a CoA-Request.
	WrongCode
	// Malformed: it answers with what is no RADIUS packet.
	Malformed
	// AnswersFromElsewhere: the answer leaves from another port than was asked.
	AnswersFromElsewhere
	// WrongPort: it answers on another port than the configured one.
	WrongPort
	// MessageAuthenticator: it answers only with the other setting of it.
	MessageAuthenticator
	// EventTimestamp: it answers only with the other setting of it.
	EventTimestamp
	// BothSettings: it answers only with both settings changed.
	BothSettings
)

// Exit is what a command ends with.
type Exit int

// How far a BNG was reached.
const (
	ExitAlive   Exit = 0
	ExitWrong   Exit = 1 // reachable, and something is wrong
	ExitNothing Exit = 3 // no reply
)

// verdicts is the one table of verdicts: their names, and how far they reach.
var verdicts = [...]struct {
	name string
	exit Exit
}{
	Silent:                  {"silent", ExitNothing},
	PortRefused:             {"port-refused", ExitNothing},
	Unreachable:             {"unreachable", ExitNothing},
	Alive:                   {"alive", ExitAlive},
	AcksAnything:            {"acks-anything", ExitWrong},
	MatchesSeveral:          {"matches-several", ExitWrong},
	NotUs:                   {"not-us", ExitWrong},
	NoCoA:                   {"no-coa", ExitWrong},
	RefusesAttributes:       {"refuses-attributes", ExitWrong},
	ProxyError:              {"proxy-error", ExitWrong},
	Busy:                    {"busy", ExitWrong},
	ClockSkew:               {"clock-skew", ExitWrong},
	WrongSecret:             {"wrong-secret", ExitWrong},
	BadMessageAuthenticator: {"bad-message-authenticator", ExitWrong},
	NoMessageAuthenticator:  {"no-message-authenticator", ExitWrong},
	WrongCode:               {"wrong-code", ExitWrong},
	Malformed:               {"malformed", ExitWrong},
	AnswersFromElsewhere:    {"answers-from-elsewhere", ExitWrong},
	WrongPort:               {"wrong-port", ExitWrong},
	MessageAuthenticator:    {"message-authenticator", ExitWrong},
	EventTimestamp:          {"event-timestamp", ExitWrong},
	BothSettings:            {"both-settings", ExitWrong},
}

// String returns the verdict's name.
func (v Verdict) String() string { return verdicts[v].name }

// MarshalText writes the verdict's name.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// Exit returns how far the BNG was reached.
func (v Verdict) Exit() Exit { return verdicts[v].exit }
