package acct

import "fmt"

// Status is what an accounting record reports, after Acct-Status-Type
// (RFC 2866 section 5.1).
type Status int

// The kinds of records that reach a [Handler].
const (
	Start         Status = iota + 1 // a session began
	Stop                            // a session ended
	InterimUpdate                   // a session lives
	On                              // the NAS started: none of its earlier sessions lives
	Off                             // the NAS stops: none of its sessions lives
	other                           // answered at once, not about sessions
	unassigned                      // answered at once, its meaning is unknown
)

// statuses is the one table of Acct-Status-Type: its value in the packet, ours
// and its name. Values that are not here (vendors' own, IANA's unassigned) are
// answered as well: a NAS that gets no answer to them would repeat them for ever.
var statuses = []struct {
	wire   uint32
	status Status
	name   string
}{
	{1, Start, "Start"},
	{2, Stop, "Stop"},
	{3, InterimUpdate, "Interim-Update"},
	{7, On, "Accounting-On"},
	{8, Off, "Accounting-Off"},
	{9, other, "Tunnel-Start"}, // RFC 2867
	{10, other, "Tunnel-Stop"},
	{11, other, "Tunnel-Reject"},
	{12, other, "Tunnel-Link-Start"},
	{13, other, "Tunnel-Link-Stop"},
	{14, other, "Tunnel-Link-Reject"},
	{15, other, "Failed"},
	{18, other, "Subsystem-On"}, // IANA
	{19, other, "Subsystem-Off"},
}

func statusOf(wire uint32) Status {
	for _, s := range statuses {
		if s.wire == wire {
			return s.status
		}
	}
	return unassigned
}

// String returns the name of the status in FreeRADIUS' dictionary.
func (s Status) String() string {
	switch s {
	case other:
		return "other"
	case unassigned:
		return "unassigned"
	}
	for _, row := range statuses {
		if row.status == s {
			return row.name
		}
	}
	return fmt.Sprintf("Status(%d)", int(s))
}

// ofSession reports whether the record is about one session, so that it must
// carry an Acct-Session-Id.
func (s Status) ofSession() bool { return s == Start || s == Stop || s == InterimUpdate }
