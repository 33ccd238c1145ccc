package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"mime"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"cordon/integration/httpx"
	"cordon/quarantine"
)

// MaxItems bounds how many verdicts one request may carry.
const MaxItems = 1000

// ndjson is the media type of one JSON value a line.
const ndjson = "application/x-ndjson"

// errTooMany is returned for a request with more than MaxItems verdicts.
var errTooMany = fmt.Errorf("more than %d verdicts in one request; split it", MaxItems)

// Item is one verdict of a request, or why it could not be decoded.
type Item struct {
	Verdict quarantine.Verdict
	Err     error // a *quarantine.FieldError, or an error about the whole item
}

// decodeBody decodes a request's body: one verdict, an array, or NDJSON, as recognised by
// the Content-Type or the body's shape. single reports that the body was one bare
// verdict. The error is about the whole body; that of one of several verdicts is in its
// Item.
func decodeBody(contentType string, body []byte) (items []Item, single bool, err error) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil, false, errors.New("the body is empty")
	}
	media, _, _ := mime.ParseMediaType(contentType)
	switch {
	case media == ndjson:
		items, err = decodeLines(bytes.Lines(body))
	case body[0] == '[':
		items, err = decodeArray(body)
	default:
		return decodeObjects(body)
	}
	return items, false, err
}

// decodeArray decodes one verdict after the other, so that an array of far too many costs
// no more than the longest that is accepted.
func decodeArray(body []byte) ([]Item, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	if _, err := d.Token(); err != nil {
		return nil, notJSON(err)
	}
	items := []Item{}
	for d.More() {
		if len(items) == MaxItems {
			return nil, errTooMany
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, notJSON(err)
		}
		items = append(items, decodeItem(raw))
	}
	if _, err := d.Token(); err != nil {
		return nil, notJSON(err)
	}
	if len(bytes.TrimSpace(body[d.InputOffset():])) > 0 {
		return nil, errors.New("the body has something after its JSON value")
	}
	return items, nil
}

func notJSON(err error) error { return fmt.Errorf("the body is not JSON: %w", err) }

// decodeObjects decodes a body that begins with a bare value: that one, or if a line
// break and more follow it, NDJSON.
func decodeObjects(body []byte) ([]Item, bool, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	var first json.RawMessage
	if err := d.Decode(&first); err != nil {
		return nil, true, fmt.Errorf("the body is not JSON: %w", err)
	}
	rest := body[d.InputOffset():]
	if len(bytes.TrimSpace(rest)) == 0 {
		return []Item{decodeItem(first)}, true, nil
	}
	if line, _, _ := bytes.Cut(rest, []byte("\n")); len(bytes.TrimSpace(line)) > 0 {
		return nil, true, errors.New("the body has something after its JSON value")
	}
	items, err := decodeLines(func(yield func([]byte) bool) {
		if yield(first) {
			bytes.Lines(rest)(yield)
		}
	})
	return items, false, err
}

// decodeLines decodes one verdict a line and skips empty lines.
func decodeLines(lines iter.Seq[[]byte]) ([]Item, error) {
	var items []Item
	readable := false
	for line := range lines {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if len(items) == MaxItems {
			return nil, errTooMany
		}
		readable = readable || json.Valid(line)
		items = append(items, decodeItem(line))
	}
	if !readable {
		return nil, errors.New("no line of the body is JSON")
	}
	return items, nil
}

// decodeItem decodes one verdict, strictly.
func decodeItem(raw []byte) Item {
	if err := httpx.CheckJSON(raw); err != nil {
		return Item{Err: err}
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		return Item{Err: errors.New("is not a JSON object")}
	}
	var v quarantine.Verdict
	for _, m := range sortedMembers(members) {
		read, known := fields[m.name]
		if !known {
			return Item{Err: &quarantine.FieldError{Field: m.name, Reason: "unknown field"}}
		}
		if reason := read(&v, m.value); reason != "" {
			return Item{Err: &quarantine.FieldError{Field: m.name, Reason: reason}}
		}
	}
	return Item{Verdict: v}
}

