package template

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordon/quarantine"
)

// futureTolerance is how far another program's clock may be ahead.
const futureTolerance = 5 * time.Minute

// longestID is what fits an attribute of RADIUS.
const longestID = 253

// session makes a session of an item; false, with the reason, if it is not one.
func (r *Reader) session(t *item, now time.Time) (quarantine.Session, Reason, bool) {
	s := quarantine.Session{Subscriber: quarantine.EscapeName(t.values[nameSubscriber])}
	s.ID = t.values[nameSession]
	s.BNG = r.bngOf(t.values)
	if quarantine.CheckSubscriber(s.Subscriber) != nil || s.ID == "" || len(s.ID) > longestID || s.BNG == "" {
		return s, Incomplete, false
	}
	if reason, ok := r.times(t, &s, now); !ok {
		return s, reason, false
	}
	if !r.addresses(t, &s) {
		return s, BadAddress, false
	}
	for _, a := range t.attributes {
		if !r.cfg.Restricted(a) {
			s.Attributes = append(s.Attributes, a)
		}
	}
	slices.SortFunc(s.Attributes, func(a, b quarantine.Attribute) int { return cmp.Compare(a.Name, b.Name) })
	s.Ignored = r.cfg.Ignored(&s)
	silent := quarantine.StaleSince(s.SeenAt, r.interim(s.BNG))
	s.Suspect = s.Live() && !silent.IsZero() && now.After(silent)
	return s, 0, true
}

// bngOf finds the BNG by what it is called; empty if it is not given.
func (r *Reader) bngOf(values map[string]string) string {
	if name := values[nameBNG]; name != "" {
		if strings.Contains(name, "/") {
			return ""
		}
		return name
	}
	ip, err := netip.ParseAddr(values[nameNASIP])
	if values[nameNASIP] != "" && err != nil {
		return ""
	}
	identifier := values[nameNASID]
	if !ip.IsValid() && identifier == "" {
		return ""
	}
	return r.cfg.BNG(ip.Unmap(), identifier)
}

// times reads when the session began, was renewed and ended.
func (r *Reader) times(t *item, s *quarantine.Session, now time.Time) (Reason, bool) {
	at := map[string]time.Time{}
	for _, name := range []string{nameStarted, nameUpdated, nameEnded} {
		moment, ok := r.parseTime(t.values[name], now)
		if !ok {
			return BadTime, false
		}
		at[name] = moment
	}
	lasted, ok := parseDuration(t.values[nameDuration])
	if !ok {
		return BadTime, false
	}
	s.StartedAt, s.SeenAt, s.EndedAt = at[nameStarted], at[nameUpdated], at[nameEnded]
	switch {
	case s.StartedAt.IsZero() && s.SeenAt.IsZero():
		return Incomplete, false
	case s.StartedAt.IsZero():
		s.StartedAt, s.Guessed = s.SeenAt.Add(-lasted), true
	default:
		s.StartSeen = true
	}
	if s.SeenAt.Before(s.StartedAt) {
		s.SeenAt = s.StartedAt
	}
	if !s.EndedAt.IsZero() && s.EndedAt.Before(s.StartedAt) {
		return BadTime, false
	}
	return 0, true
}

// since2000 is before any session that is on line.
var since2000 = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// parseTime reads a time; none, or 0, is the zero time. False: it is no time, or
// is none that a session could have.
func (r *Reader) parseTime(text string, now time.Time) (time.Time, bool) {
	if text == "" || text == "0" {
		return time.Time{}, true
	}
	var at time.Time
	var err error
	switch r.t.format {
	case RFC3339:
		at, err = time.Parse(time.RFC3339Nano, text)
	case UnixMilli:
		var ms int64
		ms, err = strconv.ParseInt(text, 10, 64)
		at = time.UnixMilli(ms)
	default:
		whole, _, _ := strings.Cut(text, ".")
		var seconds int64
		seconds, err = strconv.ParseInt(whole, 10, 64)
		at = time.Unix(seconds, 0)
	}
	if err != nil || at.Before(since2000) || at.After(now.Add(futureTolerance)) {
		return time.Time{}, false
	}
	return at.UTC(), true
}

// parseDuration reads seconds; none is 0. A session of ten years is none.
func parseDuration(text string) (time.Duration, bool) {
	if text == "" {
		return 0, true
	}
	seconds, err := strconv.ParseUint(text, 10, 32)
	d := time.Duration(seconds) * time.Second
	return d, err == nil && d < 10*365*24*time.Hour
}

// addresses reads what the session holds; false if something is no address.
func (r *Reader) addresses(t *item, s *quarantine.Session) bool {
	for _, kind := range []struct {
		name string
		kind quarantine.AddressKind
	}{
		{nameAddress, quarantine.FramedIP}, {nameIPv6, quarantine.FramedIPv6Address},
		{namePrefix, quarantine.FramedIPv6Prefix}, {nameDelegated, quarantine.DelegatedIPv6Prefix},
	} {
		text := t.values[kind.name]
		if text == "" {
			continue
		}
		prefix, ok := parsePrefix(text)
		whole := kind.name == nameAddress || kind.name == nameIPv6
		if !ok || whole && !prefix.IsSingleIP() {
			return false
		}
		if prefix.Addr().IsUnspecified() {
			continue // "0.0.0.0": it has none yet
		}
		if whole && prefix.Addr().Is6() {
			kind.kind = quarantine.FramedIPv6Address
		}
		s.Addresses = append(s.Addresses, quarantine.Address{Prefix: prefix, Kind: kind.kind, Space: r.cfg.Space(s.BNG, prefix)})
	}
	return true
}

// parsePrefix reads a prefix, or an address as one.
func parsePrefix(text string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(text); err == nil && p.Bits() > 0 {
		return p.Masked(), true
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, false
	}
	addr = addr.Unmap()
	return netip.PrefixFrom(addr, addr.BitLen()), true
}

// sameAddress reports whether two texts write the same address or prefix.
func sameAddress(a, b string) bool {
	p, ok := parsePrefix(a)
	q, also := parsePrefix(b)
	return ok && also && p == q
}

// interim is how often a BNG renews its sessions, as far as is known; 0: it is
// not.
func (r *Reader) interim(bng string) time.Duration {
	if d := r.cfg.Interim(bng); d > 0 {
		return d
	}
	if !r.renews {
		return 0
	}
	return r.cfg.Template.SilentAfter / quarantine.MissedInterims
}

// newest keeps, of several records of one session, the newest.
func newest(all []quarantine.Session) []quarantine.Session {
	var kept []quarantine.Session
	for _, s := range all {
		i := slices.IndexFunc(kept, func(k quarantine.Session) bool { return k.SessionKey == s.SessionKey })
		switch {
		case i < 0:
			kept = append(kept, s)
		case s.SeenAt.After(kept[i].SeenAt):
			kept[i] = s
		}
	}
	return kept
}

// nameOf is how the other program names a subscriber: by the octets that the key
// stands for.
func nameOf(subscriber string) string {
	name, err := quarantine.UnescapeName(subscriber)
	if err != nil {
		return subscriber // no octets have that name: it finds nothing
	}
	return name
}
