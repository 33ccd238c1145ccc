package radiusx

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// quote returns s between double quotes as radclient prints it: \" \\ \n \r \t,
// printable UTF-8 as it is, every other octet as three octal digits. Control
// and direction characters of Unicode count as not printable, so that a name
// from the network cannot rewrite a terminal.
func quote(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte('"')
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch short := strings.IndexRune("\"\\\n\r\t", r); {
		case short >= 0:
			b.WriteByte('\\')
			b.WriteByte("\"\\nrt"[short])
		case r == utf8.RuneError && n <= 1, !unicode.IsPrint(r):
			for _, c := range []byte(s[i : i+n]) {
				fmt.Fprintf(&b, "\\%03o", c)
			}
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	b.WriteByte('"')
	return b.String()
}

// unescape reads the escape at the start of s, which begins with a backslash,
// and returns its octet and its length. A backslash that begins no escape
// stands for itself, as in radclient.
func unescape(s string) (c byte, n int) {
	if len(s) < 2 {
		return '\\', 1
	}
	if at := strings.IndexByte("\"'\\nrt", s[1]); at >= 0 {
		return "\"'\\\n\r\t"[at], 2
	}
	if len(s) >= 4 && s[1] >= '0' && s[1] <= '3' && isOctal(s[2]) && isOctal(s[3]) {
		return (s[1]-'0')<<6 | (s[2]-'0')<<3 | (s[3] - '0'), 4
	}
	return '\\', 1
}

func isOctal(c byte) bool { return '0' <= c && c <= '7' }