type member struct {
	name  string
	value json.RawMessage
}

// sortedMembers makes which fault is reported first independent of a map's order.
func sortedMembers(members map[string]json.RawMessage) []member {
	sorted := make([]member, 0, len(members))
	for name, value := range members {
		sorted = append(sorted, member{name, value})
	}
	slices.SortFunc(sorted, func(a, b member) int { return bytes.Compare([]byte(a.name), []byte(b.name)) })
	return sorted
}

// fields decodes each field of a verdict; a decoder returns what is wrong, or "". null is
// invalid for all of them.
var fields = map[string]func(*quarantine.Verdict, json.RawMessage) string{
	"source":      func(v *quarantine.Verdict, raw json.RawMessage) string { return text(&v.Source, raw) },
	"source_id":   func(v *quarantine.Verdict, raw json.RawMessage) string { return text(&v.SourceID, raw) },
	"category":    func(v *quarantine.Verdict, raw json.RawMessage) string { return text(&v.Category, raw) },
	"protocol":    func(v *quarantine.Verdict, raw json.RawMessage) string { return text(&v.Protocol, raw) },
	"subscriber":  readSubscriber,
	"ip":          readIP,
	"port":        readPort,
	"observed_at": readObservedAt,
	"confidence":  readConfidence,
	"severity":    readSeverity,
	"evidence":    readEvidence,
}

func text(into *string, raw json.RawMessage) string {
	if raw[0] != '"' {
		return "must be a string"
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return "must be a string"
	}
	return ""
}

func readSubscriber(v *quarantine.Verdict, raw json.RawMessage) string {
	if wrong := text(&v.Subscriber, raw); wrong != "" {
		return wrong
	}
	if v.Subscriber == "" {
		return "must not be empty"
	}
	return ""
}

// readIP reads an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) as the IPv4 address
// in it.
func readIP(v *quarantine.Verdict, raw json.RawMessage) string {
	var s string
	if wrong := text(&s, raw); wrong != "" {
		return wrong
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return fmt.Sprintf("invalid IP address %q", clip(s))
	}
	v.IP = addr.Unmap()
	return ""
}

func readPort(v *quarantine.Verdict, raw json.RawMessage) string {
	n, err := strconv.ParseUint(string(raw), 10, 16)
	if err != nil || n == 0 {
		return "must be a number from 1 to 65535"
	}
	v.Port = uint16(n)
	return ""
}

// readObservedAt insists on an offset: a local time without one names 24
// different moments, and the address may have had other holders in each.
func readObservedAt(v *quarantine.Verdict, raw json.RawMessage) string {
	var s string
	if wrong := text(&s, raw); wrong != "" {
		return wrong
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return fmt.Sprintf("invalid RFC 3339 time with an offset %q, e.g. 2026-01-02T15:04:05Z", clip(s))
	}
	v.ObservedAt = at.UTC()
	return ""
}

func readConfidence(v *quarantine.Verdict, raw json.RawMessage) string {
	c, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || !(c >= 0 && c <= 1) {
		return "must be a number from 0 to 1"
	}
	v.Confidence = &c
	return ""
}

// readSeverity keeps a number as its text: sources have their own scales.
func readSeverity(v *quarantine.Verdict, raw json.RawMessage) string {
	if raw[0] == '-' || (raw[0] >= '0' && raw[0] <= '9') {
		v.Severity = string(raw)
		return ""
	}
	if text(&v.Severity, raw) != "" {
		return "must be a string or a number"
	}
	return ""
}

// readEvidence keeps any JSON value, compacted.
func readEvidence(v *quarantine.Verdict, raw json.RawMessage) string {
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return "is not JSON"
	}
	v.Evidence = compact.Bytes()
	return ""
}

// clip bounds what of an input is quoted in an error.
func clip(s string) string {
	const longest = 64
	if len(s) > longest {
		return s[:longest] + "…"
	}
	return s
}
