package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordon/quarantine"
)

// record is a session as this package keeps it. Times have millisecond
// precision.
type record struct {
	quarantine.Session
	version uint64    // rises with every write; orders entries of the subscriber index
	began   time.Time // StartedAt when first stored; distinguishes reuses of the key in bindings
	// replaced are earlier sessions under the key that a later one ended. They
	// stay with the record so that a repeated accounting record closes their
	// bindings even if the first one was stored half.
	replaced []record
	fresh    int      // how many of replaced, the last ones, the batch under way has added
	dropped  []record // what trim took out of replaced
}

// earlier lists the sessions under the key whose ends are to be written.
func (r *record) earlier() []record { return slices.Concat(r.dropped, r.replaced) }

// trim takes out of replaced what has stood there for long, so that its end is
// written once more and then no longer. What the batch under way has added stays:
// its end was never written.
func (r *record) trim() {
	drop := 0
	for old := r.replaced[:len(r.replaced)-r.fresh]; drop < len(old); drop++ {
		if len(r.replaced)-drop <= maxReplaced && r.SeenAt.Sub(old[drop].EndedAt) <= replacedFor {
			break
		}
	}
	r.dropped, r.replaced = r.replaced[:drop], r.replaced[drop:]
}

// nextVersion gives the record its next version. It is also a time in ms, so that a
// record that is lost does not begin again with versions that it has had.
func (r *record) nextVersion(now time.Time) {
	r.version = max(r.version+1, uint64(max(now.UnixMilli(), 0)))
}

// A record carries this many replaced sessions, beside those of one batch, and each
// for this long: well beyond the time in which a BNG repeats an unanswered accounting
// record.
const (
	maxReplaced = 3
	replacedFor = time.Hour
)

// maxRecord is the size, in octets, above which a record is none of ours: an
// accounting record is at most 4096 octets (RFC 2866 section 3), and a session has
// at most some thousand intervals at a time, as those that it replaced had.
const maxRecord = 1 << 20

// wireSession is the JSON form of record. BNG and id stand in the key, version
// and SeenAt in the head.
type wireSession struct {
	Subscriber string        `json:"u"`           // escaped; empty: nobody named it
	Via        string        `json:"v,omitempty"` // place
	Member     string        `json:"m,omitempty"` // escaped
	Begin      string        `json:"b"`           // StartedAt, base 36 ms
	Began      int64         `json:"i,omitempty"` // ms less Begin
	Seen       int64         `json:"s,omitempty"` // of a replaced session: SeenAt, ms less Begin
	End        *int64        `json:"e,omitempty"` // EndedAt, ms less Begin
	StartedBy  string        `json:"y,omitempty"` // this and the next four: base 36 ms
	Renamed    string        `json:"c,omitempty"`
	Named      string        `json:"n,omitempty"`
	Forgot     string        `json:"o,omitempty"`
	Unsure     string        `json:"q,omitempty"`
	Flags      string        `json:"f,omitempty"` // as of a binding, and g: the start is guessed, d: the name is disputed
	Full       string        `json:"k,omitempty"` // kinds' letters
	Addresses  []string      `json:"a,omitempty"` // see formatAddress
	Attributes []string      `json:"t,omitempty"` // escaped; name, value, name, …
	Shown      [][3]string   `json:"h,omitempty"` // escaped; when: base 36 ms, "" for SeenAt
	Replaced   []wireSession `json:"r,omitempty"`

	start int64 // Begin, ms
}

func (r *record) encode() (string, error) {
	w, err := r.wire()
	if err != nil {
		return "", err
	}
	w.Seen = 0 // it stands in the head
	text, err := json.Marshal(w)
	return seenText(r.SeenAt) + versionText(r.version) + string(text), err
}

// seenDigits is how many digits of a record say when its session was seen last.
const seenDigits = 9

// seenText and versionText make the head of a record: what of it a renewal
// changes, and what it changes with everything else. Together with it stand the
// times of what was shown when the session was seen last.
func seenText(at time.Time) string {
	digits := stamp(at)
	return strings.Repeat("0", max(0, seenDigits-len(digits))) + digits
}

