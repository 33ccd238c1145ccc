package bng

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"layeh.com/radius"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/dialect"
)

// undo is how the undo of a restriction travels through the case and the journal: the
// requests, fixed in octets when the restriction was made, and what they were made of.
// Versions before kept the names alone.
type undo struct {
	Restricted string            `json:"restricted"`
	Normal     string            `json:"normal"`
	Dialect    string            `json:"dialect,omitempty"`
	Options    map[string]string `json:"options,omitempty"`
	Steps      []fixedStep       `json:"steps,omitempty"`
}

// fixedStep is a [dialect.Fixed] in JSON.
type fixedStep struct {
	Code       radius.Code `json:"code"`
	By         []string    `json:"by"`               // identifiers; with a ? behind it, only where the session has it
	NAS        bool        `json:"nas,omitempty"`    // what the session says of its NAS comes first
	Octets     string      `json:"octets,omitempty"` // the other attributes as on the wire, in base64
	NAKsIfDone bool        `json:"moot,omitempty"`   // the BNG refuses it when it is so already
}

func (u *undo) profile() dialect.Profile {
	return dialect.Profile{Restricted: u.Restricted, Normal: u.Normal}
}

// undoOf fixes how a restriction to p is undone on this BNG. attributes are what is known
// of the session; where that is not enough the names alone are stored.
func (m *member) undoOf(p dialect.Profile, reported []radiusx.Attribute) string {
	u := undo{Restricted: p.Restricted, Normal: p.Normal, Dialect: m.Dialect.Name, Options: m.Options}
	fixed, err := m.Dialect.Fix(dialect.Request{Action: dialect.Restore, Session: reported, Profile: p, Options: m.Options})
	if err == nil {
		u.Steps = fixedSteps(fixed)
	}
	encoded, err := json.Marshal(u)
	if err != nil {
		panic("bng: encode an undo: " + err.Error()) // strings always encode
	}
	return string(encoded)
}

func fixedSteps(fixed []dialect.Fixed) []fixedStep {
	steps := make([]fixedStep, len(fixed))
	for i, f := range fixed {
		steps[i] = fixedStep{Code: f.Code, By: slices.Clone(f.By.Must), NAS: f.NAS, Octets: encodeOctets(f.Attributes),
			NAKsIfDone: f.NAKsIfDone}
		for _, name := range f.By.IfKnown {
			steps[i].By = append(steps[i].By, name+"?")
		}
	}
	return steps
}

func decodeUndo(text string) (*undo, error) {
	var u undo
	if err := json.Unmarshal([]byte(text), &u); err != nil {
		return nil, fmt.Errorf("read the undo of a restriction: %w", err)
	}
	return &u, nil
}

// fixed returns the requests as they were fixed.
func (u *undo) fixed() ([]dialect.Fixed, error) {
	fixed := make([]dialect.Fixed, len(u.Steps))
	for i, s := range u.Steps {
		attributes, err := decodeOctets(s.Octets)
		if err != nil {
			return nil, err
		}
		fixed[i] = dialect.Fixed{Code: s.Code, NAS: s.NAS, Attributes: attributes, NAKsIfDone: s.NAKsIfDone}
		for _, name := range s.By {
			if known, optional := strings.CutSuffix(name, "?"); optional {
				fixed[i].By.IfKnown = append(fixed[i].By.IfKnown, known)
			} else {
				fixed[i].By.Must = append(fixed[i].By.Must, name)
			}
		}
	}
	return fixed, nil
}

// encodeOctets writes attributes as on the wire (RFC 2865 section 5), in base64.
func encodeOctets(attributes radius.Attributes) string {
	var octets []byte
	for _, a := range attributes {
		octets = append(octets, byte(a.Type), byte(2+len(a.Attribute)))
		octets = append(octets, a.Attribute...)
	}
	return base64.StdEncoding.EncodeToString(octets)
}

func decodeOctets(text string) (radius.Attributes, error) {
	octets, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("read what is to be undone: %w", err)
	}
	attributes, err := radius.ParseAttributes(octets)
	if err != nil {
		return nil, fmt.Errorf("read what is to be undone: %w", err)
	}
	return attributes, nil
}

// errOtherDialect is why an undo cannot be made: it was not fixed in octets, and of
// another dialect than the BNG has now.
var errOtherDialect = errors.New("the restriction was made by another dialect")

