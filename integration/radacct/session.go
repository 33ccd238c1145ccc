package radacct

import (
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"cordon/quarantine"
)

// Session is one decoded row.
type Session struct {
	ID         string     // Acct-Session-Id
	User       string     // User-Name; may be empty
	NAS        netip.Addr // NAS-IP-Address or NAS-IPv6-Address; optional if NASName is set
	NASName    string     // NAS-Identifier
	Start      time.Time
	Seen       time.Time // time of its last record; not before Start
	Stop       time.Time // zero: live at Seen
	Addresses  []quarantine.Address
	Attributes []quarantine.Attribute
	Naming     []quarantine.Attribute // further ones, for the subscriber's key only
}

// reader decodes rows.
type reader struct {
	zone   *time.Location // of times without an offset; nil: such times are invalid
	now    time.Time
	naming map[string]string // attributes' names by their columns' normalized names
}

// counts reports whether a column of that normalized name is read.
func (r *reader) counts(name string) bool { return columns[name] != nil || r.naming[name] != "" }

// columns decodes each known column. Names are normalized: without case, dashes and
// underscores, so that Acct-Session-Id is a column too.
var columns = map[string]func(*reader, *Session, string) error{
	"acctsessionid":       func(_ *reader, s *Session, v string) error { s.ID = v; return nil },
	"username":            func(_ *reader, s *Session, v string) error { s.User = v; return nil },
	"nasidentifier":       func(_ *reader, s *Session, v string) error { s.NASName = v; return nil },
	"nasipaddress":        readNAS,
	"nasipv6address":      readNAS,
	"acctstarttime":       func(r *reader, s *Session, v string) error { return r.moment(&s.Start, v) },
	"acctupdatetime":      func(r *reader, s *Session, v string) error { return r.moment(&s.Seen, v) },
	"acctstoptime":        func(r *reader, s *Session, v string) error { return r.moment(&s.Stop, v) },
	"framedipaddress":     readIPv4,
	"framedipv6address":   readIPv6,
	"framedipv6prefix":    prefixReader(quarantine.FramedIPv6Prefix),
	"delegatedipv6prefix": prefixReader(quarantine.DelegatedIPv6Prefix),
	"framedinterfaceid":   attributeReader("Framed-Interface-Id"),
	"acctmultisessionid":  attributeReader("Acct-Multi-Session-Id"),
	"nasportid":           attributeReader("NAS-Port-Id"),
	"callingstationid":    attributeReader("Calling-Station-Id"),
	"calledstationid":     attributeReader("Called-Station-Id"),
	"filterid":            attributeReader("Filter-Id"),
	"class":               readClass,
}

// columnName normalizes a column's name.
func columnName(values string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(strings.TrimSpace(values)))
}

func (r *reader) moment(into *time.Time, text string) (err error) {
	*into, err = parseMoment(text, r.zone)
	return err
}

func readNAS(_ *reader, s *Session, text string) error {
	addr, err := parseAddr(text)
	if err == nil && addr.IsValid() {
		s.NAS = addr
	}
	return err
}

// parseAddr parses an address, also with /32 or /128 as databases write it; an
// unspecified one is none.
func parseAddr(text string) (netip.Addr, error) {
	bare, bits, network := strings.Cut(text, "/")
	addr, err := netip.ParseAddr(bare)
	if err != nil || network && bits != fmt.Sprint(addr.BitLen()) || addr.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("invalid address %q", text)
	}
	if addr = addr.Unmap(); addr.IsUnspecified() {
		return netip.Addr{}, nil
	}
	return addr, nil
}

// readIPv4 skips the values by which a NAS says that no address is assigned yet (RFC 2865
// section 5.8).
func readIPv4(_ *reader, s *Session, text string) error {
	addr, err := parseAddr(text)
	if err != nil || !addr.IsValid() || quarantine.Unassigned(addr) {
		return err
	}
	if !addr.Is4() {
		return fmt.Errorf("must be an IPv4 address: %q", text)
	}
	return s.hold(netip.PrefixFrom(addr, 32), quarantine.FramedIP)
}

