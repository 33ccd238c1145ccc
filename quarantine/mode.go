package quarantine

import "fmt"

// Mode is how far a decision may go. The weaker of the overall mode and a
// rule's own wins.
type Mode uint8

// The modes, weakest first.
const (
	ModeOff     Mode = iota // verdicts are recorded, nothing is decided
	ModeShadow              // decided and recorded; no case acts, no packet exists
	ModeApprove             // every new case is held until a person approves it
	ModeEnforce             // cases act
)

var modeNames = [...]string{ModeOff: "off", ModeShadow: "shadow", ModeApprove: "approve", ModeEnforce: "enforce"}

func (m Mode) String() string { return modeNames[m] }

// MarshalText implements encoding.TextMarshaler.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Mode) UnmarshalText(text []byte) error {
	for i, name := range modeNames {
		if name == string(text) {
			*m = Mode(i)
			return nil
		}
	}
	return fmt.Errorf("unknown mode %q: must be off, shadow, approve or enforce", text)
}

// Weaker returns the weaker of two modes.
func (m Mode) Weaker(other Mode) Mode { return min(m, other) }
