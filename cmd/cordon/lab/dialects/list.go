package dialects

import (
	"fmt"
	"strings"

	"cordon/radiusx/dialect"
)

// List returns the built-in dialects in the order of their names.
func List() []*dialect.Dialect {
	var list []*dialect.Dialect
	for _, name := range dialect.Builtin().Names() {
		d, _ := dialect.Builtin().Get(name)
		list = append(list, d)
	}
	return list
}

// Text is a dialect as a BNG engineer reads it.
func Text(name string) (string, error) {
	d, ok := dialect.Builtin().Get(name)
	if !ok {
		return "", fmt.Errorf("unknown dialect %q: must be one of %s", name, strings.Join(dialect.Builtin().Names(), ", "))
	}
	return d.Text(), nil
}
