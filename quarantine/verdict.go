package quarantine

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"time"
)

// Verdict is one source's statement: this address (or subscriber) did this, at
// that moment. Exactly one of IP and Subscriber is set.
type Verdict struct {
	ID         string          `json:"id"`
	Source     string          `json:"source"`
	SourceID   string          `json:"source_id,omitempty"`
	ObservedAt time.Time       `json:"observed_at"`
	ReceivedAt time.Time       `json:"received_at"`
	IP         netip.Addr      `json:"ip,omitzero"`
	Port       uint16          `json:"port,omitempty"` // the subscriber's port; 0 = not reported
	Protocol   string          `json:"protocol,omitempty"`
	Subscriber string          `json:"subscriber,omitempty"`
	Category   string          `json:"category"`
	Confidence *float64        `json:"confidence,omitempty"` // 0..1; nil = not reported, fails every min_confidence
	Severity   string          `json:"severity,omitempty"`
	Evidence   json.RawMessage `json:"evidence,omitempty"`
}

// Longest accepted values, in octets. They bound what a source can make us keep.
const (
	MaxNameLength     = 128     // source, source_id, category, protocol, severity
	MaxSubscriberKey  = 4 * 253 // an attribute's value (RFC 2865 section 5), each octet as \xNN
	MaxEvidenceLength = 8192    // the evidence of one verdict, as JSON
)

// FutureTolerance is how far ahead of our clock a source's clock may be.
const FutureTolerance = 5 * time.Second

// FieldError says which field of an input is wrong, and how.
type FieldError struct {
	Field  string // name in the API, e.g. "observed_at"
	Reason string // a sentence: what was wrong and what is expected
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Reason }

// Validate checks a verdict as it came in at now; maxAge is the oldest event
// the source may report. The error is a *FieldError.
func (v *Verdict) Validate(now time.Time, maxAge time.Duration) error {
	checks := []func() *FieldError{
		v.checkNames, v.checkTarget, v.checkConfidence, v.checkEvidence,
		func() *FieldError { return v.checkTime(now, maxAge) },
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (v *Verdict) checkNames() *FieldError {
	named := []struct {
		field, value string
		required     bool
	}{
		{"source", v.Source, true}, {"source_id", v.SourceID, false}, {"category", v.Category, true},
		{"protocol", v.Protocol, false}, {"severity", v.Severity, false},
	}
	for _, n := range named {
		if n.required && n.value == "" {
			return &FieldError{n.field, "is required"}
		}
		if reason := checkText(n.value, MaxNameLength); reason != "" {
			return &FieldError{n.field, reason}
		}
	}
	return nil
}

func (v *Verdict) checkTarget() *FieldError {
	switch {
	case v.IP.IsValid() && v.Subscriber != "":
		return &FieldError{"ip", "give ip or subscriber, not both"}
	case v.Subscriber != "":
		return CheckSubscriber(v.Subscriber)
	case !v.IP.IsValid():
		return &FieldError{"ip", "is required (or subscriber)"}
	}
	return CheckAddress(v.IP)
}

func (v *Verdict) checkConfidence() *FieldError {
	if c := v.Confidence; c != nil && !(*c >= 0 && *c <= 1) {
		return &FieldError{"confidence", "must be between 0 and 1"}
	}
	return nil
}

func (v *Verdict) checkEvidence() *FieldError {
	if len(v.Evidence) > MaxEvidenceLength {
		return &FieldError{"evidence", "is larger than 8192 octets; send a digest or a reference instead"}
	}
	return nil
}

func (v *Verdict) checkTime(now time.Time, maxAge time.Duration) *FieldError {
	switch {
	case v.ObservedAt.IsZero():
		return &FieldError{"observed_at", "is required: RFC 3339 with an offset, e.g. 2026-01-02T15:04:05Z"}
	case v.ObservedAt.After(now.Add(FutureTolerance)):
		return &FieldError{"observed_at", "is in the future; check the source's clock"}
	case now.Sub(v.ObservedAt) > maxAge:
		return &FieldError{"observed_at", "is older than " + FormatDuration(maxAge) + ", the oldest event accepted from this source"}
	}
	return nil
}

// CheckSubscriber says why a subscriber key cannot be one; nil if it can. A key is
// what [EscapeName] makes of a name.
func CheckSubscriber(key string) *FieldError {
	if key == "" {
		return &FieldError{"subscriber", "is required"}
	}
	if reason := checkText(key, MaxSubscriberKey); reason != "" {
		return &FieldError{"subscriber", reason}
	}
	if !wellEscaped(key) {
		return &FieldError{"subscriber", ErrNoKey.Error()}
	}
	return nil
}

func checkText(s string, longest int) string {
	if len(s) > longest {
		return "is too long"
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !allowed(r) }) {
		return "holds control characters or broken UTF-8"
	}
	return ""
}

// Identify gives the verdict its identity: the same source and source_id, or
// without source_id the same content, always yield the same id, on every
// instance and after every restart. That makes doubled verdicts and replays
// harmless.
func (v *Verdict) Identify() {
	h := sha256.New()
	part := func(b []byte) {
		_ = binary.Write(h, binary.BigEndian, uint64(len(b)))
		h.Write(b)
	}
	part([]byte(v.Source))
	if v.SourceID != "" {
		part([]byte(v.SourceID))
	} else {
		twin := *v
		twin.ID, twin.ReceivedAt, twin.ObservedAt = "", time.Time{}, v.ObservedAt.UTC()
		body, _ := json.Marshal(twin) // a Verdict always encodes: Evidence is valid JSON by then
		part([]byte{})
		part(body)
	}
	v.ID = "v-" + strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(h.Sum(nil)[:15]))
}

