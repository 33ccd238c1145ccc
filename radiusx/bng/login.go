package bng

import (
	"fmt"
	"net/netip"
	"slices"

	"cordon/radiusx"
	"cordon/radiusx/acct"
	"cordon/radiusx/dialect"
)

// Desk answers for log-ins: which BNG asks, for whom, and what its
// Access-Accept is to be changed to. It goes by the same rules as accounting, so
// that the session that follows is the one that was meant. It does not know
// whether anybody is to be restricted.
type Desk struct {
	fleet  *Fleet
	key    string
	keys   *SubscriberKeys
	ignore []matcher
}

// NewDesk returns a desk for the fleet; subscriberKey and c are accounting's.
func NewDesk(fleet *Fleet, subscriberKey string, c AccountingConfig) *Desk {
	d := &Desk{fleet: fleet, key: subscriberKey, keys: c.Keys}
	for _, i := range c.Ignore {
		d.ignore = append(d.ignore, newMatcher(i))
	}
	return d
}

// LogIn is one log-in at a configured BNG.
type LogIn struct {
	Subscriber string
	bng        *member
	told       []radiusx.Attribute
}

// LogIn reads what an Access-Request tells. False: no configured BNG asks, or
// for nobody, or for a session that is never touched.
func (d *Desk) LogIn(told []radiusx.Attribute) (*LogIn, bool) {
	value := func(name string) string { v, _ := radiusx.Find(told, name); return v }
	var nas acct.NAS
	nas.IP, _ = netip.ParseAddr(value("NAS-IP-Address"))
	nas.IPv6, _ = netip.ParseAddr(value("NAS-IPv6-Address"))
	nas.Identifier = value("NAS-Identifier")
	subscriber := value(d.key)
	m := d.fleet.find(nas)
	if m == nil || m.Role == RoleLAC || subscriber == "" {
		return nil, false
	}
	record := acct.Record{UserName: value("User-Name"), Attributes: told}
	if slices.ContainsFunc(d.ignore, func(i matcher) bool { return i.matches(&record) }) {
		return nil, false
	}
	return &LogIn{Subscriber: d.keys.Key(subscriber), bng: m, told: told}, true
}

// BNG is the configured name of the BNG that asks.
func (l *LogIn) BNG() string { return l.bng.Name }

// Undo lists the profiles that an answer to this log-in can put in force, each
// with what takes it away again, as [Enforcer.Prepare] returns it. Profiles that
// make the BNG ask again, about a session that goes on, are not among them: they
// leave nothing to be taken away.
func (l *LogIn) Undo() map[string]string {
	undo := make(map[string]string, len(l.bng.Profiles))
	for name, p := range l.bng.Profiles {
		if _, err := l.Reply(name); err == nil && !l.bng.Dialect.AsksAAA(p) {
			undo[name] = encodeProfile(p)
		}
	}
	return undo
}

// Reply returns the changes to the Access-Accept that put a profile in force. An
// error says why this log-in is left alone; the session is then restricted by
// CoA after its Accounting-Start. Among the reasons is a normal profile that is
// whatever accounting showed last: of a session that begins restricted, the
// normal one would never be seen.
func (l *LogIn) Reply(profile string) ([]dialect.ReplyChange, error) {
	p, ok := l.bng.Profiles[profile]
	if !ok {
		return nil, fmt.Errorf("profile %s is not configured on BNG %s", profile, l.bng.Name)
	}
	if _, _, seen := observed(p.Normal); seen {
		return nil, fmt.Errorf("the normal profile is %s, which only an unrestricted session shows", p.Normal)
	}
	return l.bng.Dialect.Login(dialect.Request{Session: l.told, Profile: p, Options: l.bng.Options})
}
