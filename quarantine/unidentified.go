package quarantine

import "strings"

// Marks that begin the ids of sessions that no BNG knows by them. A BNG's own
// Acct-Session-Id that begins with one is treated as if there were none, and no
// such id is ever sent to a BNG.
const (
	NoSessionID = "(no Acct-Session-Id) " // the record did not say which session it is about
	NotStored   = "(not stored) "         // the session's own record cannot be stored
)

// Identified reports whether the key is one that a BNG knows.
func (k SessionKey) Identified() bool {
	return k.ID != "" && !strings.HasPrefix(k.ID, NoSessionID) && !strings.HasPrefix(k.ID, NotStored)
}

// Unidentified returns events that bind each address of ev to somebody whom nobody
// can name, or to who held ev.Via, each in a session of its own whose id is mark and
// the address: so that whoever held the address before has it no more, and a later
// record about it ends what an earlier one began. Port blocks that were given back
// end theirs.
func (ev *SessionEvent) Unidentified(mark string) []SessionEvent {
	events := make([]SessionEvent, 0, len(ev.Addresses)+len(ev.Freed))
	one := func(kind SessionEventKind, a Address) {
		id := mark + Place{a.Prefix.Addr(), a.Space}.String()
		if !a.Prefix.IsSingleIP() {
			id = mark + a.Prefix.String() + strings.TrimPrefix(id, mark+a.Prefix.Addr().String())
		}
		if !a.Ports.All() {
			id += ":" + a.Ports.String()
		}
		events = append(events, SessionEvent{
			Kind: kind, Key: SessionKey{BNG: ev.Key.BNG, ID: id}, Member: ev.Member, Via: ev.Via,
			At: ev.At, Latest: ev.Latest, StartedAt: ev.StartedAt, Imported: ev.Imported, Addresses: []Address{a},
		})
	}
	for _, a := range ev.Addresses {
		one(ev.Kind, a)
	}
	for _, a := range ev.Freed {
		one(SessionEnded, a)
	}
	return events
}
