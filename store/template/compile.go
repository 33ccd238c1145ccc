package template

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// lookup is a compiled Lookup.
type lookup struct {
	Lookup
	key    pattern
	value  pattern
	fields []string // hash fields or paths, once each, in a fixed order
	next   *lookup  // the look-up that its values lead to; nil: they are records
}

// names lists the values that the look-up yields, its key included.
func (l *lookup) names() []string {
	items := slices.Concat(l.key.names, l.value.names)
	if l.Type.structured() {
		items = append(items, slices.Sorted(maps.Keys(l.Fields))...)
	}
	return items
}

// compiled is a compiled Template. What is not configured is nil.
type compiled struct {
	bySession, bySubscriber, byAddress, byPrefix *lookup
	format                                       TimeFormat
}

// compiler collects faults.
type compiler struct{ faults []Fault }

func (c *compiler) fail(format string, args []any, at ...any) {
	c.faults = append(c.faults, Fault{At: at, Message: fmt.Sprintf(format, args...)})
}

// compile compiles a template and names everything that is wrong with it.
func compile(t *Template) (compiled, []Fault) {
	var c compiler
	ready := compiled{format: t.TimeFormat}
	ready.bySession = c.lookup("by_session", &t.BySession, sessionKeyNames)
	ready.bySubscriber = c.lookup("by_subscriber", &t.BySubscriber, subscriberKeyNames)
	ready.byAddress = c.lookup("by_address", &t.ByAddress, addressKeyNames)
	ready.byPrefix = c.lookup("by_prefix", &t.ByPrefix, prefixKeyNames)
	if !t.BySubscriber.isSet() {
		c.fail("must be set: cases are about subscribers", nil, "by_subscriber")
	}
	if t.ByPrefix.isSet() != (len(t.PrefixLengths) > 0) {
		c.fail("must be set with by_prefix, and only then", nil, "prefix_lengths")
	}
	for i, bits := range t.PrefixLengths {
		if bits < 1 || bits > 128 {
			c.fail("must be from 1 to 128", nil, "prefix_lengths", i)
		}
	}
	switch t.TimeFormat {
	case "":
		ready.format = Unix
	case Unix, UnixMilli, RFC3339:
	default:
		c.fail("must be %s, %s or %s", []any{Unix, UnixMilli, RFC3339}, "time_format")
	}
	if t.SilentAfter < 0 {
		c.fail("must not be negative", nil, "silent_after")
	}
	if len(c.faults) == 0 {
		c.connect(&ready)
	}
	return ready, c.faults
}

// lookup reads one look-up; nil if it is not configured or wrong.
func (c *compiler) lookup(at string, l *Lookup, keyNames []string) *lookup {
	if !l.isSet() {
		return nil
	}
	ready := &lookup{Lookup: *l}
	if ready.Type == "" {
		ready.Type = String
		if len(l.Fields) > 0 {
			ready.Type = Hash
		}
	}
	var err error
	if ready.key, err = parsePattern(l.Key, keyNames); err != nil {
		c.fail("%v", []any{err}, at, "key")
	} else if len(ready.key.names) == 0 {
		c.fail("must have a placeholder: all sessions would be at one key", nil, at, "key")
	}
	switch ready.Type {
	case Hash, JSON:
		c.fields(at, ready)
	case String, List, Set:
		if ready.value, err = parsePattern(l.Value, valueNames); err != nil {
			c.fail("%v", []any{err}, at, "value")
		} else if len(ready.value.names) == 0 || ready.value.ambiguous() {
			c.fail("must have placeholders, with text between two of them", nil, at, "value")
		}
		if len(l.Fields)+len(l.Attributes) > 0 {
			c.fail("must be left out unless the type is hash or json", nil, at, "fields")
		}
	default:
		c.fail("must be %s, %s, %s, %s or %s", []any{String, Hash, JSON, List, Set}, at, "type")
	}
	return ready
}

func (c *compiler) fields(at string, l *lookup) {
	if l.Value != "" {
		c.fail("must be left out for a %s, which has fields", []any{l.Type}, at, "value")
	}
	if len(l.Fields) == 0 {
		c.fail("must be set for a %s", []any{l.Type}, at, "fields")
	}
	for _, name := range slices.Sorted(maps.Keys(l.Fields)) {
		switch {
		case !slices.Contains(recordNames, name):
			c.fail("unknown field %q: must be one of %s; RADIUS attributes go under attributes",
				[]any{name, strings.Join(recordNames, ", ")}, at, "fields", name)
		case l.Fields[name] == "":
			c.fail("must name a field", nil, at, "fields", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.Attributes)) {
		if name == "" || l.Attributes[name] == "" {
			c.fail("must have an attribute's name and a field", nil, at, "attributes", name)
		}
	}
	unique := map[string]bool{}
	for _, field := range slices.Concat(slices.Collect(maps.Values(l.Fields)), slices.Collect(maps.Values(l.Attributes))) {
		unique[field] = true
	}
	l.fields = slices.Sorted(maps.Keys(unique))
}

// connect finds what each look-up leads to: preferably the record under by_session,
// then a record of its own, then what by_subscriber has.
func (c *compiler) connect(t *compiled) {
	for at, l := range map[string]*lookup{"by_session": t.bySession, "by_subscriber": t.bySubscriber, "by_address": t.byAddress,
		"by_prefix": t.byPrefix} {
		if l == nil {
			continue
		}
		missing := missingName(l)
		switch {
		case l != t.bySession && t.bySession != nil && containsAll(l.names(), t.bySession.key.names):
			l.next = t.bySession
		case missing == "":
		case l != t.bySession && l != t.bySubscriber && slices.Contains(l.names(), nameSubscriber):
			l.next = t.bySubscriber
		default:
			c.fail("must lead to another look-up or be a session's record: %s is missing", []any{missing}, at)
		}
	}
	if t.byAddress != nil && !namesAny(recordsOf(t.byAddress), nameAddress, nameIPv6) {
		c.fail("leads to records without an address of their own", nil, "by_address")
	}
	if t.byPrefix != nil && !namesAny(recordsOf(t.byPrefix), namePrefix, nameDelegated) {
		c.fail("leads to records without a prefix of their own", nil, "by_prefix")
	}
}

// recordsOf follows a look-up to where the records are.
func recordsOf(l *lookup) *lookup {
	for l.next != nil {
		l = l.next
	}
	return l
}

// missingName says what a look-up lacks to be a session's record; "" if nothing.
func missingName(l *lookup) string {
	for _, need := range [][]string{
		{nameSubscriber}, {nameSession}, {nameBNG, nameNASIP, nameNASID}, {nameStarted, nameUpdated},
	} {
		if !namesAny(l, need...) {
			return strings.Join(need, " or ")
		}
	}
	return ""
}

func namesAny(l *lookup, names ...string) bool {
	items := l.names()
	return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(items, n) })
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(n string) bool { return !slices.Contains(all, n) })
}
