package httpx

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"cordon/integration/wire"
)

// defaultAuthor is the author of a client on an open listener that names none.
const defaultAuthor = "operator"

// maxAuthor bounds an author's name, in bytes.
const maxAuthor = 128

// Principal is the authenticated caller of a request.
type Principal struct {
	Name   string // author of its decisions: the token's name, or on an open listener the named person
	Source string // not empty: may submit verdicts of this source only
	scopes []Scope
	open   bool // no tokens are configured: everything is allowed
}

// May reports whether the principal has any of the scopes.
func (p Principal) May(anyOf ...Scope) bool {
	return p.open || slices.ContainsFunc(anyOf, func(s Scope) bool { return slices.Contains(p.scopes, s) })
}

// MaySend reports whether the principal may submit verdicts of the source.
func (p Principal) MaySend(source string) bool { return p.Source == "" || p.Source == source }

// PrincipalOf returns the caller of the request in ctx; outside of a request the zero
// Principal, who may do nothing.
func PrincipalOf(ctx context.Context) Principal { return requestOf(ctx).principal }

// Author is the name of the request's caller, for the journal and the case.
func Author(ctx context.Context) string { return PrincipalOf(ctx).Name }

// identify authenticates the caller. ok is false if the credential is invalid, or
// missing although required; p is then zero.
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

// unprintable reports characters that could forge a line of a log or a table: control
// characters, ANSI escapes, direction overrides, invalid UTF-8.
func unprintable(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }
