package bng

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// A normal profile may be, wholly or in the words behind it, what accounting showed
// last while nothing was wanted: "$Filter-Id|INTERNET", or
// "2000/10000 timeout=$Session-Timeout|86400".

// wordsBehind are the words behind a normal profile's name: " timeout=86400".
var wordsBehind = regexp.MustCompile(` +[a-z]+=`)

// fields splits a normal profile before each of its words; joined again they are
// the profile. What has no $ is one field.
func fields(normal string) []string {
	var list []string
	last := 0
	for _, at := range wordsBehind.FindAllStringIndex(normal, -1) {
		list = append(list, normal[last:at[1]])
		last = at[1]
	}
	return append(list, normal[last:])
}

// seenField splits one field, "$Attribute|fallback word=", into what is around.
func seenField(field string) (attribute, fallback, rest string, ok bool) {
	value := field
	if at := wordsBehind.FindStringIndex(field); at != nil {
		value, rest = field[:at[0]], field[at[0]:]
	}
	if !strings.HasPrefix(value, "$") {
		return "", "", "", false
	}
	attribute, fallback, _ = strings.Cut(value[1:], "|")
	return attribute, fallback, rest, true
}

// observed lists the attributes of accounting that a normal profile is read from.
func observed(normal string) []string {
	var names []string
	for _, field := range fields(normal) {
		if name, _, _, ok := seenField(field); ok {
			names = append(names, name)
		}
	}
	return names
}

// ResolveNormal replaces each "$Attribute|fallback" by what was seen of it, or the
// fallback if seen returns nothing; everything else stays as it is.
func ResolveNormal(configured string, seen func(attribute string) string) string {
	var b strings.Builder
	for _, field := range fields(configured) {
		if name, fallback, rest, ok := seenField(field); ok {
			b.WriteString(cmp.Or(seen(name), fallback) + rest)
		} else {
			b.WriteString(field)
		}
	}
	return b.String()
}

// fallbacks is a normal profile of a session that never showed anything. An error says
// which part has none.
func fallbacks(configured string) (string, error) {
	for _, field := range fields(configured) {
		if name, fallback, _, ok := seenField(field); ok && fallback == "" {
			return "", fmt.Errorf("normal: %s must have a fallback for sessions that never showed one: $%s|NAME", configured, name)
		}
	}
	return ResolveNormal(configured, func(string) string { return "" }), nil
}
