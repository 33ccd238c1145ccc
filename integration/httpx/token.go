package httpx

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
)

// Scope is one right that a token may carry. No scope implies another.
type Scope string

// The scopes. The last three belong to edges that are mounted by name only when
// they are configured.
const (
	ScopeVerdict    Scope = "verdict"    // hand in verdicts
	ScopeRead       Scope = "read"       // see cases, verdicts, sessions, subscribers
	ScopeQuarantine Scope = "quarantine" // restrict a subscriber by hand, change an expiry
	ScopeRelease    Scope = "release"    // end a case
	ScopeApprove    Scope = "approve"    // lift or confirm a hold
	ScopeAdmin      Scope = "admin"      // switches that concern everybody
	ScopeBindings   Scope = "bindings"   // report address bindings
	ScopeAuthorize  Scope = "authorize"  // ask at log-in
	ScopePortal     Scope = "portal"     // act for a restricted subscriber
)

// Scopes lists every scope a token may carry.
var Scopes = []Scope{
	ScopeVerdict, ScopeRead, ScopeQuarantine, ScopeRelease, ScopeApprove, ScopeAdmin,
	ScopeBindings, ScopeAuthorize, ScopePortal,
}

// strongToken is the shortest token that is not called weak, in octets: 128
// random bits are 22 octets in base64 and 32 in hexadecimal.
const strongToken = 22

// Token is a bearer token (RFC 6750) as the server keeps it: only the digest of
// its value, so that neither a dump nor a log can give it away.
type Token struct {
	Name   string  // who it was given to: the author of what is done with it
	Scopes []Scope // at least one
	Source string  // not empty: may hand in verdicts of this source only
	digest [sha256.Size]byte
	weak   bool
}

// NewToken digests value, which is not kept. Errors name the token, never its
// value.
func NewToken(name, value string, scopes []Scope, source string) (Token, error) {
	t := Token{Name: name, Scopes: scopes, Source: source, digest: sha256.Sum256([]byte(value)), weak: len(value) < strongToken}
	switch {
	case name == "":
		return Token{}, errors.New("a token needs a name")
	case value == "":
		return Token{}, fmt.Errorf("token %q is empty", name)
	case len(scopes) == 0:
		return Token{}, fmt.Errorf("token %q has no scope", name)
	}
	for _, s := range scopes {
		if !slices.Contains(Scopes, s) {
			return Token{}, fmt.Errorf("token %q: there is no scope %q; scopes are %q", name, s, Scopes)
		}
	}
	return t, nil
}

// Weak reports whether the token is so short that it deserves a warning: it
// cannot hold 128 random bits (OWASP ASVS 5.0, 11.5.1).
func (t Token) Weak() bool { return t.weak }

// checkTokens finds two tokens that cannot be told apart.
func checkTokens(tokens []Token) error {
	for i, t := range tokens {
		if t.Name == "" {
			return errors.New("a token was not made by NewToken")
		}
		for _, other := range tokens[:i] {
			if t.Name == other.Name {
				return fmt.Errorf("two tokens are named %q", t.Name)
			}
			if t.digest == other.digest {
				return fmt.Errorf("tokens %q and %q have the same value", other.Name, t.Name)
			}
		}
	}
	return nil
}

// findToken compares value with every token in constant time; how long it takes
// tells nothing about which one nearly fitted.
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
