package stories

import (
	"slices"

	"cordon/radiusx/bngsim"
)

// lasting are quirks that a BNG of a story may have from its beginning to its end:
// what stays true of gear when everything else is healed.
var lasting = []bngsim.Quirk{
	bngsim.NAKsRestrict, bngsim.NAKsRestore, bngsim.MACAuth, bngsim.NoDuplicateCache, bngsim.NAKWithoutCause,
	bngsim.SessionIDChanges, bngsim.IDReuse, bngsim.AckBefore,
}

// hooks are quirks that come and go in a story. A datagram that the network
// doubled and held for 20 s (late-duplicate) is not among them: of one that was
// sent once and answered it cannot be known that it comes again after the release.
var hooks = []bngsim.Quirk{bngsim.SlowHooks, bngsim.QueuedHooks, bngsim.BusyDrop, bngsim.Slow}

// has reports whether a platform is known for a quirk, or any is. A swap of two
// requests cannot be finished on gear that renames the session at the first: its
// clones (EcoBRAS) are for the overlay, which is one.
func (g *gear) has(q bngsim.Quirk) bool {
	if q == bngsim.SessionIDChanges && g.steps > 1 {
		return false
	}
	all := bngsim.Quirks()
	at := slices.IndexFunc(all, func(info bngsim.QuirkInfo) bool { return info.Name == q })
	return all[at].Platforms == nil || slices.Contains(all[at].Platforms, g.platform)
}

// bend sets the quirks of a BNG: its own, and more.
func (b *labBNG) bend(more ...bngsim.Quirk) {
	must(b.world.t, b.sim.SetQuirks(slices.Concat(b.gear.quirks, b.quirks, more)...))
}
