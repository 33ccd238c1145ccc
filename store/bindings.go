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

// bindingCalls writes one binding; began distinguishes it from others under its key, and
// version is of the record that it comes from, 0 if that is not known. A port block
// is written to each slice that it touches.
func (s *Store) bindingCalls(b *quarantine.Binding, began time.Time, version uint64, now time.Time) []*call {
	ports := ""
	if !b.Ports.All() {
		ports = b.Ports.String() + "~"
	}
	field := string(kindLetters[b.Kind]) + ports + sessionField(b.Session) + ":" + stamp(began)
	if !b.Began.IsZero() {
		field += "." + stamp(b.Began)
	}
	number := ""
	if version > 0 {
		number = strings.ToUpper(versionText(version)) // small letters are flags
	}
	args := []any{
		field, stamp(b.From), stamp(b.RenewedAt), stamp(b.To),
		flags(b.StartSeen, b.Ignored) + letter(b.Inferred, "n") + letter(b.Imported, "m") + letter(b.OpenEnd, "e") + number,
		formatHolder(b), ttl(s.cfg.Idle), ttl(s.cfg.History), ms(now.Add(-s.cfg.History)), ms(now.Add(-s.cfg.Idle)),
	}
	if b.Kind == quarantine.NATPortBlock {
		return s.portBlockCalls(b, args)
	}
	block, digit := blockOf(b.Prefix)
	args[0] = string(digit) + field
	key := s.keys.bindings(quarantine.Place{Addr: block, Space: b.Space}, b.Prefix.Bits())
	return []*call{{script: bindingScript, keys: []string{key}, args: args}}
}

// formatHolder writes what of a binding only its session's newest record knows: who
// held it, when at the latest it began, and which record listed it last.
func formatHolder(b *quarantine.Binding) string {
	text := escape(b.Subscriber) + "," + formatPlace(b.Via) + "," + stamp(b.FromBy) + "," + stamp(b.Listed)
	return strings.TrimRight(text, ",")
}

// RecordBindings implements quarantine.BindingRecorder.
func (s *Store) RecordBindings(ctx context.Context, bindings []quarantine.Binding) []error {
	errs := make([]error, len(bindings))
	var lengths []any
	for i := range bindings {
		lengths = addLength(lengths, &bindings[i].Address)
	}
	lengthCalls := s.lengthsCall(lengths)
	s.run(ctx, lengthCalls)
	for _, c := range lengthCalls {
		if err := c.cmd.Err(); err != nil {
			for i := range errs {
				errs[i] = fmt.Errorf("store prefix lengths: %w", err)
			}
			return errs
		}
	}
	var calls []*call
	var owner []int
	now := s.cfg.Now()
	for i := range bindings {
		for _, c := range s.bindingCalls(&bindings[i], bindings[i].From, 0, now) {
			calls, owner = append(calls, c), append(owner, i)
		}
	}
	s.run(ctx, calls)
	for n, c := range calls {
		if err := c.cmd.Err(); err != nil {
			errs[owner[n]] = fmt.Errorf("store the binding of %s: %w", bindings[owner[n]].Prefix, err)
			continue
		}
		c.stored()
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
		for i := range g.forgotten {
			list = addLength(list, &g.forgotten[i].Address)
		}
	}
	return list
}

// addLength adds the length of an address's prefix, once.
func addLength(list []any, a *quarantine.Address) []any {
	text := formatLength(quarantine.Place{Addr: a.Prefix.Addr(), Space: a.Space}, a.Prefix.Bits())
	if a.Kind == quarantine.NATPortBlock {
		text = blockLength + text
	}
	if slices.Contains(list, any(text)) {
		return list
	}
	return append(list, text)
}

// blockLength stands before a length that port blocks have.
const blockLength = "n"

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

// decodeBinding reads a field (less its digit) and value of a block, or of a slice
// of ports; both are untrusted.
func decodeBinding(prefix netip.Prefix, field, value string) (foundBinding, error) {
	b := foundBinding{Binding: quarantine.Binding{Address: quarantine.Address{Prefix: prefix}}}
	cutAt := strings.LastIndexByte(field, ':')
	if cutAt < 1 {
		return b, fmt.Errorf("binding %q", field)
	}
	var ok, okKind bool
	var errs [10]error
	b.Kind, okKind = kindOf(field[0])
	began, interval, _ := strings.Cut(field[cutAt+1:], ".")
	b.began, errs[0] = parseStamp(began)
	b.Began, errs[1] = parseStamp(interval)
	session := field[1:cutAt]
	if ports, rest, blocks := strings.Cut(session, "~"); blocks {
		session = rest
		b.Ports, errs[2] = quarantine.ParsePortRange(ports)
	}
	b.Session, ok = parseSessionField(session)
	parts := strings.Split(value, ",")
	if !ok || !okKind || len(parts) < 4 || len(parts) > 8 || (b.Kind == quarantine.NATPortBlock) == b.Ports.All() {
		return b, fmt.Errorf("binding %q", field)
	}
	parts = append(parts, "", "", "", "")[:8]
	b.From, errs[3] = parseStamp(parts[0])
	b.RenewedAt, errs[4] = parseStamp(parts[1])
	b.To, errs[5] = parseStamp(parts[2])
	flagged := func(letter string) bool { return strings.Contains(parts[3], letter) }
	b.StartSeen, b.Ignored, b.Inferred, b.Imported, b.OpenEnd = flagged("s"), flagged("i"), flagged("n"), flagged("m"), flagged("e")
	b.Subscriber, errs[6] = url.PathUnescape(parts[4])
	b.Via, errs[7] = parseVia(parts[5])
	b.FromBy, errs[8] = parseStamp(parts[6])
	b.Listed, errs[9] = parseStamp(parts[7])
	if err := errors.Join(errs[:]...); err != nil {
		return b, err
	}
	if b.From.IsZero() || b.RenewedAt.IsZero() || b.Subscriber != "" && b.Via.IsValid() {
		return b, fmt.Errorf("binding %q without times", field)
	}
	return b, nil
}
