package radacct

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"slices"
	"strings"
	"unicode/utf8"

	"cordon/integration/wire"
)

// MaxLines bounds the rows of one request.
const MaxLines = 5000

// maxLine bounds a line of a body, in bytes: a row has a few hundred, and each column
// costs memory before it is known to be ignored.
const maxLine = 64 << 10

// columnOrder is the known columns in a fixed order, so that the same invalid row always
// has the same error.
var columnOrder = slices.Sorted(maps.Keys(columns))

// table is a decoded body.
type table struct {
	sessions []Session
	lines    []int // line of each session
	faults   []wire.LineFault
	ignored  map[string]bool // unknown columns, as they are in the body
}

func (t *table) fault(line int, format string, args ...any) {
	t.faults = append(t.faults, wire.LineFault{Line: line, Error: fmt.Sprintf(format, args...)})
}

func (t *table) add(r *reader, line int, values row) {
	s, err := r.session(values)
	if err != nil {
		t.fault(line, "%v", err)
		return
	}
	t.sessions, t.lines = append(t.sessions, s), append(t.lines, line)
}

func (t *table) full() bool { return len(t.sessions)+len(t.faults) >= MaxLines }

var errTooMany = fmt.Errorf("more than %d rows; send them in several requests", MaxLines)

// decode decodes a body of CSV with a header (RFC 4180), or NDJSON. An error is about the
// whole body.
func (r *reader) decode(contentType string, body []byte) (*table, error) {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, fmt.Errorf("Content-Type must be text/csv or application/x-ndjson, not %q", contentType)
	}
	if line := tooLong(body); line > 0 {
		return nil, fmt.Errorf("line %d is longer than %d bytes", line, maxLine)
	}
	t := &table{ignored: map[string]bool{}}
	switch kind {
	case "text/csv":
		return t, r.decodeCSV(t, body)
	case "application/x-ndjson", "application/json":
		return t, r.decodeJSON(t, body)
	}
	return nil, fmt.Errorf("Content-Type must be text/csv or application/x-ndjson, not %q", kind)
}

// tooLong returns the number of the first line that is longer than maxLine, 0 if none is.
func tooLong(body []byte) int {
	n := 0
	for line := range bytes.Lines(body) {
		if n++; len(line) > maxLine {
			return n
		}
	}
	return 0
}

func (r *reader) decodeCSV(t *table, body []byte) error {
	rows := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
	rows.FieldsPerRecord = -1
	header, err := rows.Read()
	if err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	names := make([]string, len(header))
	for i, values := range header {
		names[i] = columnName(values)
		if !r.counts(names[i]) {
			t.ignored[values] = true
		} else if slices.Contains(names[:i], names[i]) {
			return fmt.Errorf("the header must not have %s twice", names[i])
		}
	}
	if !slices.Contains(names, "acctsessionid") {
		return errors.New("the header must have acctsessionid; the first line must be the names of the columns")
	}
	for {
		fields, err := rows.Read()
		var bad *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case t.full():
			return errTooMany
		case errors.As(err, &bad):
			t.fault(bad.StartLine, "%v", bad.Err)
			continue
		case err != nil:
			return fmt.Errorf("read: %w", err)
		}
		line, _ := rows.FieldPos(0)
		if len(fields) != len(names) {
			t.fault(line, "must have %d fields, as the header has, not %d", len(names), len(fields))
			continue
		}
		values := row{}
		for i, name := range names {
			values[name] = fields[i]
		}
		t.add(r, line, values)
	}
}

func (r *reader) decodeJSON(t *table, body []byte) error {
	line := 0
	for text := range bytes.Lines(body) {
		line++
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		if t.full() {
			return errTooMany
		}
		values, err := t.object(r, text)
		if err != nil {
			t.fault(line, "%v", err)
			continue
		}
		t.add(r, line, values)
	}
	return nil
}

// object reads a JSON object of strings and numbers; null is no value.
func (t *table) object(r *reader, text []byte) (row, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("must be UTF-8")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return nil, errors.New("must be a JSON object")
	}
	values := row{}
	for key, raw := range members {
		name := columnName(key)
		if !r.counts(name) {
			t.ignored[key] = true
			continue
		}
		if _, twice := values[name]; twice {
			return nil, fmt.Errorf("must not have %s twice", name)
		}
		value, ok := scalar(raw)
		if !ok {
			return nil, fmt.Errorf("%s: must be a string or a number", name)
		}
		values[name] = value
	}
	return values, nil
}

func scalar(raw json.RawMessage) (string, bool) {
	var text string
	switch {
	case string(raw) == "null":
		return "", true
	case raw[0] == '"':
		return text, json.Unmarshal(raw, &text) == nil
	case raw[0] == '-', raw[0] >= '0' && raw[0] <= '9':
		return string(raw), true
	}
	return "", false
}

// ignoredColumns lists the unknown columns.
func (t *table) ignoredColumns() []string {
	names := make([]string, 0, len(t.ignored))
	for name := range t.ignored {
		names = append(names, strings.ToValidUTF8(clip(name), "?"))
	}
	slices.Sort(names)
	return names[:min(len(names), 64)]
}

// clip bounds what of an input is quoted.
func clip(s string) string {
	const longest = 64
	if len(s) > longest {
		return s[:longest]
	}
	return s
}
