package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
)

// Blocks of an address's ports lie in hashes of their own, one for each slice of
// ports that they touch. What is read of a port is then what was said about its
// slice, however many share the address.
const (
	sliceSize  = 1024
	wideSlices = 8 // a block of more is in the hash of wide ones only
	wide       = "w"
)

// slicesOf names the hashes that a block of ports stands in.
func slicesOf(ports quarantine.PortRange) []string {
	lo, hi := int(ports.Lo)/sliceSize, int(ports.Hi)/sliceSize
	if hi-lo >= wideSlices {
		return []string{wide}
	}
	return sliceNames(lo, hi)
}

func sliceNames(lo, hi int) []string {
	names := make([]string, 0, hi-lo+1)
	for n := lo; n <= hi; n++ {
		names = append(names, strconv.Itoa(n))
	}
	return names
}

// allSlices names every hash that blocks of an address may stand in.
func allSlices() []string { return append(sliceNames(0, (1<<16-1)/sliceSize), wide) }

// bindingKeys lists the hashes that a binding stands in.
func (s *Store) bindingKeys(a *quarantine.Address) []string {
	if a.Ports.All() {
		block, _ := blockOf(a.Prefix)
		return []string{s.keys.bindings(quarantine.Place{Addr: block, Space: a.Space}, a.Prefix.Bits())}
	}
	at := quarantine.Place{Addr: a.Prefix.Addr(), Space: a.Space}
	var keys []string
	for _, slice := range slicesOf(a.Ports) {
		keys = append(keys, s.keys.portBlocks(at, slice))
	}
	return keys
}

// BindingsOfPort implements quarantine.PortFinder.
func (s *Store) BindingsOfPort(ctx context.Context, at quarantine.Place, port uint16, from, to time.Time) ([]quarantine.Binding, error) {
	use, err := s.inUse(ctx, at)
	if err != nil || !use.place.IsValid() {
		return nil, err
	}
	found := finds{store: s, use: use, from: from, to: to}
	err = found.read(ctx, append(use.blocks(), use.ports(strconv.Itoa(int(port)/sliceSize), wide)...))
	if err != nil {
		return nil, err
	}
	// A newer block that has any port of an older one shows that the older is over.
	var beyond []string
	for _, b := range found.list {
		if !b.Ports.All() && b.Ports.Has(port) {
			beyond = append(beyond, sliceNames(int(b.Ports.Lo)/sliceSize, int(b.Ports.Hi)/sliceSize)...)
		}
	}
	slices.Sort(beyond)
	if err := found.read(ctx, use.ports(slices.Compact(beyond)...)); err != nil {
		return nil, err
	}
	return s.complete(ctx, found.about(port))
}

// about drops the blocks that have nothing to do with a port.
func (f *finds) about(port uint16) []foundBinding {
	own := slices.DeleteFunc(slices.Clone(f.list), func(b foundBinding) bool { return b.Ports.All() || !b.Ports.Has(port) })
	return slices.DeleteFunc(f.list, func(b foundBinding) bool {
		return !b.Ports.All() && !slices.ContainsFunc(own, func(o foundBinding) bool { return o.Ports.Overlaps(b.Ports) })
	})
}

// sharedAtOnce is how many slices are read at a time when any block will do.
const sharedAtOnce = 8

// Shared implements quarantine.PortFinder.
func (s *Store) Shared(ctx context.Context, at quarantine.Place, from, to time.Time) (bool, error) {
	use, err := s.inUse(ctx, at)
	if err != nil || !use.shared {
		return false, err
	}
	there, err := s.existing(ctx, use.ports(allSlices()...))
	if err != nil {
		return false, fmt.Errorf("find blocks of %s: %w", at, err)
	}
	found := finds{store: s, use: use, from: from, to: to}
	for some := range slices.Chunk(there, sharedAtOnce) {
		if err := found.read(ctx, some); err != nil {
			return false, err
		}
		if len(found.list) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// existing returns those hashes that are there: of most addresses none is.
func (s *Store) existing(ctx context.Context, hashes []hash) ([]hash, error) {
	if len(hashes) == 0 {
		return nil, nil
	}
	p := s.client.Pipeline()
	asked := make([]*redis.IntCmd, len(hashes))
	for i, h := range hashes {
		asked[i] = p.Exists(ctx, h.key)
	}
	_, _ = p.Exec(ctx) // each command carries its own error
	var there []hash
	for i, exists := range asked {
		n, err := exists.Result()
		if err != nil {
			return nil, err
		}
		if n > 0 {
			there = append(there, hashes[i])
		}
	}
	return there, nil
}

// portsLength is how the set of lengths says that blocks of ports are in use.
func portsLength(at quarantine.Place) string {
	family := "6"
	if at.Addr.Is4() {
		family = "4"
	}
	return fmt.Sprintf("%s/%d#%s", family, at.Addr.BitLen(), inSpace(at.Space))
}
