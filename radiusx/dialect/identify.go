package dialect

import (
	"fmt"
	"net/netip"
	"strings"

	"cordon/radiusx"
)

// nasAttributes name the NAS a session is on (RFC 5176 section 3).
var nasAttributes = []string{"NAS-IP-Address", "NAS-IPv6-Address", "NAS-Identifier"}

// identify returns the attributes that say which session is meant, in the
// dialect's order. A session that lacks one that must be there fails with
// [ErrIdentifierMissing].
func (d *Dialect) identify(reported []radiusx.Attribute, id Identification, nas bool) ([]radiusx.Attribute, error) {
	var found []radiusx.Attribute
	if nas {
		found = d.known(reported, nasAttributes)
		if len(found) == 0 {
			return nil, fmt.Errorf("%w: the session names no NAS (%s)", ErrIdentifierMissing, strings.Join(nasAttributes, ", "))
		}
	}
	for _, name := range id.Must {
		value, err := d.identifier(reported, name)
		if err != nil {
			return nil, err
		}
		found = append(found, radiusx.Attribute{Name: name, Value: value})
	}
	return append(found, d.known(reported, id.IfKnown)...), nil
}

// known returns those of names that the session has in a usable form.
func (d *Dialect) known(reported []radiusx.Attribute, names []string) []radiusx.Attribute {
	var found []radiusx.Attribute
	for _, name := range names {
		if value, err := d.identifier(reported, name); err == nil {
			found = append(found, radiusx.Attribute{Name: name, Value: value})
		}
	}
	return found
}

// identifier returns the session's one value of the attribute called name. None,
// an empty one, a wildcard, two that differ, or one that does not encode is
// [ErrIdentifierMissing].
func (d *Dialect) identifier(reported []radiusx.Attribute, name string) (string, error) {
	value, found := "", false
	for _, a := range reported {
		if !strings.EqualFold(a.Name, name) {
			continue
		}
		if found && a.Value != value {
			return "", fmt.Errorf("%w: %s is %q and %q", ErrIdentifierMissing, name, value, a.Value)
		}
		value, found = a.Value, true
	}
	switch {
	case !found:
		return "", fmt.Errorf("%w: the session has no %s", ErrIdentifierMissing, name)
	case meansNobody(value):
		return "", fmt.Errorf("%w: %s %q singles out no session", ErrIdentifierMissing, name, value)
	}
	if _, err := d.base.Encode(nil, radiusx.Attribute{Name: name, Value: value}); err != nil {
		return "", fmt.Errorf("%w: %w", ErrIdentifierMissing, err)
	}
	return value, nil
}

// meansNobody reports whether value is empty, blank, all wildcards, or an
// address that stands for "any" (RFC 2865 section 5.8: 255.255.255.255 and
// 255.255.255.254 ask the NAS or the user to choose).
func meansNobody(value string) bool {
	if strings.Trim(value, "*?% \t\r\n\x00") == "" {
		return true
	}
	if prefix, err := netip.ParsePrefix(value); err == nil {
		return prefix.Bits() == 0
	}
	addr, err := netip.ParseAddr(value)
	return err == nil && (addr.IsUnspecified() || value == "255.255.255.255" || value == "255.255.255.254")
}
