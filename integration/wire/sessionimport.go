package wire

// SessionRow is one row of a session import, as FreeRADIUS' table radacct has it.
type SessionRow struct {
	ID        string `json:"acctsessionid"`
	User      string `json:"username,omitempty"`
	NAS       string `json:"nasipaddress,omitempty" doc:"Or nasidentifier; as in the BNG's accounting."`
	NASName   string `json:"nasidentifier,omitempty"`
	Start     string `json:"acctstarttime" doc:"RFC 3339 or SQL format; without an offset only with tz."`
	Update    string `json:"acctupdatetime,omitempty" doc:"Time of its last record."`
	Stop      string `json:"acctstoptime,omitempty" doc:"None: it is live."`
	IPv4      string `json:"framedipaddress,omitempty"`
	IPv6      string `json:"framedipv6address,omitempty"`
	Prefix    string `json:"framedipv6prefix,omitempty"`
	Delegated string `json:"delegatedipv6prefix,omitempty"`
	Interface string `json:"framedinterfaceid,omitempty"`
	MultiID   string `json:"acctmultisessionid,omitempty"`
	Port      string `json:"nasportid,omitempty"`
	Calling   string `json:"callingstationid,omitempty"`
	Called    string `json:"calledstationid,omitempty"`
	Filter    string `json:"filterid,omitempty"`
	Class     string `json:"class,omitempty" doc:"0x and hexadecimal digits, or text."`
}

// ImportReceipt is what became of a body of session rows.
type ImportReceipt struct {
	Accepted int         `json:"accepted" doc:"Rows stored, or already known."`
	Skipped  int         `json:"skipped" doc:"Sessions that ended before attribution.history."`
	Rejected []LineFault `json:"rejected"`
	Ignored  []string    `json:"ignored_columns"`
}
