package wire

import "time"

// AccountingClock is what the accounting that comes to the instance that is asked
// tells of a BNG's clock: of several ways on which it comes, the one that is
// furthest off.
type AccountingClock struct {
	Skew      int64     `json:"skew_seconds" doc:"How far the clock that stamps its accounting seems to be ahead of ours, within a few seconds."`
	Steady    bool      `json:"steady" doc:"The records of several minutes agree: it is the clock. If not, records may also come late without saying so."`
	From      string    `json:"from" doc:"The sender of these records: the BNG, or a relay."`
	Relay     bool      `json:"relay"`
	SeenAt    time.Time `json:"seen_at" doc:"When a record with Event-Timestamp came last."`
	Corrected uint64    `json:"records_corrected" doc:"Records whose time is that of their arrival, since the start."`
	Uncertain uint64    `json:"records_uncertain" doc:"Records whose time is uncertain, since the start: nobody is named for what lies in between."`
}

// BNGAccounting is how a BNG's accounting comes in.
type BNGAccounting struct {
	LastRecord *time.Time `json:"last_record" doc:"When its last record came."`
	Reported   *time.Time `json:"reported" doc:"Newest event that it reported, by the record's own time."`
	Behind     int64      `json:"behind_seconds" doc:"How old the freshest record was that came last."`
	Rate       float64    `json:"records_per_second" doc:"Usually: the average of up to 7 days."`
	LongestGap int64      `json:"longest_gap_seconds" doc:"Longest time without a record in 7 days."`
	Silent     string     `json:"silent,omitempty" doc:"Which source of its accounting has stopped, and since when: addresses are not attributed for later moments."`
}

// What distinguishes a discovered BNG's records from others'.
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

// DiscoveredBNG is who sends accounting to the instance that is asked and is no
// configured BNG. Of the names only those are set that it gives itself.
type DiscoveredBNG struct {
	NASIP         string    `json:"nas_ip" doc:"NAS-IP-Address."`
	NASIPv6       string    `json:"nas_ipv6"`
	NASIdentifier string    `json:"nas_identifier"`
	Sender        string    `json:"sender" doc:"Who sent its last record."`
	Relay         bool      `json:"relay" doc:"The sender relays for others."`
	KnownBy       string    `json:"known_by" enum:"name,sender,nothing" doc:"What would tell its records from others': a name, else the sender's address, which a relay hides."`
	Vague         []string  `json:"vague" doc:"Which of its names are no evidence: loopback and the like, and identifiers that another one has too."`
	Records       uint64    `json:"records" doc:"Since first_seen."`
	Sessions      int       `json:"sessions" doc:"Different Acct-Session-Ids, about."`
	FirstSeen     time.Time `json:"first_seen"`
	LastSeen      time.Time `json:"last_seen"`
}
