package bng

import "fmt"

// Role is what a BNG does for the sessions it reports.
type Role int

// The roles. On a LAC a session is only carried to an LNS, where it has its
// address and its limits: it is seen and never touched.
const (
	RoleBNG Role = iota // ends sessions; the default
	RoleLAC             // L2TP access concentrator (RFC 2661): hands sessions on
	RoleLNS             // L2TP network server: ends sessions that a LAC handed on
)

var roles = [...]string{RoleBNG: "bng", RoleLAC: "lac", RoleLNS: "lns"}

// String returns the word of the configuration.
func (r Role) String() string {
	if r < 0 || int(r) >= len(roles) {
		return fmt.Sprintf("Role(%d)", int(r))
	}
	return roles[r]
}

// UnmarshalText reads the word of the configuration; none is RoleBNG.
func (r *Role) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*r = RoleBNG
		return nil
	}
	for role, word := range roles {
		if word == string(text) {
			*r = Role(role)
			return nil
		}
	}
	return fmt.Errorf("unknown role %q: must be one of %q", text, roles)
}