func versionText(version uint64) string { return strconv.FormatUint(version, 36) }

// cutHead reads and takes off the head.
func cutHead(text string) (seen time.Time, version uint64, rest string, err error) {
	brace := strings.IndexByte(text, '{')
	if brace <= seenDigits {
		return seen, 0, "", errors.New("session record without a head")
	}
	seen, errSeen := parseStamp(text[:seenDigits])
	version, errVersion := strconv.ParseUint(text[seenDigits:brace], 36, 64)
	return seen, version, text[brace:], errors.Join(errSeen, errVersion)
}

func (r *record) wire() (wireSession, error) {
	w := wireSession{
		Subscriber: escape(r.Subscriber), Begin: stamp(r.StartedAt), start: r.StartedAt.UnixMilli(),
		Flags: flags(r.StartSeen, r.Ignored),
	}
	w.Flags += letter(r.Guessed, "g") + letter(r.Imported, "m") + letter(r.Disputed, "d")
	w.Via, w.Member = formatPlace(r.Via), escape(r.Member)
	w.StartedBy, w.Renamed, w.Named = stamp(r.StartedBy), stamp(r.Renamed), stamp(r.Named)
	w.Forgot, w.Unsure = stamp(r.Forgot), stamp(r.Unsure)
	for _, kind := range r.Full {
		w.Full += string(kindLetters[kind])
	}
	w.Began, w.Seen = r.began.UnixMilli()-w.start, r.SeenAt.UnixMilli()-w.start
	if !r.Live() {
		end := r.EndedAt.UnixMilli() - w.start
		w.End = &end
	}
	for i := range r.Addresses {
		text, err := formatAddress(&r.Addresses[i])
		if err != nil {
			return w, fmt.Errorf("session %s: %w", r.SessionKey, err)
		}
		w.Addresses = append(w.Addresses, text)
	}
	for _, a := range r.Attributes {
		w.Attributes = append(w.Attributes, escapeText(a.Name), escapeText(a.Value))
	}
	for _, a := range r.Observed {
		at := ""
		if !a.At.Equal(r.SeenAt) {
			at = stamp(a.At)
		}
		w.Shown = append(w.Shown, [3]string{escapeText(a.Name), escapeText(a.Value), at})
	}
	for i := range r.replaced {
		older, err := r.replaced[i].wire()
		if err != nil {
			return w, err
		}
		w.Replaced = append(w.Replaced, older)
	}
	return w, nil
}

// decodeRecord reads what encode wrote. The text is untrusted.
func decodeRecord(key quarantine.SessionKey, text string) (record, error) {
	if len(text) > maxRecord {
		return record{}, fmt.Errorf("session record of %d octets", len(text))
	}
	seen, version, rest, err := cutHead(text)
	if err != nil {
		return record{}, err
	}
	var w wireSession
	if err := json.Unmarshal([]byte(rest), &w); err != nil {
		return record{}, fmt.Errorf("session record: %w", err)
	}
	started, err := parseStamp(w.Begin)
	if err != nil {
		return record{}, err
	}
	w.Seen = seen.UnixMilli() - started.UnixMilli()
	r, err := w.record(key)
	r.version = version
	return r, err
}