// restoring returns the requests that release an applied profile on a session, as
// they were fixed when it was made; the configuration of today counts only where
// nothing was fixed. A Disconnect-Request leaves nothing to undo, on a session that is
// live all the same too.
func (m *member) restoring(s *quarantine.Session, a quarantine.AppliedProfile) ([]dialect.Step, error) {
	if a.Profile == quarantine.Disconnect {
		return nil, nil
	}
	u, err := decodeUndo(a.Undo)
	switch {
	case err != nil: // a profile without an undo
		return m.Dialect.Steps(m.request(dialect.Restore, s, m.names(a)))
	case len(u.Steps) > 0:
		return m.addressFixed(s, u)
	case u.Dialect != "" && u.Dialect != m.Dialect.Name:
		return nil, fmt.Errorf("%w, %s: set that dialect for BNG %s again until its sessions are released, or give the session up",
			errOtherDialect, u.Dialect, m.Name)
	}
	return m.encodedSteps(dialect.Request{Action: dialect.Restore, Session: m.requested(s), Profile: m.names(a), Options: m.optionsOf(u)})
}

// addressFixed addresses fixed requests to a session.
func (m *member) addressFixed(s *quarantine.Session, u *undo) ([]dialect.Step, error) {
	fixed, err := u.fixed()
	if err != nil {
		return nil, err
	}
	reported := m.requested(s)
	steps := make([]dialect.Step, len(fixed))
	for i, f := range fixed {
		if steps[i], err = m.Dialect.Address(f, reported); err != nil {
			return nil, err
		}
	}
	return steps, nil
}

// optionsOf are the options that an undo was made with; versions before did not keep
// them.
func (m *member) optionsOf(u *undo) map[string]string {
	if u.Dialect == "" {
		return m.Options
	}
	return u.Options
}

// encodedSteps returns the steps of a request whose options need not be today's: octets, so
// that no dictionary of today reads them.
func (m *member) encodedSteps(r dialect.Request) ([]dialect.Step, error) {
	dictionary, err := m.Dialect.Dictionary(r.Options)
	if err != nil {
		return nil, fmt.Errorf("dialect options: %w", err)
	}
	steps, err := m.Dialect.Steps(r)
	if err != nil {
		return nil, err //nolint:wrapcheck // the reason is for people as it is
	}
	for i := range steps {
		for step := &steps[i]; step != nil; step = step.Undo {
			if step.Encoded, err = dictionary.EncodeAll(step.Attributes); err != nil {
				return nil, fmt.Errorf("encode the request: %w", err)
			}
			step.Attributes = nil
		}
	}
	return steps, nil
}

// names is what an applied profile was called on this BNG when it was applied, which
// may differ from what the configuration says by now. An undo of a version before whose
// names the dialect does not take any more, for it was wrong about them, has today's.
func (m *member) names(a quarantine.AppliedProfile) dialect.Profile {
	today := m.Profiles[a.Profile]
	today.Normal = ResolveNormal(today.Normal, func(string) string { return "" })
	u, err := decodeUndo(a.Undo)
	if err != nil {
		return today
	}
	then := u.profile()
	if u.Dialect == "" && len(m.Dialect.Check(then, m.Options)) > 0 && today.Restricted != "" &&
		len(m.Dialect.Check(today, m.Options)) == 0 {
		return today
	}
	return then
}

// undoUnchanged reports whether an applied profile would be released by the same octets
// today, so that the platform's own way of changing it may be used.
func (m *member) undoUnchanged(a quarantine.AppliedProfile) bool {
	u, err := decodeUndo(a.Undo)
	if err != nil || u.Dialect == "" && len(u.Steps) == 0 {
		return true
	}
	if u.Dialect != m.Dialect.Name {
		return false
	}
	fixed, err := m.Dialect.Fix(dialect.Request{Action: dialect.Restore, Profile: u.profile(), Options: m.Options})
	if err != nil { // of what needs a session the options decide
		return maps.Equal(u.Options, m.Options)
	}
	return slices.EqualFunc(fixedSteps(fixed), u.Steps, fixedStep.equal)
}

func (s fixedStep) equal(other fixedStep) bool {
	return s.Code == other.Code && slices.Equal(s.By, other.By) && s.NAS == other.NAS && s.Octets == other.Octets &&
		s.NAKsIfDone == other.NAKsIfDone
}

// CanUndo says why a restriction that is in force on a session could not be released
// with the configuration of today: its BNG is not configured, or it was made by a
// version that did not keep the requests, and the dialect of today cannot make them.
func (f *Fleet) CanUndo(s quarantine.Session, a quarantine.AppliedProfile) error {
	m := f.serving(&s)
	if m == nil {
		return fmt.Errorf("BNG %s is not configured", s.BNG)
	}
	if _, err := m.restoring(&s, a); err != nil {
		return fmt.Errorf("BNG %s: %w", m.Name, err)
	}
	return nil
}
