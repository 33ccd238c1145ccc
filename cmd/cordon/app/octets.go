package app

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Octets is an amount of storage, written as 1GB, 512MB or 64MiB.
type Octets int64

// octetUnits is the one table of units, the longer names first.
var octetUnits = []struct {
	name   string
	octets int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *Octets) UnmarshalText(text []byte) error {
	for _, unit := range octetUnits {
		number, found := strings.CutSuffix(string(text), unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/unit.octets {
			break
		}
		*o = Octets(n * unit.octets)
		return nil
	}
	return fmt.Errorf("%q is no amount of storage: write it as 1GB, 512MB or 64MiB", text)
}
