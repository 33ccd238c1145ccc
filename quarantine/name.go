package quarantine

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// EscapeName writes a name as RADIUS carries it, any octets, as text that people
// can type and every log and JSON can hold: a subscriber's key. Octets that are not
// UTF-8, and characters that [CheckSubscriber] does not allow (control characters,
// U+FFFD), become \xNN, in lower-case hexadecimal digits; a \ before x is doubled,
// and one before such an octet becomes \x5c. All else stays as it is. Different
// names have different keys; [UnescapeName] is the way back.
func EscapeName(name string) string {
	if plainName(name) {
		return name
	}
	var key strings.Builder
	for i := 0; i < len(name); {
		r, size := utf8.DecodeRuneInString(name[i:])
		switch {
		case !allowed(r):
			escapeOctets(&key, name[i:i+size])
		case r == '\\' && startsEscape(strings.TrimLeft(name[i:], `\`)):
			escapeOctets(&key, `\`)
		case r == '\\' && strings.HasPrefix(name[i:], `\x`):
			key.WriteString(`\\`)
		default:
			key.WriteString(name[i : i+size])
		}
		i += size
	}
	return key.String()
}

// plainName reports whether nothing in a name is to be escaped.
func plainName(name string) bool {
	return !strings.Contains(name, `\x`) && !strings.ContainsFunc(name, func(r rune) bool { return !allowed(r) })
}

// allowed reports whether a key may hold a character as it is; one that is not
// UTF-8 is U+FFFD.
func allowed(r rune) bool { return r >= 0x20 && r != 0x7f && r != utf8.RuneError }

func startsEscape(rest string) bool {
	r, _ := utf8.DecodeRuneInString(rest)
	return rest != "" && !allowed(r)
}

const hexDigits = "0123456789abcdef"

func escapeOctets(key *strings.Builder, octets string) {
	for i := range len(octets) {
		key.WriteString(`\x`)
		key.WriteByte(hexDigits[octets[i]>>4])
		key.WriteByte(hexDigits[octets[i]&15])
	}
}

// wellEscaped reports whether each \x of a key stands for an octet. A key may escape
// more than [EscapeName] does: the text by which a name would pass for a line's key.
func wellEscaped(key string) bool {
	for at := strings.IndexByte(key, '\\'); at >= 0 && at < len(key); {
		run := len(key[at:]) - len(strings.TrimLeft(key[at:], `\`))
		rest := key[at+run:]
		if run == 1 && strings.HasPrefix(rest, "x") && (len(rest) < 3 || strings.IndexByte(hexDigits, rest[1]) < 0 ||
			strings.IndexByte(hexDigits, rest[2]) < 0) {
			return false
		}
		at += max(run, 1)
	}
	return true
}

// ErrNoKey says that no name has the key.
var ErrNoKey = errors.New(`holds a \x that stands for no octet: ` +
	`octets are \xNN in lower-case hexadecimal digits, and a \ before x is written twice`)

// UnescapeName returns the name that [EscapeName] made the key of. The error is
// ErrNoKey.
func UnescapeName(key string) (string, error) {
	if plainName(key) {
		return key, nil
	}
	var name strings.Builder
	for i := 0; i < len(key); {
		run := len(key) - i - len(strings.TrimLeft(key[i:], `\`))
		rest := key[i+run:]
		switch {
		case run == 0:
			name.WriteByte(key[i])
			i++
		case run > 1 && strings.HasPrefix(rest, "x"): // the last one is doubled
			name.WriteString(key[i:i+run-1] + "x")
			i += run + 1
		case strings.HasPrefix(rest, "x") && len(rest) > 2 && strings.IndexByte(hexDigits, rest[1]) >= 0 &&
			strings.IndexByte(hexDigits, rest[2]) >= 0:
			name.WriteByte(byte(strings.IndexByte(hexDigits, rest[1])<<4 | strings.IndexByte(hexDigits, rest[2])))
			i += 4
		default:
			name.WriteString(key[i : i+run])
			i += run
		}
	}
	if EscapeName(name.String()) != key {
		return "", ErrNoKey
	}
	return name.String(), nil
}
