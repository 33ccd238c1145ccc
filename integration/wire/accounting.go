package wire

import "time"

// AccountingClock is a BNG's clock as measured by the Event-Timestamp of the
// accounting that this instance receives. Where it comes from several senders, the
// sender with the largest offset is shown.
type AccountingClock struct {
	Skew      int64     `json:"skew_seconds" doc:"How far the clock that stamps its accounting is ahead of ours, to within a few seconds."`
	Steady    bool      `json:"steady" doc:"Its records agree over minutes; if false, delays without Acct-Delay-Time are possible."`
	From      string    `json:"from" doc:"The sender of these records: the BNG, or a relay."`
	Relay     bool      `json:"relay"`
	SeenAt    time.Time `json:"seen_at" doc:"When the last record with Event-Timestamp was received."`
	Corrected uint64    `json:"records_corrected" doc:"Records since the start whose time was replaced by that of their arrival."`
	Uncertain uint64    `json:"records_uncertain" doc:"Records since the start with an uncertain time, within which nothing is attributed."`
}

// BNGAccounting is the state of a BNG's accounting, over all instances.
type BNGAccounting struct {
	LastRecord *time.Time `json:"last_record" doc:"When its last record was received."`
	Reported   *time.Time `json:"reported" doc:"Time of the newest event in its records."`
	Behind     int64      `json:"behind_seconds" doc:"Age of the event in the last record when that was received, in seconds."`
	Rate       float64    `json:"records_per_second" doc:"Average rate over up to 7 days."`
	LongestGap int64      `json:"longest_gap_seconds" doc:"Longest time without a record in 7 days, in seconds."`
	Silent     string     `json:"silent,omitempty" doc:"Which of its sources is silent, and since when: later times are not attributed."`
}

// What identifies a discovered BNG in its records.
const (
	KnownByName    = "name"
	KnownBySender  = "sender"
	KnownByNothing = "nothing"
)

// Names of a discovered BNG, as Vague lists them.
const (
	NameNASIP         = "nas_ip"
	NameNASIPv6       = "nas_ipv6"
	NameNASIdentifier = "nas_identifier"
)

// DiscoveredBNG is an unknown NAS: it sends accounting to this instance and is not in
// the configuration. Only the names that its records have are set.
type DiscoveredBNG struct {
	NASIP         string    `json:"nas_ip" doc:"NAS-IP-Address."`
	NASIPv6       string    `json:"nas_ipv6"`
	NASIdentifier string    `json:"nas_identifier"`
	Sender        string    `json:"sender" doc:"Source address of its last record."`
	Relay         bool      `json:"relay" doc:"The sender is a relay."`
	KnownBy       string    `json:"known_by" enum:"name,sender,nothing" doc:"What identifies it in its records; sender: its source address."`
	Vague         []string  `json:"vague" doc:"Names that do not identify it: loopback addresses, names of another NAS."`
	Records       uint64    `json:"records" doc:"Since first_seen."`
	Sessions      int       `json:"sessions" doc:"Distinct Acct-Session-Ids, approximately."`
	FirstSeen     time.Time `json:"first_seen"`
	LastSeen      time.Time `json:"last_seen"`
}
