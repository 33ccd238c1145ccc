package httpx

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"cordon/integration/wire"
)

// defaultAuthor signs what is done on an open listener by a client that does
// not say who it is.
const defaultAuthor = "operator"

// maxAuthor bounds an author's name, in octets.
const maxAuthor = 128

// Principal is who a request comes from.
type Principal struct {
	Name   string // the author of what is done: token name, or the person named on an open listener
	Source string // not empty: only verdicts of this source
	scopes []Scope
	open   bool // no tokens are configured: everything is allowed
}

// May reports whether the principal has any of the scopes.
func (p Principal) May(anyOf ...Scope) bool {
	return p.open || slices.ContainsFunc(anyOf, func(s Scope) bool { return slices.Contains(p.scopes, s) })
}

// MaySend reports whether the principal may hand in verdicts of the source.
func (p Principal) MaySend(source string) bool { return p.Source == "" || p.Source == source }

// PrincipalOf returns who the request in ctx comes from; the zero Principal,
// who may do nothing, outside of a request.
func PrincipalOf(ctx context.Context) Principal { return requestOf(ctx).principal }

// Author is the name to sign a human action with.
func Author(ctx context.Context) string { return PrincipalOf(ctx).Name }

// identify finds out who is calling. ok is false if a credential was presented
// that is not valid, or none although one is needed; p is then nobody.
func identify(tokens []Token, r *http.Request) (p Principal, ok bool) {
	if len(tokens) == 0 {
		return Principal{Name: openAuthor(r), open: true}, true
	}
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return Principal{}, false
	}
	t, ok := findToken(tokens, strings.TrimSpace(value))
	if !ok {
		return Principal{}, false
	}
	return Principal{Name: t.Name, Source: t.Source, scopes: t.Scopes}, true
}

func openAuthor(r *http.Request) string {
	name := strings.TrimSpace(r.Header.Get(wire.AuthorHeader))
	if name == "" || len(name) > maxAuthor || strings.ContainsFunc(name, unprintable) {
		return defaultAuthor
	}
	return name
}

// unprintable finds what could forge a line of a log or a table: control
// characters, ANSI escapes, direction overrides, broken UTF-8.
func unprintable(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }
