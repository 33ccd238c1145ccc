package authorize

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"cordon/integration/httpx"
	"cordon/quarantine"
)

// Bounds of a request. An Access-Request has at most 4,096 octets
// (RFC 2865 section 3); as JSON of rlm_rest it grows to some ten times that.
const (
	maxBody       = httpx.MaxBody
	maxAttributes = 512 // values, all attributes together
)

// errTooMany is about the request as a whole.
var errTooMany = fmt.Errorf("more than %d attributes", maxAttributes)

// decode reads what rlm_rest encodes with body = 'json': an object of attributes, each
// {"type": …, "value": […]}. A bare value or list instead of the object is accepted
// too. Values are as FreeRADIUS prints them; null and nested objects are invalid.
func decode(body []byte) ([]quarantine.Attribute, error) {
	body, octets := asText(body)
	if err := httpx.CheckJSON(body); err != nil {
		return nil, fmt.Errorf("the body %w", err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return nil, errors.New("the body is not a JSON object of attributes")
	}
	var attributes []quarantine.Attribute
	for name, raw := range members {
		values, err := valuesOf(raw)
		if err != nil {
			return nil, fmt.Errorf("%.64q %w", name, err)
		}
		for _, value := range values {
			if len(attributes) == maxAttributes {
				return nil, errTooMany
			}
			if octets {
				value = asOctets(value)
			}
			attributes = append(attributes, quarantine.Attribute{Name: bare(name), Value: value})
		}
	}
	return attributes, nil
}

// rlm_rest copies octets of a name that are not UTF-8 unchanged, which is invalid JSON.
// While the body is decoded, such octets are characters of the last private-use plane,
// 0x80 as U+10FF80, which no text has.
const firstOctet = 0x10FF00

// asText converts a body to UTF-8; octets: it was not.
func asText(body []byte) (text []byte, octets bool) {
	if utf8.Valid(body) {
		return body, false
	}
	for len(body) > 0 {
		r, size := utf8.DecodeRune(body)
		if r == utf8.RuneError && size == 1 {
			r = firstOctet + rune(body[0])
		}
		text, body = utf8.AppendRune(text, r), body[size:]
	}
	return text, true
}

// asOctets is the inverse, for a value.
func asOctets(value string) string {
	var b strings.Builder
	for _, r := range value {
		if r >= firstOctet+0x80 {
			b.WriteByte(byte(r - firstOctet))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// bare removes the list from an attribute's name: request:User-Name.
func bare(name string) string {
	if rest, ok := strings.CutPrefix(name, "request:"); ok {
		return rest
	}
	return name
}

// valuesOf reads one attribute's values.
func valuesOf(raw json.RawMessage) ([]string, error) {
	if raw = bytes.TrimSpace(raw); raw[0] == '{' {
		var object struct {
			Value json.RawMessage `json:"value"`
		}
		if err := json.Unmarshal(raw, &object); err != nil || len(object.Value) == 0 {
			return nil, errors.New("is an object without a value")
		}
		raw = bytes.TrimSpace(object.Value)
	}
	list := []json.RawMessage{raw}
	if raw[0] == '[' {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, errors.New("invalid list of values")
		}
	}
	values := make([]string, 0, len(list))
	for _, one := range list {
		value, err := scalar(one)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

// scalar reads a string, or a number or boolean as its text.
func scalar(raw json.RawMessage) (string, error) {
	switch raw[0] {
	case '"':
		var text string
		err := json.Unmarshal(raw, &text)
		return text, err
	case '{', '[', 'n':
		return "", errors.New("must have strings or numbers as values")
	}
	return string(raw), nil
}
