package docs_test

import (
	"fmt"
	"strings"
	"testing"

	"cordon/radiusx/dialect"
)

func TestTheDialectsAreShownAsTheyAre(t *testing.T) {
	var b strings.Builder
	for _, name := range dialect.Builtin().Names() {
		d, ok := dialect.Builtin().Get(name)
		if !ok {
			t.Fatalf("%s is listed and not there", name)
		}
		fmt.Fprintf(&b, "## %s\n\n```text\n%s```\n\n", name, d.Text())
	}
	checkGenerated(t, "dialects.md", b.String())
}
