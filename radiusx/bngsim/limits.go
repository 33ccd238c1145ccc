package bngsim

import (
	"strconv"
	"strings"
)

// bits is a rate in bit/s: a plain number is in the platform's unit, and has 32 bits
// where it is multiplied.
func (b *behaviour) bits(rate string) string {
	n, err := strconv.ParseUint(rate, 10, 32)
	if err != nil || b.rateUnit == 0 {
		return rate
	}
	return strconv.FormatUint(uint64(uint32(n)*b.rateUnit), 10)
}

// Rate is what AAA's "up/down" comes to in bit/s on gear of the platform, as
// [State.RateLimit] has it.
func (m Platform) Rate(given string) string { return m.behaviour().rate(given) }

// rate is "up/down", or one number, in bit/s.
func (b *behaviour) rate(given string) string {
	up, down, both := strings.Cut(given, "/")
	rate := b.bits(up)
	if both {
		rate += "/" + b.bits(down)
	}
	return rate
}

// resetLimits removes every limit that a request will not name again.
func (r *changing) resetLimits() {
	r.state.RateLimit, r.state.SessionTimeout, r.state.Interim = "", 0, 0
}

func setSessionTimeout(r *changing, value string) ErrorCause {
	return setSeconds(&r.state.SessionTimeout, value)
}

func setInterim(r *changing, value string) ErrorCause { return setSeconds(&r.state.Interim, value) }

func setSeconds(field *uint32, value string) ErrorCause {
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return InvalidAttributeValue
	}
	*field = uint32(n)
	return OK
}