// VerdictState is what became of a verdict.
type VerdictState string

// The states of a verdict. Final ones do not change by themselves.
const (
	VerdictPending   VerdictState = "pending"   // accepted, not decided yet; reason says what it waits for
	VerdictUnknown   VerdictState = "unknown"   // nobody is known to have held the address then
	VerdictAmbiguous VerdictState = "ambiguous" // two or more subscribers did
	VerdictRecorded  VerdictState = "recorded"  // attributed; by policy nothing else happens
	VerdictHeld      VerdictState = "held"      // its case waits for a person
	VerdictActed     VerdictState = "acted"     // its case restricts
	VerdictRetracted VerdictState = "retracted" // the source took it back
)

// VerdictStatus is the answer to "what became of it".
type VerdictStatus struct {
	Verdict
	State      VerdictState `json:"state"`
	Reason     string       `json:"reason,omitempty"`
	Case       string       `json:"case,omitempty"`
	Candidates []Holder     `json:"candidates,omitempty"` // of an ambiguous or doubtful one
	Final      bool         `json:"settled,omitempty"`    // nothing will be tried again
	Attributed string       `json:"attributed,omitempty"` // the subscriber found
}

// ErrNoVerdict is returned for an id that is not known (any more).
var ErrNoVerdict = errors.New("no such verdict")

// VerdictStore keeps what became of verdicts, for as long as doubles of them
// may arrive.
type VerdictStore interface {
	// Verdict returns the status of one verdict, or ErrNoVerdict.
	Verdict(ctx context.Context, id string) (VerdictStatus, error)
	// SaveVerdict writes a status; a settled one is never overwritten by one
	// that is not.
	SaveVerdict(ctx context.Context, s VerdictStatus) error
	// KnownVerdicts returns those of ids that have a status. Asked for none, it
	// finds out whether the store works: an error means that it does not answer, or
	// that it refuses to be written.
	KnownVerdicts(ctx context.Context, ids []string) (map[string]bool, error)
}

// Acceptance is the answer to one verdict handed in: it is durable, unless it was
// throttled.
type Acceptance struct {
	ID         string
	Duplicate  bool          // it had been accepted before; nothing changes
	Throttled  string        // why it was not taken: its source has its share of the queue; empty: it was
	RetryAfter time.Duration // when to send a throttled one again
}