func readIPv6(_ *reader, s *Session, text string) error {
	addr, err := parseAddr(text)
	if err != nil || !addr.IsValid() {
		return err
	}
	return s.hold(netip.PrefixFrom(addr, addr.BitLen()), quarantine.FramedIPv6Address)
}

func prefixReader(kind quarantine.AddressKind) func(*reader, *Session, string) error {
	return func(_ *reader, s *Session, text string) error {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return fmt.Errorf("invalid prefix %q, e.g. 2001:db8:1::/56", text)
		}
		return s.hold(prefix.Masked(), kind)
	}
}

// hold adds an address that a subscriber can hold.
func (s *Session) hold(p netip.Prefix, kind quarantine.AddressKind) error {
	if (kind != quarantine.FramedIP) != p.Addr().Is6() {
		return fmt.Errorf("must be IPv6: %s", p)
	}
	if why, ok := quarantine.Holdable(p); !ok {
		return fmt.Errorf("%s %s", p, why)
	}
	s.Addresses = append(s.Addresses, quarantine.Address{Prefix: p, Kind: kind})
	return nil
}

func attributeReader(name string) func(*reader, *Session, string) error {
	return func(_ *reader, s *Session, text string) error {
		s.Attributes = append(s.Attributes, quarantine.Attribute{Name: name, Value: text})
		return nil
	}
}

// readClass converts octets to FreeRADIUS' text form.
func readClass(_ *reader, s *Session, text string) error {
	if digits, is := strings.CutPrefix(text, "0x"); !is {
		text = "0x" + hex.EncodeToString([]byte(text))
	} else if _, err := hex.DecodeString(digits); err != nil {
		return fmt.Errorf("invalid hexadecimal digits %q", text)
	}
	s.Attributes = append(s.Attributes, quarantine.Attribute{Name: "Class", Value: text})
	return nil
}

// row is one line: values by their columns' normalized names.
type row map[string]string

// session decodes a row. The error names the column.
func (r *reader) session(values row) (Session, error) {
	var s Session
	for _, name := range columnOrder {
		value := strings.TrimSpace(values[name])
		if value == "" || value == "NULL" || value == `\N` {
			continue
		}
		if len(value) > longestValue || name != "username" && strings.ContainsRune(value, '\uFFFD') { // a User-Name may be any octets
			return s, fmt.Errorf("%s: must be UTF-8 of at most %d bytes", name, longestValue)
		}
		if err := columns[name](r, &s, value); err != nil {
			return s, fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.naming)) {
		value := strings.TrimSpace(values[name])
		switch {
		case value == "" || value == "NULL" || value == `\N`:
		case len(value) > longestValue || strings.ContainsRune(value, '\uFFFD'):
			return s, fmt.Errorf("%s: must be UTF-8 of at most %d bytes", name, longestValue)
		default:
			s.Naming = append(s.Naming, quarantine.Attribute{Name: r.naming[name], Value: value})
		}
	}
	return s, s.check(r.now)
}

// longestValue is the longest value, in bytes: that of an attribute (RFC 2865 section 5)
// in hexadecimal digits, for Class.
const longestValue = 2 + 2*253

// check validates columns against each other, and corrects Seen.
func (s *Session) check(now time.Time) error {
	latest := now.Add(quarantine.ClockSlack)
	switch {
	case s.ID == "":
		return fmt.Errorf("acctsessionid: must be set")
	case !s.NAS.IsValid() && s.NASName == "":
		return fmt.Errorf("nasipaddress or nasidentifier: must be set")
	case s.Start.IsZero():
		return fmt.Errorf("acctstarttime: must be set")
	case s.Start.After(latest), s.Seen.After(latest), s.Stop.After(latest):
		return fmt.Errorf("times must not be in the future; check the offset, or tz")
	case !s.Stop.IsZero() && s.Stop.Before(s.Start.Add(-quarantine.ClockSlack)):
		return fmt.Errorf("acctstoptime: must not be before acctstarttime")
	}
	for _, t := range []time.Time{s.Start, s.Stop} {
		if t.After(s.Seen) {
			s.Seen = t
		}
	}
	return nil
}
