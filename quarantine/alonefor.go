package quarantine

import (
	"fmt"
	"time"
)

// Bounds of Instance.AloneFor. Shorter than the first is a cut cable that is put back;
// others may wait for so long after the answer of one that reaches the store again.
const (
	MinAloneFor = time.Minute
	MaxAloneFor = 7 * day
)

// CheckAloneFor checks how long an instance may answer accounting that the store does not
// take; 0: not at all.
func CheckAloneFor(d time.Duration) error {
	if d != 0 && (d < MinAloneFor || d > MaxAloneFor) {
		return fmt.Errorf("must be from %s to %s, or 0 to answer nothing that the store does not take",
			FormatDuration(MinAloneFor), FormatDuration(MaxAloneFor))
	}
	return nil
}
