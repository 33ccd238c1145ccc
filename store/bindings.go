package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
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
		block, digit := blockOf(b.Prefix)
		field := string([]byte{digit, kindLetters[b.Kind]}) + sessionField(b.Session) + ":" + stamp(r.began)
		calls = append(calls, &call{
			script: bindingScript,
			keys:   []string{s.keys.bindings(block, b.Prefix.Bits())},
			args: []any{
				field, stamp(b.From), stamp(b.RenewedAt), stamp(b.To), flags(b.StartSeen, b.Ignored), escape(b.Subscriber),
				ttl(s.cfg.Idle), ttl(s.cfg.History), ms(now.Add(-s.cfg.History)), ms(now.Add(-s.cfg.Idle)),
			},
		})
	}
	return calls
}

// lengths lists the prefix lengths that the batch's sessions use.
func (b *batch) lengths() []any {
	seen := map[string]bool{}
	var list []any
	for _, g := range b.groups {
		for _, a := range g.next.Addresses {
			if text := formatLength(a.Prefix.Addr(), a.Prefix.Bits()); !seen[text] {
				seen[text] = true
				list = append(list, text)
			}
		}
	}
	return list
}

func formatLength(addr netip.Addr, bits int) string {
	if addr.Is4() {
		return "4/" + strconv.Itoa(bits)
	}
	return "6/" + strconv.Itoa(bits)
}

// addLengths notes prefix lengths before the first binding that has them. It
// does so every time: Redis may have forgotten.
func (s *Store) addLengths(ctx context.Context, lengths []any) error {
	if len(lengths) == 0 {
		return nil
	}
	if err := s.client.SAdd(ctx, s.keys.lengths(), lengths...).Err(); err != nil {
		return fmt.Errorf("store prefix lengths: %w", err)
	}
	return nil
}

// Bindings implements quarantine.BindingFinder: it looks in the block of every
// prefix length in use. Entries that do not decode are counted and passed over.
func (s *Store) Bindings(ctx context.Context, addr netip.Addr, from, to time.Time) ([]quarantine.Binding, error) {
	addr = addr.Unmap().WithZone("")
	if !addr.IsValid() {
		return nil, nil
	}
	prefixes, err := s.prefixesOver(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("find bindings of %s: %w", addr, err)
	}
	p := s.client.Pipeline()
	blocks := make([]*redis.MapStringStringCmd, len(prefixes))
	for i, prefix := range prefixes {
		block, _ := blockOf(prefix)
		blocks[i] = p.HGetAll(ctx, s.keys.bindings(block, prefix.Bits()))
	}
	_, _ = p.Exec(ctx) // each command carries its own error
	var found []quarantine.Binding
	for i, prefix := range prefixes {
		entries, err := blocks[i].Result()
		if redis.HasErrorPrefix(err, "WRONGTYPE") {
			s.unreadable.Add(1)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find bindings of %s: %w", addr, err)
		}
		found = append(found, s.inForce(prefix, entries, from, to)...)
	}
	return found, s.fillResets(ctx, found)
}

// prefixesOver lists the prefixes over addr of all lengths in use.
func (s *Store) prefixesOver(ctx context.Context, addr netip.Addr) ([]netip.Prefix, error) {
	lengths, err := s.client.SMembers(ctx, s.keys.lengths()).Result()
	if err != nil {
		return nil, err
	}
	var prefixes []netip.Prefix
	for bits := addr.BitLen(); bits >= 0; bits-- {
		for _, text := range lengths {
			if text == formatLength(addr, bits) {
				prefixes = append(prefixes, netip.PrefixFrom(addr, bits).Masked())
			}
		}
	}
	return prefixes, nil
}

// inForce picks the bindings of prefix from its block.
func (s *Store) inForce(prefix netip.Prefix, entries map[string]string, from, to time.Time) []quarantine.Binding {
	_, digit := blockOf(prefix)
	var found []quarantine.Binding
	for field, value := range entries {
		if field == "" || field[0] != digit {
			continue
		}
		b, err := decodeBinding(prefix, field[1:], value)
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
func decodeBinding(prefix netip.Prefix, field, value string) (quarantine.Binding, error) {
	b := quarantine.Binding{Address: quarantine.Address{Prefix: prefix}}
	cutAt := strings.LastIndexByte(field, ':')
	if cutAt < 1 {
		return b, fmt.Errorf("binding %q", field)
	}
	var ok, okKind bool
	b.Kind, okKind = kindOf(field[0])
	b.Session, ok = parseSessionField(field[1:cutAt])
	parts := strings.Split(value, ",")
	if !ok || !okKind || len(parts) != 5 {
		return b, fmt.Errorf("binding %q", field)
	}
	var errs [4]error
	b.From, errs[0] = parseStamp(parts[0])
	b.RenewedAt, errs[1] = parseStamp(parts[1])
	b.To, errs[2] = parseStamp(parts[2])
	b.StartSeen, b.Ignored = strings.Contains(parts[3], "s"), strings.Contains(parts[3], "i")
	b.Subscriber, errs[3] = url.PathUnescape(parts[4])
	if err := errors.Join(errs[:]...); err != nil {
		return b, err
	}
	if b.From.IsZero() || b.RenewedAt.IsZero() || b.Subscriber == "" {
		return b, fmt.Errorf("binding %q without subscriber or times", field)
	}
	return b, nil
}

// fillResets sets ResetAt from each BNG's last announced restart.
func (s *Store) fillResets(ctx context.Context, bindings []quarantine.Binding) error {
	if len(bindings) == 0 {
		return nil
	}
	keys := make([]quarantine.SessionKey, len(bindings))
	for i, b := range bindings {
		keys[i] = b.Session
	}
	p := s.client.Pipeline()
	asked := s.askResets(ctx, p, bngsOf(keys))
	_, _ = p.Exec(ctx) // each command carries its own error
	for i := range bindings {
		b := &bindings[i]
		resetAt, err := s.restart(b.Session.BNG, asked[b.Session.BNG])
		if err != nil {
			return err
		}
		b.ResetAt = resetAt
	}
	return nil
}
