package acct

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// serviceMarks lists the vendor attributes which mark a record that is
// about one service within a session, with its own Acct-Session-Id or, worse,
// with the session's. A nil prefix means that the attribute alone is the mark.
//
// Cisco-Service-Info is not a mark: ISG clones put the active service into the
// records of the session itself.
var serviceMarks = []struct {
	vendor uint32
	kind   byte
	prefix []byte
	source string
}{
	{4874, 83, nil, "ERX-Service-Session: Juniper, Service Manager accounting"},
	{9, 1, []byte("parent-session-id="), "Cisco-AVPair: ISG per-flow accounting, IOS-XR service accounting"},
	{9, 52, nil, "Cisco-Parent-Session-Id: the same as an attribute of its own"},
	{2352, 197, nil, "Acct-Alt-Session-ID: SmartEdge service accounting"},
	{2352, 190, nil, "Service-Name: SmartEdge service accounting"},
}

// ParentSession returns the Acct-Session-Id of the session that a record with
// Service set belongs to, where its id has it: Junos writes "session:number"
// (subscriber management, service session ids). Empty: unknown.
func (r *Record) ParentSession() string {
	parent, number, ok := strings.Cut(r.SessionID, ":")
	if !r.Service || !ok || number == "" {
		return ""
	}
	return parent
}

// marksService reports whether the value of a Vendor-Specific attribute holds
// one of the marks. Malformed vendor attributes mark nothing.
func marksService(value []byte) bool {
	if len(value) < 4 {
		return false
	}
	vendor := binary.BigEndian.Uint32(value)
	for rest := value[4:]; len(rest) >= 2; rest = rest[rest[1]:] {
		if rest[1] < 2 || int(rest[1]) > len(rest) {
			return false
		}
		for _, mark := range serviceMarks {
			if mark.vendor == vendor && mark.kind == rest[0] && bytes.HasPrefix(rest[2:rest[1]], mark.prefix) {
				return true
			}
		}
	}
	return false
}
