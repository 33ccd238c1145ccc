package acct

import (
	"fmt"
	"sync/atomic"
)

// Counter names one thing that the server counts since its start; the values
// are read with [Server.Stats]. Every datagram received ends in exactly one of
// the counters whose Dropped or Answered is true, once its handling is over.
type Counter int

// What is counted.
const (
	Received Counter = iota // datagrams read

	// Answered.
	Stored            // records that the handler made durable
	StatusServer      // Status-Server (RFC 5997)
	OtherStatus       // kinds that are not about sessions: not handled
	DuplicateAnswered // exact duplicates of a record answered a moment ago

	// Answered, though they are of no use: without an answer they would come back
	// for ever, and hold up what comes behind them through a relay.
	NoStatus      // Acct-Status-Type missing or not an integer
	UnknownStatus // Acct-Status-Type that nobody assigned
	Contradictory // two different values of Acct-Status-Type
	Rejected      // nothing of it is stored (ErrRejected)

	// Dropped without an answer.
	UnknownClient           // no client covers the source address
	Malformed               // lengths that do not add up
	WrongCode               // neither Accounting-Request nor Status-Server
	BadAuthenticator        // wrong secret, or altered on the way
	BadMessageAuthenticator // there and wrong, or missing on a Status-Server
	DuplicateInFlight       // the same record is being handled
	QueueFull               // more records wait than Config.Queue allows
	HandlerRefused          // the handler could not make it durable
	Stopped                 // still queued when the server stopped

	// Beside the datagrams.
	AnswerNotSent   // answers that the socket refused; the datagram is counted as answered
	BadAttribute    // attributes left out of a record because their value is impossible
	ReadError       // errors of a socket
	ImplausibleTime // times that cannot be, in records that were handled without them

	// Faults of records that were handled all the same.
	TooManyAttributes  // more attributes than any real record has
	NoSessionID        // Start, Stop or Interim-Update without Acct-Session-Id
	TwoUserNames       // two User-Names
	TwoNASNames        // two NAS-IP-Addresses, NAS-IPv6-Addresses or NAS-Identifiers
	TwoSessionIDs      // two Acct-Session-Ids
	TwoMultiSessionIDs // two Acct-Multi-Session-Ids
	TwoSubscriberKeys  // two of the attribute that names the subscriber
	TwoFramedIPs       // two Framed-IP-Addresses
	Undated            // of a relay, without Event-Timestamp: how long it waited there is unknown

	// Event-Timestamps that were corrected; see clock.
	ClockAhead         // of a clock that is ahead
	ClockBehind        // of a clock that is behind by a steady difference
	ClockContradictory // behind the arrival for no known reason: the time is uncertain

	// Port blocks left out of a record, or attributes of them.
	PortBlockUnreadable // not in the form of their specification
	PortBlockIncomplete // without address, first or last port, or unclear whether it is held
	PortBlockImpossible // no address that a NAT can have, or no range of ports
	PortBlocksTooMany   // records with more blocks than are read

	counterCount
)

var counters = [counterCount]struct {
	label             string
	answered, dropped bool
	peers             bool // the fault is the peer's
}{
	Received:                {"received", false, false, false},
	Stored:                  {"stored", true, false, false},
	StatusServer:            {"status_server", true, false, false},
	OtherStatus:             {"other_status", true, false, false},
	DuplicateAnswered:       {"duplicate_answered", true, false, false},
	UnknownClient:           {"unknown_client", false, true, true},
	Malformed:               {"malformed", false, true, true},
	WrongCode:               {"wrong_code", false, true, true},
	BadAuthenticator:        {"bad_authenticator", false, true, true},
	BadMessageAuthenticator: {"bad_message_authenticator", false, true, true},
	NoStatus:                {"no_status", true, false, true},
	UnknownStatus:           {"unknown_status", true, false, true},
	Contradictory:           {"contradictory", true, false, true},
	Rejected:                {"rejected", true, false, false},
	DuplicateInFlight:       {"duplicate_in_flight", false, true, false},
	QueueFull:               {"queue_full", false, true, false},
	HandlerRefused:          {"handler_refused", false, true, false},
	Stopped:                 {"stopped", false, true, false},
	AnswerNotSent:           {"answer_not_sent", false, false, false},
	BadAttribute:            {"bad_attribute", false, false, true},
	ReadError:               {"read_error", false, false, false},
	ImplausibleTime:         {"implausible_time", false, false, true},
	TooManyAttributes:       {"too_many_attributes", false, false, true},
	NoSessionID:             {"no_session_id", false, false, true},
	TwoUserNames:            {"doubled_user_name", false, false, true},
	TwoNASNames:             {"doubled_nas", false, false, true},
	TwoSessionIDs:           {"doubled_session_id", false, false, true},
	TwoMultiSessionIDs:      {"doubled_multi_session_id", false, false, true},
	TwoSubscriberKeys:       {"doubled_subscriber_key", false, false, true},
	TwoFramedIPs:            {"doubled_framed_ip", false, false, true},
	Undated:                 {"undated", false, false, true},
	ClockAhead:              {"clock_ahead", false, false, false},
	ClockBehind:             {"clock_behind", false, false, false},
	ClockContradictory:      {"clock_contradictory", false, false, false},
	PortBlockUnreadable:     {"port_block_unreadable", false, false, true},
	PortBlockIncomplete:     {"port_block_incomplete", false, false, true},
	PortBlockImpossible:     {"port_block_impossible", false, false, true},
	PortBlocksTooMany:       {"port_blocks_too_many", false, false, true},
}

// String returns the label for metrics: lower case, underscores.
func (c Counter) String() string {
	if c < 0 || c >= counterCount {
		return fmt.Sprintf("Counter(%d)", int(c))
	}
	return counters[c].label
}

// Answered reports whether the counter counts datagrams that got an answer.
func (c Counter) Answered() bool { return c >= 0 && c < counterCount && counters[c].answered }

// Dropped reports whether the counter counts datagrams without an answer.
func (c Counter) Dropped() bool { return c >= 0 && c < counterCount && counters[c].dropped }

// Stats are the values of all counters at one moment, indexed by [Counter].
type Stats [counterCount]uint64

type tally [counterCount]atomic.Uint64

func (t *tally) add(c Counter) { t[c].Add(1) }

func (t *tally) stats() (s Stats) {
	for i := range t {
		s[i] = t[i].Load()
	}
	return s
}
