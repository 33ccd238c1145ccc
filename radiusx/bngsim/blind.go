package bngsim

// blind reports whether no session is found although it is there: a switch-over,
// or a proxy's route to another BNG. The caller holds b.mu.
func (b *BNG) blind() bool {
	if b.behaviour.unknownFor == 0 {
		return false
	}
	now := b.config.Now()
	if b.asked.IsZero() {
		b.asked = now
	}
	return now.Sub(b.asked) < b.behaviour.unknownFor
}
