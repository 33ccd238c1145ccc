package radiusx

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxTag is the largest tag RFC 2868 section 3.1 allows; the smallest is 1.
const MaxTag = 31

// Attribute is one RADIUS attribute in text form, as radclient reads it.
type Attribute struct {
	Name  string // as in FreeRADIUS' dictionaries: "User-Name", "Attr-26.4874.65"
	Tag   int    // 1..MaxTag (RFC 2868); 0 = none
	Value string // without quotes and escapes; octets as 0x…, enum values by name or number
}

// Label returns the name with its tag, if it has one: "ERX-Service-Activate:1".
func (a Attribute) Label() string {
	if a.Tag == 0 {
		return a.Name
	}
	return a.Name + ":" + strconv.Itoa(a.Tag)
}

// String returns the attribute with its value always quoted, which
// [ParseAttribute] reads back. How radclient prints it depends on the
// attribute's type: see [Dictionary.Format].
func (a Attribute) String() string { return a.Label() + " = " + quote(a.Value) }

// Find returns the value of the first attribute called name, whatever its tag.
func Find(attrs []Attribute, name string) (string, bool) {
	for _, a := range attrs {
		if strings.EqualFold(a.Name, name) {
			return a.Value, true
		}
	}
	return "", false
}

// ParseAttribute reads one attribute of radclient's input syntax, such as
// `ERX-Service-Activate:1=GARDEN` or `User-Name = "alice"`. See
// [ParseAttributes] for the syntax; anything but exactly one attribute is an
// error.
func ParseAttribute(s string) (Attribute, error) {
	attrs, err := ParseAttributes(s)
	if err != nil {
		return Attribute{}, err
	}
	if len(attrs) != 1 {
		return Attribute{}, fmt.Errorf("%d attributes in %q, want one", len(attrs), s)
	}
	return attrs[0], nil
}

// ParseAttributes reads a list of attributes in radclient's input syntax,
// separated by commas or line breaks:
//
//	User-Name = "alice", Acct-Session-Id = 42
//	ERX-Service-Activate:1 = 'GARDEN'   # a comment
//
// The operators = := and += mean the same here. Values stand bare or between
// single or double quotes; within quotes \" \' \\ \n \r \t and \NNN (three octal
// digits) are escapes. Two things are errors that radclient lets pass, because
// they silently change who is meant: a # inside a bare value (radclient cuts
// the rest off) and an empty value. Names and values are not looked up in a
// dictionary; [Dictionary.Encode] does that.
func ParseAttributes(s string) ([]Attribute, error) {
	sc := scanner{in: s, line: 1}
	var attrs []Attribute
	for sc.skipToAttribute() {
		a, err := sc.attribute()
		if err == nil {
			err = sc.end()
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", sc.line, err)
		}
		attrs = append(attrs, a)
	}
	return attrs, nil
}

// scanner reads attributes from in; at is the offset of the next octet.
type scanner struct {
	in   string
	at   int
	line int // 1-based, for messages
}

func (sc *scanner) more() bool { return sc.at < len(sc.in) }

// skipToAttribute skips blanks, separators and comments; false at the end.
func (sc *scanner) skipToAttribute() bool {
	for ; sc.more(); sc.at++ {
		switch c := sc.in[sc.at]; {
		case c == '#':
			sc.skipComment()
			if !sc.more() {
				return false
			}
			sc.line++
		case c == '\n':
			sc.line++
		case !isBlank(c) && c != ',' && c != '\r':
			return true
		}
	}
	return false
}

// skipComment moves to the line break that ends the comment, or to the end.
func (sc *scanner) skipComment() {
	for sc.more() && sc.in[sc.at] != '\n' {
		sc.at++
	}
}

func (sc *scanner) skipBlanks() {
	for sc.more() && isBlank(sc.in[sc.at]) {
		sc.at++
	}
}

func (sc *scanner) attribute() (Attribute, error) {
	a := Attribute{Name: sc.word(isNameOctet)}
	if a.Name == "" {
		return a, fmt.Errorf("expected an attribute name at %q", sc.rest())
	}
	if sc.more() && sc.in[sc.at] == ':' && !strings.HasPrefix(sc.in[sc.at:], ":=") {
		sc.at++
		digits := sc.word(isDigit)
		tag, err := strconv.Atoi(digits)
		if err != nil || tag > MaxTag {
			return a, fmt.Errorf("%s: tag %q must be from 0 to %d", a.Name, digits, MaxTag)
		}
		a.Tag = tag
	}
	sc.skipBlanks()
	if !sc.operator() {
		return a, fmt.Errorf("%s: expected = at %q (a value that holds a comma needs quotes)", a.Label(), sc.rest())
	}
	sc.skipBlanks()
	value, err := sc.value()
	if err != nil {
		return a, fmt.Errorf("%s: %w", a.Label(), err)
	}
	a.Value = value
	return a, nil
}

// operator consumes one of the operators that set a value; comparisons are none.
func (sc *scanner) operator() bool {
	if strings.HasPrefix(sc.in[sc.at:], "==") {
		return false
	}
	for _, op := range []string{":=", "+=", "="} {
		if strings.HasPrefix(sc.in[sc.at:], op) {
			sc.at += len(op)
			return true
		}
	}
	return false
}

func (sc *scanner) value() (string, error) {
	if sc.more() && (sc.in[sc.at] == '"' || sc.in[sc.at] == '\'') {
		return sc.quoted()
	}
	word := sc.word(func(c byte) bool { return !isBlank(c) && c != ',' && c != '\n' && c != '\r' })
	switch {
	case word == "":
		return "", fmt.Errorf("no value")
	case strings.ContainsAny(word, "#\"'"):
		return "", fmt.Errorf("value %q must be in quotes", word)
	}
	return word, nil
}

func (sc *scanner) quoted() (string, error) {
	delimiter := sc.in[sc.at]
	sc.at++
	var b strings.Builder
	for sc.more() {
		switch c := sc.in[sc.at]; c {
		case delimiter:
			sc.at++
			return b.String(), nil
		case '\n':
			return "", fmt.Errorf("line ends inside quotes")
		case '\\':
			c, n := unescape(sc.in[sc.at:])
			b.WriteByte(c)
			sc.at += n
		default:
			b.WriteByte(c)
			sc.at++
		}
	}
	return "", fmt.Errorf("unclosed quote")
}

// end checks that an attribute is followed by a separator, a comment or nothing.
func (sc *scanner) end() error {
	sc.skipBlanks()
	if !sc.more() || strings.IndexByte(",\n\r#", sc.in[sc.at]) >= 0 {
		return nil
	}
	return fmt.Errorf("expected a comma or the line's end at %q", sc.rest())
}

// word consumes the octets that belong.
func (sc *scanner) word(belongs func(byte) bool) string {
	from := sc.at
	for sc.more() && belongs(sc.in[sc.at]) {
		sc.at++
	}
	return sc.in[from:sc.at]
}

// rest returns what follows, cut to a length that suits a message.
func (sc *scanner) rest() string {
	const most = 20
	rest, _, _ := strings.Cut(sc.in[sc.at:], "\n")
	if len(rest) > most {
		rest = rest[:most] + "…"
	}
	return rest
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isNameOctet(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || strings.IndexByte("-_./", c) >= 0
}
