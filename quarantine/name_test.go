package quarantine

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"testing"
	"time"
	"unicode/utf8"
)

func TestNamesAndTheirKeys(t *testing.T) {
	for name, key := range map[string]string{
		"":                 "",
		"alice@isp":        "alice@isp",
		"M\xfcller":        `M\xfcller`,
		"Müller":           "Müller",
		`CORP\alice`:       `CORP\alice`,
		`CORP\xavier`:      `CORP\\xavier`,
		`M\xfcller`:        `M\\xfcller`,
		`\\x`:              `\\\x`,
		"\\\xfc":           `\x5c\xfc`,
		"\\\\\xfc":         `\x5c\x5c\xfc`,
		"a\\":              `a\`,
		"\xff\xfe\x00":     `\xff\xfe\x00`,
		"line\nbreak\x7f":  `line\x0abreak\x7f`,
		"\uFFFD":           `\xef\xbf\xbd`,
		"\xe2\x82":         `\xe2\x82`, // a cut €
		`\X41`:             `\X41`,
		"x\\":              `x\`,
		"0x41 \\ x":        `0x41 \ x`,
		"日本\xff語":          `日本\xff語`,
		"\\x\xfc\\x\\\xfc": `\\x\xfc\\x\x5c\xfc`,
	} {
		if got := EscapeName(name); got != key {
			t.Errorf("%q has key %s, want %s", name, got, key)
		}
		if back, err := UnescapeName(key); err != nil || back != name {
			t.Errorf("key %s is of %q (%v), want %q", key, back, err, name)
		}
		if key == "" {
			continue
		}
		if wrong := CheckSubscriber(key); wrong != nil {
			t.Errorf("nobody can name %s: %v", key, wrong)
		}
	}
	for _, key := range []string{`CORP\xavier`, `M\xFCller`, `\x`, `\x4`, `\x41`, `a\xf`, "M\xfcller", "a\nb", `\\\xfc\x`} {
		if name, err := UnescapeName(key); !errors.Is(err, ErrNoKey) {
			t.Errorf("%q is taken for the key of %q", key, name)
		}
	}
}

// Names of few different octets, so that what might be mixed up comes often.
func TestDifferentNamesHaveDifferentKeys(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	const octets = "\\\\\\xx5cfF\xfc\x00\xc3\xbc"
	seen := map[string]string{}
	for range 300_000 {
		name := make([]byte, random.IntN(9))
		for i := range name {
			name[i] = octets[random.IntN(len(octets))]
		}
		key := EscapeName(string(name))
		if other, twice := seen[key]; twice && other != string(name) {
			t.Fatalf("seed %d: %q and %q have the key %s", seed, name, other, key)
		}
		seen[key] = string(name)
	}
}

func FuzzNames(f *testing.F) {
	for _, name := range []string{"alice", "M\xfcller", `CORP\xavier`, "\\\xfc", `\\x5c`, "\x00", "\uFFFD"} {
		f.Add(name, name+`\x`)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		key := EscapeName(one)
		back, err := UnescapeName(key)
		if err != nil || back != one {
			t.Errorf("%q became %s and then %q (%v)", one, key, back, err)
		}
		if one != two && key == EscapeName(two) {
			t.Errorf("%q and %q have the key %s", one, two, key)
		}
		if !utf8.ValidString(key) || len(one) > 0 && len(one) <= 253 && CheckSubscriber(key) != nil {
			t.Errorf("%q: nobody can name %q: %v", one, key, CheckSubscriber(key))
		}
		var read string
		if text, err := json.Marshal(key); err != nil || json.Unmarshal(text, &read) != nil || read != key {
			t.Errorf("%s does not survive JSON", key)
		}
		if name, err := UnescapeName(two); err == nil && EscapeName(name) != two {
			t.Errorf("%q is taken for a key and is none", two)
		}
	})
}
