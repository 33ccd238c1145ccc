package bng

import (
	"cmp"
	"errors"
	"fmt"

	"cordon/radiusx"
	"cordon/radiusx/acct"
	"cordon/radiusx/dialect"
)

// LogIns answers for log-ins: which BNG asks, for whom, and what its
// Access-Accept is to be changed to. It goes by the same rules as accounting, so
// that the session that follows is the one that was meant. It does not know
// whether anybody is to be restricted.
type LogIns struct{ subscribers }

// NewLogIns returns it for the fleet; c is accounting's. Without a c.Key the
// subscriber is the User-Name.
func NewLogIns(fleet *Fleet, c AccountingConfig) *LogIns {
	d := &LogIns{fleet.subscribers(c)}
	if len(d.key) == 0 {
		d.key = SubscriberKey{userNameTemplate}
	}
	return d
}

// LogIn is one log-in at a configured BNG.
type LogIn struct {
	Subscriber string
	bng        *member
	attributes []radiusx.Attribute
}

// LogIn reads an Access-Request. False: no configured BNG asks, or
// for nobody, or for a session that is never touched. An attribute
// Packet-Src-IP-Address (or -IPv6-) is where the request came from, which says who
// asks where the BNG's own names do not.
func (d *LogIns) LogIn(reported []radiusx.Attribute) (*LogIn, bool) {
	value := func(name string) string { v, _ := radiusx.Find(reported, name); return v }
	nas := acct.NAS{Identifier: value("NAS-Identifier"), IP: parseNAS(value("NAS-IP-Address")), IPv6: parseNAS(value("NAS-IPv6-Address"))}
	m, how := d.fleet.identify(nas, parseNAS(cmp.Or(value("Packet-Src-IP-Address"), value("Packet-Src-IPv6-Address"))))
	user := value(userNameAttribute)
	if how != identified || d.ignored(m, user, reported) {
		return nil, false
	}
	made, _, _ := d.keyOf(m).of(d.fleet.valuesOf(user, reported))
	if made.parts == nil {
		return nil, false
	}
	return &LogIn{Subscriber: d.keys.of(made, d.lines), bng: m, attributes: reported}, true
}

// BNG is the configured name of the BNG that asks, or of its redundancy group, as
// its sessions have it.
func (l *LogIn) BNG() string { return l.bng.SessionsUnder() }

// Member is the configured name of the BNG that asks.
func (l *LogIn) Member() string { return l.bng.Name }

// Undo lists the profiles that an answer to this log-in can put in force, each
// with its undo, as [Enforcer.Prepare] returns it. Profiles that
// make the BNG ask again, about a session that goes on, are not among them: they
// leave nothing to be undone.
func (l *LogIn) Undo() map[string]string {
	undo := make(map[string]string, len(l.bng.Profiles))
	for name, p := range l.bng.Profiles {
		if _, err := l.Reply(name); err == nil && !l.bng.Dialect.AsksAAA(p) {
			undo[name] = l.bng.undoOf(p, l.attributes)
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
	if len(observed(p.Normal)) > 0 {
		return nil, fmt.Errorf("the normal profile is %s, which only an unrestricted session shows", p.Normal)
	}
	if value, foreign := l.bng.foreignIn(l.attributes); foreign {
		return nil, errors.New(foreignReason(value))
	}
	return l.bng.Dialect.Login(dialect.Request{Session: l.attributes, Profile: p, Options: l.bng.Options})
}
