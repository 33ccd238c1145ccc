package bngsim

import (
	"cmp"
	"slices"
)

// restart is the quirk reboot: everything is lost, Accounting-On is sent, and the
// subscribers dial in again in the reverse order, so that session ids belong to
// others than before. The caller holds b.mu.
func (b *BNG) restart() {
	b.restartDue = false
	var lost []*session
	for _, s := range b.sessions {
		lost = append(lost, s)
	}
	slices.SortFunc(lost, func(x, y *session) int { return cmp.Compare(y.sequence, x.sequence) })
	b.forgetAll(true)
	if on, err := b.report("Accounting-On", b.config.Now(), nil); err == nil && !b.behaviour.saysNoOn {
		b.queue([]*report{on})
	}
	b.after(redialAfter, func() func() {
		for _, s := range lost {
			// It was reported once with the same values: it can be again.
			_, _, _ = b.open(s.subscriber)
		}
		return nil
	})
}
