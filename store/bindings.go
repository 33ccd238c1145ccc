package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
)

// Bindings of 16 neighbouring prefixes of one length share a hash, a block: the
// fixed cost of a key is then shared too, and a look-up still reads little.
const blockBits = 4

// blockOf returns the first address of a prefix's block and its digit in it.
func blockOf(p netip.Prefix) (block netip.Addr, digit byte) {
	p = p.Masked()
	outer := max(p.Bits()-blockBits, 0)
	octets := p.Addr().AsSlice()
	for bit := outer; bit < p.Bits(); bit++ {
		digit = digit<<1 | octets[bit/8]>>(7-bit%8)&1
	}
	return netip.PrefixFrom(p.Addr(), outer).Masked().Addr(), "0123456789abcdef"[digit]
}

// bindingCalls writes what a session says about its addresses.
func (s *Store) bindingCalls(r *record) []*call {
	calls := make([]*call, 0, len(r.Addresses))
	now := s.cfg.Now()
	for _, b := range r.Bindings() {
		calls = append(calls, s.bindingCall(&b, r.began, r.version, now))
	}
	return calls
}

// bindingCall writes one binding; began tells it from others under its key, and
// version is of the record that it comes from, 0 if that is not known.
func (s *Store) bindingCall(b *quarantine.Binding, began time.Time, version uint64, now time.Time) *call {
	block, digit := blockOf(b.Prefix)
	ports := ""
	if !b.Ports.All() {
		ports = b.Ports.String() + "~"
	}
	field := string([]byte{digit, kindLetters[b.Kind]}) + ports + sessionField(b.Session) + ":" + stamp(began)
	holder := escape(b.Subscriber)
	if b.Via.IsValid() {
		holder += "," + b.Via.Addr.String() + inSpace(b.Via.Space)
	}
	number := ""
	if version > 0 {
		number = strings.ToUpper(versionText(version)) // small letters are flags
	}
	return &call{
		script: bindingScript,
		keys:   []string{s.keys.bindings(quarantine.Place{Addr: block, Space: b.Space}, b.Prefix.Bits())},
		args: []any{
			field, stamp(b.From), stamp(b.RenewedAt), stamp(b.To), flags(b.StartSeen, b.Ignored) + letter(b.Inferred, "n") + letter(b.Imported, "m") + number, holder,
			ttl(s.cfg.Idle), ttl(s.cfg.History), ms(now.Add(-s.cfg.History)), ms(now.Add(-s.cfg.Idle)),
		},
	}
}

// RecordBindings implements quarantine.BindingRecorder.
func (s *Store) RecordBindings(ctx context.Context, bindings []quarantine.Binding) []error {
	errs := make([]error, len(bindings))
	var lengths []any
	for i := range bindings {
		lengths = addLength(lengths, &bindings[i].Address)
	}
	told := s.lengthsCall(lengths)
	s.run(ctx, told)
	for _, c := range told {
		if err := c.cmd.Err(); err != nil {
			for i := range errs {
				errs[i] = fmt.Errorf("store prefix lengths: %w", err)
			}
			return errs
		}
	}
	calls := make([]*call, len(bindings))
	now := s.cfg.Now()
	for i := range bindings {
		calls[i] = s.bindingCall(&bindings[i], bindings[i].From, 0, now)
	}
	s.run(ctx, calls)
	for i, c := range calls {
		if err := c.cmd.Err(); err != nil {
			errs[i] = fmt.Errorf("store the binding of %s: %w", bindings[i].Prefix, err)
		}
	}
	return errs
}

// lengths lists the prefix lengths that the batch's sessions use.
func (b *batch) lengths() []any {
	var list []any
	for _, g := range b.groups {
		if g.next == nil {
			continue
		}
		for _, r := range append(g.next.earlier(), *g.next) {
			for i := range r.Addresses {
				list = addLength(list, &r.Addresses[i])
			}
		}
	}
	return list
}

