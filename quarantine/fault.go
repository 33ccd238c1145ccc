package quarantine

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Fault is one thing wrong with a value that an operator configured. Its error says what
// the value must be; whoever knows the file maps the path to a line and a column.
type Fault struct {
	// Path leads to the value from the one that was validated, as it is written in YAML:
	// keys after dots, indexes from 0 in brackets: "rules[2].match.min_confidence". See
	// [PathTo].
	// Empty: the value that was validated, as a whole.
	Path string
	Err  error
}

func (f Fault) Error() string {
	if f.Path == "" {
		return f.Err.Error()
	}
	return f.Path + ": " + f.Err.Error()
}

// Unwrap returns what is wrong, without the path.
func (f Fault) Unwrap() error { return f.Err }

// Faults are all that is wrong with a value; none: it is valid.
type Faults []Fault

func (f Faults) Error() string {
	errs := make([]error, len(f))
	for i := range f {
		errs[i] = f[i]
	}
	return errors.Join(errs...).Error()
}

// Err returns the faults as an error, nil if there are none.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// Under returns the faults of a value that stands at path in another one. Where path is
// formatted with arguments, it is as by fmt.Sprintf: f.Under("rules[%d]", i).
func (f Faults) Under(path string, args ...any) Faults {
	if len(args) > 0 {
		path = fmt.Sprintf(path, args...)
	}
	under := make(Faults, len(f))
	for i := range f {
		under[i] = Fault{joinPath(path, f[i].Path), f[i].Err}
	}
	return under
}

// PathTo is the path to what stands under a key, chosen by the operator, of the value at
// outer. A key that could be taken for several steps is in quotes: profiles["walled.garden"].
func PathTo(outer, key string) string {
	if strings.ContainsAny(key, `.[]"`) {
		key = "[" + strconv.Quote(key) + "]"
	}
	return joinPath(outer, key)
}

// joinPath writes the path to what stands at inner in the value at outer.
func joinPath(outer, inner string) string {
	if outer == "" || inner == "" || strings.HasPrefix(inner, "[") {
		return outer + inner
	}
	return outer + "." + inner
}

// add notes a fault of the value at path.
func (f *Faults) add(path, format string, args ...any) {
	*f = append(*f, Fault{path, fmt.Errorf(format, args...)})
}

// uniqueNames are the names that a list has so far.
type uniqueNames map[string]bool

// check notes a fault of the next value of the list if an earlier one has its name.
func (u uniqueNames) check(f *Faults, name string) {
	if name != "" && u[name] {
		f.add("name", "duplicate name %q", name)
	}
	u[name] = true
}