func (w *wireSession) record(key quarantine.SessionKey) (record, error) {
	started, errStart := parseStamp(w.Begin)
	w.start = started.UnixMilli()
	if errStart != nil || !plausible(w.start) || !plausible(w.start+w.Seen) || !plausible(w.start+w.Began) {
		return record{}, fmt.Errorf("session record without times")
	}
	r := record{began: fromMilli(w.start + w.Began)}
	r.SessionKey = key
	err := w.names(&r)
	if err != nil {
		return record{}, err
	}
	r.StartedAt, r.SeenAt = fromMilli(w.start), fromMilli(w.start+w.Seen)
	if w.End != nil {
		if !plausible(w.start + *w.End) {
			return record{}, fmt.Errorf("session record with an impossible end")
		}
		r.EndedAt = fromMilli(w.start + *w.End)
	}
	r.StartSeen, r.Ignored = strings.Contains(w.Flags, "s"), strings.Contains(w.Flags, "i")
	r.Guessed, r.Imported, r.Disputed = strings.Contains(w.Flags, "g"), strings.Contains(w.Flags, "m"), strings.Contains(w.Flags, "d")
	if r.Addresses, err = decodeAddresses(w.Addresses); err != nil {
		return record{}, err
	}
	if r.Attributes, err = decodeAttributes(w.Attributes); err != nil {
		return record{}, err
	}
	if r.Observed, err = decodeShown(w.Shown, r.SeenAt); err != nil {
		return record{}, err
	}
	for i := range w.Replaced {
		w.Replaced[i].Replaced = nil // none has any; nesting by another program is cut
		older, err := w.Replaced[i].record(key)
		if err != nil {
			return record{}, err
		}
		r.replaced = append(r.replaced, older)
	}
	return r, nil
}

// names reads whose session it is, and the times that are seldom there.
func (w *wireSession) names(r *record) error {
	var errs [8]error
	r.Subscriber, errs[0] = url.PathUnescape(w.Subscriber)
	r.Member, errs[1] = url.PathUnescape(w.Member)
	r.Via, errs[2] = parseVia(w.Via)
	r.StartedBy, errs[3] = parseStamp(w.StartedBy)
	r.Renamed, errs[4] = parseStamp(w.Renamed)
	r.Named, errs[5] = parseStamp(w.Named)
	r.Forgot, errs[6] = parseStamp(w.Forgot)
	r.Unsure, errs[7] = parseStamp(w.Unsure)
	for i := range len(w.Full) {
		kind, ok := kindOf(w.Full[i])
		if !ok || slices.Contains(r.Full, kind) {
			return fmt.Errorf("session record of full kinds %.20q", w.Full)
		}
		r.Full = append(r.Full, kind)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return fmt.Errorf("session record: %w", err)
	}
	return nil
}

func decodeAttributes(texts []string) ([]quarantine.Attribute, error) {
	if len(texts)%2 != 0 {
		return nil, fmt.Errorf("session record with attribute %q without a value", texts[len(texts)-1])
	}
	var attributes []quarantine.Attribute
	for i := 0; i < len(texts); i += 2 {
		name, err := url.PathUnescape(texts[i])
		if err != nil {
			return nil, fmt.Errorf("session record with attribute %q", texts[i])
		}
		value, err := url.PathUnescape(texts[i+1])
		if err != nil {
			return nil, fmt.Errorf("session record with value %q", texts[i+1])
		}
		attributes = append(attributes, quarantine.Attribute{Name: name, Value: value})
	}
	return attributes, nil
}

func decodeShown(shows [][3]string, seen time.Time) ([]quarantine.ObservedAttribute, error) {
	var shown []quarantine.ObservedAttribute
	for _, t := range shows {
		attributes, err := decodeAttributes(t[:2])
		if err != nil {
			return nil, err
		}
		at, err := parseStamp(t[2])
		if err != nil {
			return nil, fmt.Errorf("session record that shows something at %q", t[2])
		}
		if at.IsZero() {
			at = seen
		}
		shown = append(shown, quarantine.ObservedAttribute{Attribute: attributes[0], At: at})
	}
	return shown, nil
}

// flags are the letters of binding.lua.
func flags(startSeen, ignored bool) string {
	return letter(startSeen, "s") + letter(ignored, "i")
}

func letter(set bool, is string) string {
	if set {
		return is
	}
	return ""
}

// plausible reports whether ms lies between 1970 and the year 5138: what eight
// or nine digits of base 36 can say without loss in a script's numbers.
func plausible(ms int64) bool { return ms > 0 && ms < 100_000_000_000_000 }

func fromMilli(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// stamp writes a time as binding.lua wants it: base 36 ms, "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.UnixMilli(), 36)
}

func parseStamp(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	ms, err := strconv.ParseInt(s, 36, 64)
	if err != nil || !plausible(ms) {
		return time.Time{}, fmt.Errorf("time %q", s)
	}
	return fromMilli(ms), nil
}
