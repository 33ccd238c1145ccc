package httpx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// maxDepth bounds how deep JSON may nest: nothing valid is deeper, and it costs stack.
const maxDepth = 16

// maxValues bounds the number of values of JSON, at all levels: the longest evidence and
// log-in have a few thousand, and each costs memory before it is decoded.
const maxValues = 20_000

// CheckJSON returns an error if data is not one JSON value that every decoder reads the
// same: invalid UTF-8, duplicate keys (RFC 8259 section 4), nesting deeper than 16, more
// than 20,000 values, anything after the value.
func CheckJSON(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("is not UTF-8")
	}
	d := &checker{Decoder: json.NewDecoder(bytes.NewReader(data))}
	d.UseNumber()
	if err := d.checkValue(0); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("has something after the JSON value")
	}
	return nil
}

// checker walks through one value.
type checker struct {
	*json.Decoder
	values int
}

func (d *checker) checkValue(depth int) error {
	if d.values++; d.values > maxValues {
		return fmt.Errorf("has more than %d values", maxValues)
	}
	token, err := d.Token()
	if err != nil {
		return syntax(err)
	}
	opening, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return fmt.Errorf("nests deeper than %d", maxDepth)
	}
	if opening == '{' {
		err = d.checkMembers(depth)
	} else {
		err = d.checkElements(depth)
	}
	if err != nil {
		return err
	}
	_, err = d.Token() // the closing one: More said so
	return syntax(err)
}

func (d *checker) checkMembers(depth int) error {
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return syntax(err)
		}
		key, _ := token.(string) // the decoder accepts nothing else as a key
		if seen[key] {
			return fmt.Errorf("has the key %q twice", key)
		}
		seen[key] = true
		if err := d.checkValue(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

func (d *checker) checkElements(depth int) error {
	for d.More() {
		if err := d.checkValue(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

func syntax(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("is not JSON: it ends too early")
	}
	if err != nil {
		return fmt.Errorf("is not JSON: %w", err)
	}
	return nil
}

// strictFormat reads bodies by [CheckJSON] and writes them without HTML escapes.
var strictFormat = huma.Format{
	Marshal: huma.DefaultJSONFormat.Marshal,
	Unmarshal: func(data []byte, v any) error {
		if err := CheckJSON(data); err != nil {
			return err
		}
		return json.Unmarshal(data, v)
	},
}
