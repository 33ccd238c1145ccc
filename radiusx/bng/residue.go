package bng

import (
	"encoding/json"
	"fmt"

	"layeh.com/radius"

	"cordon/radiusx"
	"cordon/radiusx/dialect"
)

// residue is how steps that are still to be taken back travel through the case.
type residue struct {
	Code       radius.Code `json:"code"`
	Attributes []string    `json:"attributes"` // radclient's text
}

func encodeResidue(steps []dialect.Step) string {
	list := make([]residue, len(steps))
	for i, step := range steps {
		list[i].Code = step.Code
		for _, a := range step.Attributes {
			list[i].Attributes = append(list[i].Attributes, a.String())
		}
	}
	encoded, err := json.Marshal(list)
	if err != nil {
		panic("bng: encode residue: " + err.Error()) // strings and numbers always encode
	}
	return string(encoded)
}

// appliedProfile is how a profile's names on a BNG travel through the case.
type appliedProfile struct {
	Restricted string `json:"restricted"`
	Normal     string `json:"normal"`
}

func encodeProfile(p dialect.Profile) string {
	encoded, err := json.Marshal(appliedProfile(p))
	if err != nil {
		panic("bng: encode profile: " + err.Error()) // strings always encode
	}
	return string(encoded)
}

func decodeProfile(text string) (dialect.Profile, error) {
	var p appliedProfile
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return dialect.Profile{}, fmt.Errorf("read an applied profile: %w", err)
	}
	return dialect.Profile(p), nil
}

func decodeResidue(text string) ([]dialect.Step, error) {
	var list []residue
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("read what is to be taken back: %w", err)
	}
	steps := make([]dialect.Step, len(list))
	for i, r := range list {
		steps[i] = dialect.Step{Code: r.Code, NAKsIfDone: true}
		for _, s := range r.Attributes {
			a, err := radiusx.ParseAttribute(s)
			if err != nil {
				return nil, fmt.Errorf("read what is to be taken back: %w", err)
			}
			steps[i].Attributes = append(steps[i].Attributes, a)
		}
	}
	return steps, nil
}
