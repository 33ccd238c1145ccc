package bng

import (
	"encoding/json"
	"fmt"
	"slices"

	"layeh.com/radius"

	"cordon/radiusx"
	"cordon/radiusx/dialect"
)

// residue is how steps that are still to be undone travel through the case.
type residue struct {
	Code       radius.Code `json:"code"`
	Octets     string      `json:"octets,omitempty"`     // attributes as on the wire, in base64
	Attributes []string    `json:"attributes,omitempty"` // radclient's text: of versions before
}

// encodeResidue keeps steps as octets: what is configured by the time they are sent
// does not change them.
func (m *member) encodeResidue(steps []dialect.Step) string {
	list := make([]residue, len(steps))
	for i, step := range steps {
		attributes, err := m.dictionary.EncodeAll(step.Attributes)
		if err != nil {
			panic("bng: encode residue: " + err.Error()) // Dialect.Steps has encoded it once
		}
		list[i] = residue{Code: step.Code, Octets: encodeOctets(slices.Concat(attributes, step.Encoded))}
	}
	encoded, err := json.Marshal(list)
	if err != nil {
		panic("bng: encode residue: " + err.Error()) // strings and numbers always encode
	}
	return string(encoded)
}

func decodeResidue(text string) ([]dialect.Step, error) {
	var list []residue
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("read what is to be undone: %w", err)
	}
	steps := make([]dialect.Step, len(list))
	for i, r := range list {
		steps[i] = dialect.Step{Code: r.Code, NAKsIfDone: true}
		var err error
		if steps[i].Encoded, err = decodeOctets(r.Octets); err != nil {
			return nil, err
		}
		for _, s := range r.Attributes {
			a, err := radiusx.ParseAttribute(s)
			if err != nil {
				return nil, fmt.Errorf("read what is to be undone: %w", err)
			}
			steps[i].Attributes = append(steps[i].Attributes, a)
		}
	}
	return steps, nil
}