// addLength adds the length of an address's prefix, once.
func addLength(list []any, a *quarantine.Address) []any {
	text := formatLength(quarantine.Place{Addr: a.Prefix.Addr(), Space: a.Space}, a.Prefix.Bits())
	if slices.Contains(list, any(text)) {
		return list
	}
	return append(list, text)
}

func formatLength(at quarantine.Place, bits int) string {
	family := "6/"
	if at.Addr.Is4() {
		family = "4/"
	}
	return family + strconv.Itoa(bits) + inSpace(at.Space)
}

// lengthsCall notes prefix lengths; it is to be answered before the first binding
// that has them is written. It does so every time: Redis may have forgotten.
func (s *Store) lengthsCall(lengths []any) []*call {
	if len(lengths) == 0 {
		return nil
	}
	return []*call{{command: "SADD", keys: []string{s.keys.lengths()}, args: lengths}}
}

// Bindings implements quarantine.BindingFinder: it looks in the block of every
// prefix length in use. Entries that do not decode are counted and passed over.
func (s *Store) Bindings(ctx context.Context, at quarantine.Place, from, to time.Time) ([]quarantine.Binding, error) {
	at.Addr = at.Addr.Unmap().WithZone("")
	if !at.IsValid() {
		return nil, nil
	}
	prefixes, err := s.prefixesOver(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("find bindings of %s: %w", at, err)
	}
	p := s.client.Pipeline()
	blocks := make([]*redis.MapStringStringCmd, len(prefixes))
	for i, prefix := range prefixes {
		block, _ := blockOf(prefix)
		blocks[i] = p.HGetAll(ctx, s.keys.bindings(quarantine.Place{Addr: block, Space: at.Space}, prefix.Bits()))
	}
	_, _ = p.Exec(ctx) // each command carries its own error
	var found []foundBinding
	for i, prefix := range prefixes {
		entries, err := blocks[i].Result()
		if redis.HasErrorPrefix(err, "WRONGTYPE") {
			s.unreadable.Add(1)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find bindings of %s: %w", at, err)
		}
		found = append(found, s.inForce(prefix, at.Space, entries, from, to)...)
	}
	return s.complete(ctx, found)
}

// foundBinding is a binding and when its session began as first seen.
type foundBinding struct {
	quarantine.Binding
	began time.Time
}

// prefixesOver lists the prefixes over a place of all lengths in use in its
// space.
func (s *Store) prefixesOver(ctx context.Context, at quarantine.Place) ([]netip.Prefix, error) {
	lengths, err := s.client.SMembers(ctx, s.keys.lengths()).Result()
	if err != nil {
		return nil, err
	}
	var prefixes []netip.Prefix
	for bits := at.Addr.BitLen(); bits >= 0; bits-- {
		for _, text := range lengths {
			if text == formatLength(at, bits) {
				prefixes = append(prefixes, netip.PrefixFrom(at.Addr, bits).Masked())
			}
		}
	}
	return prefixes, nil
}

// inForce picks the bindings of prefix from its block.
func (s *Store) inForce(prefix netip.Prefix, space string, entries map[string]string, from, to time.Time) []foundBinding {
	_, digit := blockOf(prefix)
	var found []foundBinding
	for field, value := range entries {
		if field == "" || field[0] != digit {
			continue
		}
		b, err := decodeBinding(prefix, field[1:], value)
		b.Space = space
		if err != nil {
			s.unreadable.Add(1)
			continue
		}
		if !b.From.After(to) && (b.To.IsZero() || !b.To.Before(from)) {
			found = append(found, b)
		}
	}
	return found
}

