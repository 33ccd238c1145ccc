package quarantine

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"
)

// JSON is UTF-8: encoding/json writes U+FFFD for every other octet, which names
// something else. A BNG chooses its values freely (RFC 2865 section 5: String is
// octets), and an order with other octets may mean another session. So a text that
// is not UTF-8 stands in JSON as base64, under another name.

// attributeJSON is how an Attribute stands in JSON.
type attributeJSON struct {
	Name        string `json:"n"`
	NameOctets  []byte `json:"nx,omitempty"`
	Value       string `json:"v"`
	ValueOctets []byte `json:"vx,omitempty"`
}

func (a Attribute) json() attributeJSON {
	var j attributeJSON
	j.Name, j.NameOctets = splitOctets(a.Name)
	j.Value, j.ValueOctets = splitOctets(a.Value)
	return j
}

func (j *attributeJSON) attribute() Attribute {
	return Attribute{joinOctets(j.Name, j.NameOctets), joinOctets(j.Value, j.ValueOctets)}
}

// splitOctets returns s as text, or as octets where it is not UTF-8.
func splitOctets(s string) (text string, octets []byte) {
	if utf8.ValidString(s) {
		return s, nil
	}
	return "", []byte(s)
}

func joinOctets(text string, octets []byte) string {
	if len(octets) > 0 {
		return string(octets)
	}
	return text
}

// MarshalJSON implements json.Marshaler. It keeps every octet.
func (a Attribute) MarshalJSON() ([]byte, error) { return json.Marshal(a.json()) }

// UnmarshalJSON implements json.Unmarshaler.
func (a *Attribute) UnmarshalJSON(text []byte) error {
	var j attributeJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return fmt.Errorf("read attribute: %w", err)
	}
	*a = j.attribute()
	return nil
}

// observedAttributeJSON is how an ObservedAttribute stands in JSON.
type observedAttributeJSON struct {
	attributeJSON
	At time.Time `json:"at"`
}

// MarshalJSON implements json.Marshaler. It keeps every octet.
func (s ObservedAttribute) MarshalJSON() ([]byte, error) {
	return json.Marshal(observedAttributeJSON{s.json(), s.At})
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *ObservedAttribute) UnmarshalJSON(text []byte) error {
	var j observedAttributeJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return fmt.Errorf("read what was shown: %w", err)
	}
	*s = ObservedAttribute{j.attribute(), j.At}
	return nil
}

// plainSession is a Session without methods.
type plainSession Session

// sessionJSON is how a Session stands in JSON.
type sessionJSON struct {
	plainSession
	IDOctets []byte `json:"acct_session_id_octets,omitempty"`
}

// MarshalJSON implements json.Marshaler. It keeps every octet of the
// Acct-Session-Id and of attributes; other texts of a session are UTF-8.
func (s Session) MarshalJSON() ([]byte, error) {
	j := sessionJSON{plainSession: plainSession(s)}
	j.ID, j.IDOctets = splitOctets(s.ID)
	return json.Marshal(j)
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Session) UnmarshalJSON(text []byte) error {
	var j sessionJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return fmt.Errorf("read session: %w", err)
	}
	j.ID = joinOctets(j.ID, j.IDOctets)
	*s = Session(j.plainSession)
	return nil
}
