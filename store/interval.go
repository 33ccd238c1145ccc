package store

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"cordon/quarantine"
)

// kindLetters shortens the kinds of address.
var kindLetters = map[quarantine.AddressKind]byte{
	quarantine.FramedIP:            '4',
	quarantine.FramedIPv6Prefix:    'p',
	quarantine.DelegatedIPv6Prefix: 'd',
	quarantine.FramedIPv6Address:   'a',
	quarantine.NATPortBlock:        'n',
}

func kindOf(letter byte) (quarantine.AddressKind, bool) {
	for kind, l := range kindLetters {
		if l == letter {
			return kind, true
		}
	}
	return "", false
}

func decodeAddresses(texts []string) ([]quarantine.Address, error) {
	var addresses []quarantine.Address
	for _, text := range texts {
		a, err := parseAddress(text)
		if err != nil {
			return nil, fmt.Errorf("session record with address %q: %w", text, err)
		}
		addresses = append(addresses, a)
	}
	return addresses, nil
}

// formatAddress writes an interval as its kind's letter, the prefix, and what of the
// rest there is: #ports, @space, and behind semicolons, each with a letter of its own,
// since when (s, y: by when at the latest), until when (u), what confirms it last
// (h), what reported it first (b; + if that is since when), whether that was after
// the Start (i), that nothing reports its end (e), and of whom (o, v). Times are base 36 ms.
func formatAddress(a *quarantine.Address) (string, error) {
	letter, ok := kindLetters[a.Kind]
	if !ok || !a.Prefix.IsValid() || (a.Kind == quarantine.NATPortBlock) == a.Ports.All() {
		return "", fmt.Errorf("%s %s is no storable address", a.Kind, a.Prefix)
	}
	text := string(letter) + formatPrefix(a.Prefix)
	if !a.Ports.All() {
		text += "#" + a.Ports.String()
	}
	text += inSpace(a.Space)
	began := stamp(a.Began)
	if began != "" && a.Began.Equal(a.Since) {
		began = "+"
	}
	for _, part := range []struct{ letter, value string }{
		{"s", stamp(a.Since)}, {"y", stamp(a.SinceBy)}, {"u", stamp(a.Until)}, {"h", stamp(a.Shown)}, {"b", began},
		{"o", escape(a.Of.Subscriber)}, {"v", formatPlace(a.Of.Via)},
	} {
		if part.value != "" {
			text += ";" + part.letter + part.value
		}
	}
	if a.Inferred {
		text += ";i"
	}
	if a.OpenEnd {
		text += ";e"
	}
	return text, nil
}

// parseAddress reads what formatAddress wrote. The text is untrusted.
func parseAddress(text string) (quarantine.Address, error) {
	var a quarantine.Address
	parts := strings.Split(text, ";")
	prefix, space, _ := strings.Cut(parts[0], "@")
	prefix, ports, _ := strings.Cut(prefix, "#")
	var ok bool
	var errs [3]error
	if prefix == "" {
		return a, errors.New("wrong form")
	}
	if a.Kind, ok = kindOf(text[0]); !ok {
		return a, errors.New("unknown kind")
	}
	a.Prefix, errs[0] = parsePrefix(prefix[1:])
	a.Ports, errs[1] = quarantine.ParsePortRange(ports)
	a.Space, errs[2] = url.PathUnescape(space)
	if (a.Kind == quarantine.NATPortBlock) == a.Ports.All() {
		return a, errors.New("ports of the wrong kind of address")
	}
	if err := errors.Join(errs[:]...); err != nil {
		return a, err
	}
	for _, part := range parts[1:] {
		if err := parseInterval(&a, part); err != nil {
			return a, err
		}
	}
	return a, nil
}

// parseInterval reads one part of what formatAddress wrote of an interval.
func parseInterval(a *quarantine.Address, part string) (err error) {
	if part == "" {
		return errors.New("wrong form")
	}
	value := part[1:]
	switch part[0] {
	case 's':
		a.Since, err = parseStamp(value)
	case 'y':
		a.SinceBy, err = parseStamp(value)
	case 'u':
		a.Until, err = parseStamp(value)
	case 'h':
		a.Shown, err = parseStamp(value)
	case 'b':
		if a.Began = a.Since; value != "+" {
			a.Began, err = parseStamp(value)
		}
	case 'o':
		a.Of.Subscriber, err = url.PathUnescape(value)
	case 'v':
		a.Of.Via, err = parsePlace(value)
	case 'i':
		a.Inferred = true
	case 'e':
		a.OpenEnd = true
	default:
		err = errors.New("wrong form")
	}
	return err
}

// formatPrefix leaves the length out where it is all bits.
func formatPrefix(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return netip.ParsePrefix(s)
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return addr.Prefix(addr.BitLen())
}

// formatPlace writes a place, "" if it is none.
func formatPlace(at quarantine.Place) string {
	if !at.IsValid() {
		return ""
	}
	return at.Addr.String() + inSpace(at.Space)
}

func parsePlace(text string) (quarantine.Place, error) {
	addr, space, _ := strings.Cut(text, "@")
	var at quarantine.Place
	var errs [2]error
	at.Addr, errs[0] = netip.ParseAddr(addr)
	at.Space, errs[1] = url.PathUnescape(space)
	return at, errors.Join(errs[:]...)
}

// parseVia reads a place that need not be there.
func parseVia(text string) (quarantine.Place, error) {
	if text == "" {
		return quarantine.Place{}, nil
	}
	return parsePlace(text)
}
