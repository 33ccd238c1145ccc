package wire

// SessionRow is one row of a session import, as FreeRADIUS' table radacct has it.
type SessionRow struct {
	ID        string `json:"acctsessionid"`
	User      string `json:"username,omitempty"`
	NAS       string `json:"nasipaddress,omitempty" doc:"Or nasidentifier: as the BNG names itself in accounting."`
	NASName   string `json:"nasidentifier,omitempty"`
	Start     string `json:"acctstarttime" doc:"RFC 3339, or as a database writes it; without an offset only with tz."`
	Update    string `json:"acctupdatetime,omitempty" doc:"When its BNG told of it last."`
	Stop      string `json:"acctstoptime,omitempty" doc:"None: it is on line."`
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
	Accepted int         `json:"accepted" doc:"Rows that are stored, or told nothing new."`
	Skipped  int         `json:"skipped" doc:"Sessions that ended longer ago than history is kept."`
	Rejected []LineFault `json:"rejected"`
	Ignored  []string    `json:"ignored_columns"`
}
