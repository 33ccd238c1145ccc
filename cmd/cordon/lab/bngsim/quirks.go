package bngsim

import (
	"fmt"
	"io"
	"text/tabwriter"

	"cordon/radiusx/bngsim"
)

// WriteQuirks writes what --quirks shows: each quirk, what it does and whose
// gear has it.
func WriteQuirks(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, q := range bngsim.Quirks() {
		_, _ = fmt.Fprintf(t, "%s\t%s\n\t  seen at: %s\n", q.Name, q.Does, q.Gear)
	}
	return t.Flush() // tabwriter keeps the first error
}
