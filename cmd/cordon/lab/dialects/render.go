package dialects

import (
	"fmt"
	"strings"

	"layeh.com/radius"

	"cordon/radiusx"
	"cordon/radiusx/bng"
	"cordon/radiusx/dialect"
)

// Rendering asks what a dialect would send.
type Rendering struct {
	Dialect    string
	Action     string // restrict, restore or disconnect
	Restricted string
	Normal     string // overlay, a name, or $Attribute|fallback
	Session    string // radclient's input syntax
	Options    map[string]string
	Hex        bool // octets of the attributes instead of text
}

// Render returns the packets apart by a blank line, as radclient would take
// them. What a platform cannot do is an error with the reason.
func Render(r Rendering) (string, error) {
	d, ok := dialect.Builtin().Get(r.Dialect)
	if !ok {
		return "", fmt.Errorf("unknown dialect %q: must be one of %s", r.Dialect, strings.Join(dialect.Builtin().Names(), ", "))
	}
	action, err := dialect.ParseAction(r.Action)
	if err != nil {
		return "", err
	}
	session, err := radiusx.ParseAttributes(r.Session)
	if err != nil {
		return "", fmt.Errorf("session: %w", err)
	}
	dictionary, err := d.Dictionary(r.Options)
	if err != nil {
		return "", err
	}
	normal := bng.ResolveNormal(r.Normal, func(attribute string) string {
		value, _ := radiusx.Find(session, attribute)
		return value
	})
	steps, err := d.Steps(dialect.Request{
		Action: action, Session: session, Profile: dialect.Profile{Restricted: r.Restricted, Normal: normal}, Options: r.Options,
	})
	if err != nil {
		return "", err
	}
	if !r.Hex {
		return dialect.Render(dictionary, steps), nil
	}
	packets := make([]string, len(steps))
	for i, step := range steps {
		attributes, err := dictionary.EncodeAll(step.Attributes)
		if err != nil {
			return "", err
		}
		if packets[i], err = hexAttributes(attributes); err != nil {
			return "", err
		}
	}
	return strings.Join(packets, "\n"), nil
}

// hexAttributes is the attributes' part of the packet; what is before it
// depends on the secret and on the moment.
func hexAttributes(attributes radius.Attributes) (string, error) {
	var octets []byte
	for _, a := range attributes {
		if len(a.Attribute) > radiusx.MaxValueLength {
			return "", fmt.Errorf("attribute %d is too long", a.Type)
		}
		octets = append(octets, byte(a.Type), byte(len(a.Attribute)+2))
		octets = append(octets, a.Attribute...)
	}
	return fmt.Sprintf("%x\n", octets), nil
}
