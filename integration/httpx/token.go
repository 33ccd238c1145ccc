package httpx

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
)

// Scope is one right of a token. No scope implies another.
type Scope string

// The scopes. The last three belong to edges that are mounted by name only when
// they are configured.
const (
	ScopeVerdict    Scope = "verdict"    // submit verdicts
	ScopeRead       Scope = "read"       // see cases, verdicts, sessions, subscribers
	ScopeQuarantine Scope = "quarantine" // manual quarantine, change an expiry
	ScopeRelease    Scope = "release"    // end a case
	ScopeApprove    Scope = "approve"    // approve or reject held cases
	ScopeAdmin      Scope = "admin"      // maintenance, instances, session import
	ScopeBindings   Scope = "bindings"   // push translators' logs
	ScopeAuthorize  Scope = "authorize"  // POST /radius/authorize
	ScopePortal     Scope = "portal"     // act for a restricted subscriber
)

// Scopes lists every scope a token may carry.
var Scopes = []Scope{
	ScopeVerdict, ScopeRead, ScopeQuarantine, ScopeRelease, ScopeApprove, ScopeAdmin,
	ScopeBindings, ScopeAuthorize, ScopePortal,
}

// strongToken is the length of the shortest token that is not weak, in bytes: 128
// random bits are 22 bytes in base64 and 32 in hexadecimal.
const strongToken = 22

// Token is a bearer token (RFC 6750). Only the digest of its value is kept, so that
// neither a dump nor a log can disclose it.
type Token struct {
	Name   string  // its owner: the author of what is done with it
	Scopes []Scope // at least one
	Source string  // not empty: may submit verdicts of this source only
	digest [sha256.Size]byte
	weak   bool
}

// NewToken digests value, which is not kept. Errors name the token, never its
// value.
func NewToken(name, value string, scopes []Scope, source string) (Token, error) {
	t := Token{Name: name, Scopes: scopes, Source: source, digest: sha256.Sum256([]byte(value)), weak: len(value) < strongToken}
	switch {
	case name == "":
		return Token{}, errors.New("token: name must be set")
	case value == "":
		return Token{}, fmt.Errorf("token %q must not be empty", name)
	case len(scopes) == 0:
		return Token{}, fmt.Errorf("token %q must have a scope", name)
	}
	for _, s := range scopes {
		if !slices.Contains(Scopes, s) {
			return Token{}, fmt.Errorf("token %q: unknown scope %q; known are %q", name, s, Scopes)
		}
	}
	return t, nil
}

// Weak reports whether the token is too short for 128 random bits (OWASP ASVS 5.0,
// 11.5.1).
func (t Token) Weak() bool { return t.weak }

// checkTokens finds duplicate tokens.
func checkTokens(tokens []Token) error {
	for i, t := range tokens {
		if t.Name == "" {
			return errors.New("token: not created by NewToken")
		}
		for _, other := range tokens[:i] {
			if t.Name == other.Name {
				return fmt.Errorf("duplicate token name %q", t.Name)
			}
			if t.digest == other.digest {
				return fmt.Errorf("tokens %q and %q have the same value", other.Name, t.Name)
			}
		}
	}
	return nil
}

// findToken compares value with every token in constant time; the time it takes does
// not depend on how much of a token matches.
func findToken(tokens []Token, value string) (*Token, bool) {
	digest := sha256.Sum256([]byte(value))
	var found *Token
	for i := range tokens {
		if subtle.ConstantTimeCompare(tokens[i].digest[:], digest[:]) == 1 {
			found = &tokens[i]
		}
	}
	return found, found != nil
}
