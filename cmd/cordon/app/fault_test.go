package app

import "testing"

func TestWhatTheYAMLLibrarySaysIsPutInWordsOfTheConfiguration(t *testing.T) {
	for text, want := range map[string]string{
		"cannot construct !!str `x` into int":                                                  "text `x` stands where a number is wanted",
		"cannot construct !!str `127.0.0...` into []string":                                    "text `127.0.0...` stands where a list, [A, B], is wanted",
		"cannot construct !!seq into string":                                                   "a list stands where text is wanted",
		"cannot construct !!str `a` into quarantine.Match":                                     "text `a` stands where a mapping of keys is wanted",
		"field profils not found in type bng.Config":                                           "unknown key profils",
		`netip.ParsePrefix("1.2.3.300/32"): ParseAddr("1.2.3.300"): IPv4 field has value >255`: `"1.2.3.300/32" is no prefix: write it as 198.51.100.0/24 or 2001:db8::/32`,
		`ParseAddr("bng.example"): unexpected character`:                                       `"bng.example" is no IP address`,
		"interim is from 1m0s to 24h0m0s, or none":                                             "interim is from 1m0s to 24h0m0s, or none",
	} {
		if got := inWords(text); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}
