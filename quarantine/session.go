package quarantine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// SessionKey names a session on the wire: at most one live session has it.
type SessionKey struct {
	BNG string `json:"bng"`             // configured name
	ID  string `json:"acct_session_id"` // Acct-Session-Id, byte-exact
}

// String writes the key as "BNG/Acct-Session-Id".
func (k SessionKey) String() string { return k.BNG + "/" + k.ID }

// ParseSessionKey reads "BNG/Acct-Session-Id"; the id may hold slashes.
func ParseSessionKey(s string) (SessionKey, error) {
	bng, id, ok := strings.Cut(s, "/")
	if !ok || bng == "" || id == "" {
		return SessionKey{}, &FieldError{"session", fmt.Sprintf("invalid session %q: must be BNG/Acct-Session-Id", s)}
	}
	return SessionKey{bng, id}, nil
}

// Attribute is a RADIUS attribute of a session as accounting reported it, value in
// FreeRADIUS' text form. The domain hands them through to the BNG.
type Attribute struct {
	Name  string `json:"n"`
	Value string `json:"v"`
}

// Session is one attachment of a subscriber to one BNG, identified by
// (BNG, Acct-Session-Id, start).
type Session struct {
	SessionKey
	Subscriber string    `json:"subscriber"`       // empty: nobody named it; see SessionEvent.Subscriber
	Member     string    `json:"member,omitempty"` // of a redundancy group: the BNG that sent last
	Via        Place     `json:"via,omitzero"`     // of a NAT: who held this inside address held the port blocks
	StartedAt  time.Time `json:"started_at"`
	// StartedBy: it began at some moment of [StartedAt, StartedBy]; zero: StartedAt is certain.
	StartedBy time.Time `json:"started_by,omitzero"`
	SeenAt    time.Time `json:"seen_at"`            // event time of the newest record
	EndedAt   time.Time `json:"ended_at,omitzero"`  // zero while live
	StartSeen bool      `json:"start_seen"`         // false: inferred from an Interim
	Guessed   bool      `json:"guessed,omitempty"`  // StartedAt is only when it was first reported: it began then or before
	Ignored   bool      `json:"ignored,omitempty"`  // matches ignore_sessions: never touched
	Imported  bool      `json:"imported,omitempty"` // known from another program only
	Renamed   time.Time `json:"renamed,omitzero"`   // since when it is Subscriber's; zero: no other name is known
	Named     time.Time `json:"named,omitzero"`     // newest record that bore the name; zero: SeenAt
	Disputed  bool      `json:"disputed,omitempty"` // another name was on it since too, and which came last is not known
	Forgot    time.Time `json:"forgot,omitzero"`    // intervals that ended up to then are not all in Addresses any more
	// Unsure is the latest moment at which one of the records of uncertain times may have been; zero: there were none.
	Unsure     time.Time           `json:"unsure,omitzero"`
	Addresses  []Address           `json:"addresses,omitempty"`
	Full       []AddressKind       `json:"full,omitempty"` // kinds that records have reported in full, see SessionEvent.Only
	Attributes []Attribute         `json:"attributes,omitempty"`
	Observed   []ObservedAttribute `json:"shown,omitempty"` // what accounting reported of the profiles in force, oldest first
	// Suspect: its BNG announced a restart after SeenAt, or left out three
	// Interim-Updates. Such a session gets no new restriction; releases are still
	// tried; an Interim revives it. Derived when read, never stored.
	Suspect bool `json:"suspect,omitempty"`
	// Restarted: its BNG announced a restart after SeenAt. Derived when read, never
	// stored.
	Restarted bool `json:"restarted,omitempty"`
}

// Live reports whether the session has not ended.
func (s *Session) Live() bool { return s.EndedAt.IsZero() }

// Attribute returns the session's value of the named attribute, "" if none.
func (s *Session) Attribute(name string) string {
	for _, a := range s.Attributes {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// Claimant is who holds what a session holds: a subscriber, or whoever holds the
// address before a NAT. The zero Claimant cannot be named.
type Claimant struct {
	Subscriber string `json:"subscriber,omitempty"`
	Via        Place  `json:"via,omitzero"`
}

// named reports whether it is known who it is.
func (c Claimant) named() bool { return c != Claimant{} }

// Claimant returns who holds the session.
func (s *Session) Claimant() Claimant { return Claimant{s.Subscriber, s.Via} }

// SameSession reports whether two records are about the same attachment of the
// same subscriber: an Acct-Session-Id is reused after a BNG's restart, its start
// time is not; and a session that another subscriber logged in to is the first
// one's no longer.
func SameSession(a, b *Session) bool {
	return a.Claimant() == b.Claimant() && SameAttachment(a, b)
}

// SameAttachment is SameSession whoever holds it. A Start is sent once: of two that
// name different holders, one that is not at the same moment is another session's,
// however soon it came.
func SameAttachment(a, b *Session) bool {
	if a.SessionKey != b.SessionKey {
		return false
	}
	if a.StartSeen && b.StartSeen && a.Claimant() != b.Claimant() {
		return a.StartedAt.Equal(b.StartedAt)
	}
	return nearly(a.StartedAt, b.StartedAt) || a.mayHaveBegun(b.StartedAt) || b.mayHaveBegun(a.StartedAt)
}

// mayHaveBegun reports whether a session of which only an Interim without
// session time was received may be one that began at start.
func (s *Session) mayHaveBegun(start time.Time) bool { return s.Guessed && !start.After(s.StartedAt) }

// ErrNoSession is returned for a session that is not known.
var ErrNoSession = errors.New("no such session")

// SessionReader reads sessions. Answers come from the master, never a replica.
type SessionReader interface {
	// Session returns the newest session with that key, ended or live, or ErrNoSession.
	Session(ctx context.Context, key SessionKey) (Session, error)
	// SessionsOf returns the live sessions of a subscriber.
	SessionsOf(ctx context.Context, subscriber string) ([]Session, error)
}

// ErrUnstorable is returned for an event that the session store answers for and
// cannot hold, because another program wrote what stands in its place. The store
// is there, and takes other events.
var ErrUnstorable = errors.New("the session store cannot hold the event")

// SessionRecorder records accounting.
type SessionRecorder interface {
	// Record applies events and makes the open cases of the subscribers they
	// concern due. A nil error at i means that event i is stored; other errors
	// than ErrUnstorable mean that the store is unreachable or busy.
	Record(ctx context.Context, events []SessionEvent) []error
}
