package radiusx

import (
	"fmt"
	"os"
	"strings"
)

// Secret is a RADIUS shared secret. Every way of printing or encoding it shows
// "<secret>"; only [Secret.Bytes] reveals it.
type Secret struct{ value []byte }

// WeakSecretLength is the longest length, in octets, that is warned about:
// such a secret can be brute-forced from captured packets
// (draft-ietf-radext-deprecating-radius).
const WeakSecretLength = 12

// NewSecret returns s as a Secret. It is an error for s to be empty.
func NewSecret(s string) (Secret, error) {
	if s == "" {
		return Secret{}, fmt.Errorf("secret is empty")
	}
	return Secret{value: []byte(s)}, nil
}

// ReadSecret reads a secret from the file at path; one trailing line break is
// not part of it.
func ReadSecret(path string) (Secret, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Secret{}, fmt.Errorf("read secret: %w", err)
	}
	s, err := NewSecret(strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"))
	if err != nil {
		return Secret{}, fmt.Errorf("read secret %s: %w", path, err)
	}
	return s, nil
}

// Bytes returns the secret itself. The caller must not change or print it.
func (s Secret) Bytes() []byte { return s.value }

// IsZero reports whether no secret was set.
func (s Secret) IsZero() bool { return len(s.value) == 0 }

// Weak reports whether the secret is short enough, or well known enough, to
// deserve a warning.
func (s Secret) Weak() bool {
	return len(s.value) <= WeakSecretLength || string(s.value) == "testing123"
}

// Format prints "<secret>" whatever the verb, so that %+v and %#v of a
// structure around it show nothing either.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(masked)) }

// MarshalText makes JSON, YAML and zap show "<secret>".
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

const masked = "<secret>"
