package quarantine

import (
	"context"
	"strings"
)

// MACFinder finds sessions by the equipment at their end.
type MACFinder interface {
	// SessionsOfMAC returns the live sessions whose Calling-Station-Id is that
	// address, in any of its notations. Of several subscribers with the same
	// address those of the one that came last are found.
	SessionsOfMAC(ctx context.Context, mac string) ([]Session, error)
}

// MAC returns the hardware address of the session's Calling-Station-Id, as
// [NormalMAC] writes it; "" if that is none.
func (s *Session) MAC() string { return NormalMAC(s.Attribute("Calling-Station-Id")) }

// NormalMAC writes a hardware address as twelve lower-case digits, whatever
// stands between them; "" if text is none.
func NormalMAC(text string) string {
	digits := make([]byte, 0, 12)
	for _, c := range []byte(strings.ToLower(text)) {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f':
			digits = append(digits, c)
		case c == ':', c == '-', c == '.':
		default:
			return ""
		}
	}
	if len(digits) != 12 {
		return ""
	}
	return string(digits)
}
