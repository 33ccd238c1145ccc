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
		calls = append(calls, s.bindingCall(&b, r.began, r.version, now)...)
	}
	return calls
}

// bindingCall writes one binding, to each hash that it stands in; began tells it
// from others under its key, and version is of the record that it comes from, 0 if
// that is not known.
func (s *Store) bindingCall(b *quarantine.Binding, began time.Time, version uint64, now time.Time) []*call {
	_, digit := blockOf(b.Prefix)
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
	args := []any{
		field, stamp(b.From), stamp(b.RenewedAt), stamp(b.To), flags(b.StartSeen, b.Ignored) + letter(b.Inferred, "n") + letter(b.Imported, "m") + number, holder,
		ttl(s.cfg.Idle), ttl(s.cfg.History), ms(now.Add(-s.cfg.History)), ms(now.Add(-s.cfg.Idle)),
	}
	var calls []*call
	for _, key := range s.bindingKeys(&b.Address) {
		calls = append(calls, &call{script: bindingScript, keys: []string{key}, args: args})
	}
	return calls
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
	var calls []*call
	var of []int // per call: its binding
	now := s.cfg.Now()
	for i := range bindings {
		for _, c := range s.bindingCall(&bindings[i], bindings[i].From, 0, now) {
			calls, of = append(calls, c), append(of, i)
		}
	}
	s.run(ctx, calls)
	for n, c := range calls {
		if err := c.cmd.Err(); err != nil {
			errs[of[n]] = fmt.Errorf("store the binding of %s: %w", bindings[of[n]].Prefix, err)
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
	at := quarantine.Place{Addr: a.Prefix.Addr(), Space: a.Space}
	text := formatLength(at, a.Prefix.Bits())
	if !a.Ports.All() {
		text = portsLength(at)
	}
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
	use, err := s.inUse(ctx, at)
	if err != nil || !use.place.IsValid() {
		return nil, err
	}
	ports, err := s.existing(ctx, use.ports(allSlices()...))
	if err != nil {
		return nil, fmt.Errorf("find bindings of %s: %w", at, err)
	}
	found := finds{store: s, use: use, from: from, to: to}
	if err := found.read(ctx, append(use.blocks(), ports...)); err != nil {
		return nil, err
	}
	return s.complete(ctx, found.list)
}

// foundBinding is a binding and when its session began as first seen.
type foundBinding struct {
	quarantine.Binding
	began time.Time
}

// use is where bindings of a place may stand.
type use struct {
	keys     keys
	place    quarantine.Place
	prefixes []netip.Prefix // over the place, of all lengths in use in its space
	shared   bool           // blocks of ports are in use in its space
}

// inUse asks which lengths are in use. The place is invalid if it is none.
func (s *Store) inUse(ctx context.Context, at quarantine.Place) (use, error) {
	at.Addr = at.Addr.Unmap().WithZone("")
	u := use{keys: s.keys, place: at}
	if !at.IsValid() {
		return u, nil
	}
	lengths, err := s.client.SMembers(ctx, s.keys.lengths()).Result()
	if err != nil {
		return u, fmt.Errorf("find bindings of %s: %w", at, err)
	}
	for bits := at.Addr.BitLen(); bits >= 0; bits-- {
		if slices.Contains(lengths, formatLength(at, bits)) {
			u.prefixes = append(u.prefixes, netip.PrefixFrom(at.Addr, bits).Masked())
		}
	}
	u.shared = slices.Contains(lengths, portsLength(at))
	return u, nil
}

// hash is a hash of bindings, and of which of its prefixes they are wanted.
type hash struct {
	key    string
	prefix netip.Prefix
}

// blocks lists the hashes of the prefixes over the place.
func (u *use) blocks() []hash {
	hashes := make([]hash, 0, len(u.prefixes))
	for _, prefix := range u.prefixes {
		block, _ := blockOf(prefix)
		hashes = append(hashes, hash{u.keys.bindings(quarantine.Place{Addr: block, Space: u.place.Space}, prefix.Bits()), prefix})
	}
	return hashes
}

// ports lists the hashes of slices of the place's ports.
func (u *use) ports(slices ...string) []hash {
	if !u.shared {
		return nil
	}
	hashes := make([]hash, 0, len(slices))
	for _, slice := range slices {
		hashes = append(hashes, hash{u.keys.portBlocks(u.place, slice), netip.PrefixFrom(u.place.Addr, u.place.Addr.BitLen())})
	}
	return hashes
}

// finds gathers bindings that were in force between two moments, each once.
type finds struct {
	store    *Store
	use      use
	from, to time.Time
	list     []foundBinding
	done     map[string]bool // keys that were read
	known    map[string]bool // blocks, which stand in several hashes
}

// read reads hashes, those that were not read before.
func (f *finds) read(ctx context.Context, hashes []hash) error {
	if f.done == nil {
		f.done, f.known = map[string]bool{}, map[string]bool{}
	}
	hashes = slices.DeleteFunc(hashes, func(h hash) bool { return f.done[h.key] })
	if len(hashes) == 0 {
		return nil
	}
	p := f.store.client.Pipeline()
	answers := make([]*redis.MapStringStringCmd, len(hashes))
	for i, h := range hashes {
		f.done[h.key] = true
		answers[i] = p.HGetAll(ctx, h.key)
	}
	_, _ = p.Exec(ctx) // each command carries its own error
	for i, h := range hashes {
		entries, err := answers[i].Result()
		if redis.HasErrorPrefix(err, "WRONGTYPE") {
			f.store.unreadable.Add(1)
			continue
		}
		if err != nil {
			return fmt.Errorf("find bindings of %s: %w", f.use.place, err)
		}
		f.add(h.prefix, entries)
	}
	return nil
}

// add picks the bindings of prefix from a hash.
func (f *finds) add(prefix netip.Prefix, entries map[string]string) {
	_, digit := blockOf(prefix)
	for field, value := range entries {
		if field == "" || field[0] != digit {
			continue
		}
		b, err := decodeBinding(prefix, field[1:], value)
		b.Space = f.use.place.Space
		switch {
		case err != nil:
			f.store.unreadable.Add(1)
		case b.From.After(f.to) || !b.To.IsZero() && b.To.Before(f.from):
		case b.Ports.All():
			f.list = append(f.list, b)
		case !f.known[field]:
			f.known[field] = true
			f.list = append(f.list, b)
		}
	}
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