// decodeBinding reads a field (less its digit) and value of a block; both are
// untrusted.
func decodeBinding(prefix netip.Prefix, field, value string) (foundBinding, error) {
	b := foundBinding{Binding: quarantine.Binding{Address: quarantine.Address{Prefix: prefix}}}
	cutAt := strings.LastIndexByte(field, ':')
	if cutAt < 1 {
		return b, fmt.Errorf("binding %q", field)
	}
	var ok, okKind bool
	b.Kind, okKind = kindOf(field[0])
	session := field[1:cutAt]
	var errs [7]error
	b.began, errs[6] = parseStamp(field[cutAt+1:])
	if ports, rest, blocks := strings.Cut(session, "~"); blocks {
		session = rest
		b.Ports, errs[4] = quarantine.ParsePortRange(ports)
	}
	b.Session, ok = parseSessionField(session)
	parts := strings.Split(value, ",")
	if !ok || !okKind || len(parts) < 5 || len(parts) > 6 || b.Kind == quarantine.NATPortBlock && b.Ports.All() {
		return b, fmt.Errorf("binding %q", field)
	}
	b.From, errs[0] = parseStamp(parts[0])
	b.RenewedAt, errs[1] = parseStamp(parts[1])
	b.To, errs[2] = parseStamp(parts[2])
	flagged := func(letter string) bool { return strings.Contains(parts[3], letter) }
	b.StartSeen, b.Ignored, b.Inferred, b.Imported = flagged("s"), flagged("i"), flagged("n"), flagged("m")
	b.Subscriber, errs[3] = url.PathUnescape(parts[4])
	if len(parts) == 6 {
		b.Via, errs[5] = parsePlace(parts[5])
	}
	if err := errors.Join(errs[:]...); err != nil {
		return b, err
	}
	if b.From.IsZero() || b.RenewedAt.IsZero() || (b.Subscriber == "") != b.Via.IsValid() {
		return b, fmt.Errorf("binding %q without subscriber or times", field)
	}
	return b, nil
}

func parsePlace(text string) (quarantine.Place, error) {
	addr, space, _ := strings.Cut(text, "@")
	var at quarantine.Place
	var errs [2]error
	at.Addr, errs[0] = netip.ParseAddr(addr)
	at.Space, errs[1] = url.PathUnescape(space)
	return at, errors.Join(errs[:]...)
}

// complete adds what stands elsewhere: each BNG's last announced restart, and
// when the session of an open binding was seen last.
func (s *Store) complete(ctx context.Context, found []foundBinding) ([]quarantine.Binding, error) {
	if len(found) == 0 {
		return nil, nil
	}
	p := s.client.Pipeline()
	keys := make([]quarantine.SessionKey, len(found))
	seen := make([]*redis.StringCmd, len(found))
	for i, f := range found {
		keys[i] = f.Session
		if f.To.IsZero() {
			seen[i] = p.Get(ctx, s.keys.session(f.Session))
		}
	}
	asked := s.askResets(ctx, p, bngsOf(keys))
	_, _ = p.Exec(ctx) // each command carries its own error
	bindings := make([]quarantine.Binding, len(found))
	for i, f := range found {
		at, err := asked[f.Session.BNG].Result()
		resetAt, err := s.restart(f.Session.BNG, at, err)
		if err != nil {
			return nil, err
		}
		f.ResetAt, f.Interim = resetAt, s.cfg.Interim(f.Session.BNG)
		if seen[i] != nil {
			if err := s.renew(&f, seen[i]); err != nil {
				return nil, err
			}
		}
		bindings[i] = f.Binding
	}
	return bindings, nil
}

// renew reads from its session's record when a binding was renewed last: an
// Interim-Update that changes nothing else is written there only.
func (s *Store) renew(f *foundBinding, get *redis.StringCmd) error {
	text, err := get.Result()
	switch {
	case errors.Is(err, redis.Nil), redis.HasErrorPrefix(err, "WRONGTYPE"):
		return nil
	case err != nil:
		return fmt.Errorf("read session %s: %w", f.Session, err)
	}
	r, unreadable := decodeRecord(f.Session, text)
	if unreadable != nil {
		s.unreadable.Add(1)
		return nil //nolint:nilerr // a stranger's value tells nothing
	}
	if r.began.Equal(f.began) && r.SeenAt.After(f.RenewedAt) {
		f.RenewedAt = r.SeenAt
	}
	return nil
}
