package dialect

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Fingerprint stands for what this dialect makes of a profile: two are the same
// only if the same octets would be sent for the same session. With the zero
// Profile it stands for a disconnect. Errors are those of [Dialect.Steps].
func (d *Dialect) Fingerprint(p Profile, options map[string]string) (string, error) {
	dictionary, err := d.Dictionary(options)
	if err != nil {
		return "", err
	}
	actions := []Action{Restrict, Restore}
	if p == (Profile{}) {
		actions = []Action{Disconnect}
	}
	sum := sha256.New()
	for _, action := range actions {
		steps, err := d.Steps(Request{Action: action, Session: d.exampleSession(), Profile: p, Options: options})
		if err != nil {
			return "", err
		}
		for _, step := range steps {
			attributes, err := dictionary.EncodeAll(step.Attributes)
			if err != nil {
				return "", fmt.Errorf("encode the request: %w", err)
			}
			_, _ = fmt.Fprintf(sum, "%s %d", action, step.Code) // a hash takes everything
			for _, a := range attributes {
				_, _ = fmt.Fprintf(sum, " %d:%x", a.Type, []byte(a.Attribute))
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]), nil
}
