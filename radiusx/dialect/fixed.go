package dialect

import (
	"fmt"

	"layeh.com/radius"

	"cordon/radiusx"
)

// Fixed is one request that was made before it is needed. Its attributes are octets,
// so that neither a changed dialect nor changed options or dictionaries change them;
// which session is meant is said when it is sent, for a session may have another id by
// then.
type Fixed struct {
	Code       radius.Code
	By         Identification    // what says which session is meant; Never is not used
	NAS        bool              // what the session says of its NAS comes first
	Attributes radius.Attributes // what the request changes
	NAKsIfDone bool              // the platform refuses it when it is so already
}

// Fix returns the requests that do r, in order, without saying which session is
// meant. r.Session need not identify one. Errors are those of [Dialect.Steps].
func (d *Dialect) Fix(r Request) ([]Fixed, error) {
	b, err := d.newBuilder(r)
	if err != nil {
		return nil, err
	}
	b.headless = true
	steps, err := b.all()
	if err != nil {
		return nil, err
	}
	fixed := make([]Fixed, 0, len(steps))
	for _, step := range steps {
		encoded, err := b.dictionary.EncodeAll(step.Attributes)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
		by := d.identification(identified{step.Code, r.Action != Restrict})
		by.Never = nil
		fixed = append(fixed, Fixed{Code: step.Code, By: by, NAS: d.SendsNAS, Attributes: encoded, NAKsIfDone: step.NAKsIfDone})
	}
	return fixed, nil
}

// Address makes the request about a session. d is whoever's dialect: of it, only the
// dictionary counts. An error is [ErrIdentifierMissing], wrapped with the reason.
func (d *Dialect) Address(f Fixed, reported []radiusx.Attribute) (Step, error) {
	head, err := d.identify(reported, f.By, f.NAS)
	if err != nil {
		return Step{}, err
	}
	return Step{Code: f.Code, Attributes: head, Encoded: f.Attributes, NAKsIfDone: f.NAKsIfDone}, nil
}
