package quarantine

import (
	"errors"
	"net/netip"
	"slices"
	"time"
)

// Exemption keeps subscribers from automatic restriction: a matching case is
// held for a person. Exactly one of Subscriber, Prefix and BNG is set.
type Exemption struct {
	Subscriber string       `yaml:"subscriber"`
	Prefix     netip.Prefix `yaml:"prefix"`
	BNG        string       `yaml:"bng"`
	Reason     string       `yaml:"reason"`
	Review     Date         `yaml:"review"` // when a person should look at it again; it goes on holding
}

// Validate checks that the exemption says whom it protects, and why.
func (e *Exemption) Validate() Faults {
	var f Faults
	set := 0
	for _, is := range []bool{e.Subscriber != "", e.Prefix.IsValid(), e.BNG != ""} {
		if is {
			set++
		}
	}
	if set != 1 {
		f.add("", "must have exactly one of subscriber, prefix and bng")
	}
	if e.Subscriber != "" {
		if wrong := CheckSubscriber(e.Subscriber); wrong != nil {
			f = append(f, Fault{"subscriber", errors.New(wrong.Reason)})
		}
	}
	if e.Reason == "" {
		f.add("reason", "must be set")
	}
	return f
}

// ValidateExemptions checks a list of exemptions; paths begin at the list: "[0].reason".
func ValidateExemptions(exemptions []Exemption) Faults {
	var f Faults
	for i := range exemptions {
		f = append(f, exemptions[i].Validate().Under("[%d]", i)...)
	}
	return f
}

// Exempt returns the first exemption that covers the subscriber, the address
// that was reported (invalid if none was), or any address or BNG of its sessions.
func Exempt(exemptions []Exemption, subscriber string, reported netip.Addr, sessions []Session) (Exemption, bool) {
	for _, e := range exemptions {
		if e.covers(subscriber, reported, sessions) {
			return e, true
		}
	}
	return Exemption{}, false
}

func (e *Exemption) covers(subscriber string, reported netip.Addr, sessions []Session) bool {
	if e.Subscriber != "" {
		return e.Subscriber == subscriber
	}
	if e.Prefix.IsValid() && e.Prefix.Contains(reported) {
		return true
	}
	return slices.ContainsFunc(sessions, func(s Session) bool {
		if e.BNG != "" {
			return s.On(e.BNG)
		}
		return slices.ContainsFunc(s.Addresses, func(a Address) bool { return e.Prefix.Overlaps(a.Prefix) })
	})
}

// Date is a calendar day, written 2027-01-01.
type Date struct{ time.Time }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Date) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.DateOnly, string(text))
	d.Time = t
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.Format(time.DateOnly)), nil }
