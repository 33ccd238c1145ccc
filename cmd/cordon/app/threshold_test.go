package app

import (
	"strings"
	"testing"
)

func TestAThresholdThatACaseCouldNotRememberIsRefused(t *testing.T) {
	const is = "threshold: {count: 2, within: 24h}"
	for threshold, want := range map[string]string{
		"threshold: {count: 1000, within: 24h}": "",
		"threshold: {count: 1001, within: 24h}": "policy.rules[1].threshold.count: must be at most 1000",
		"threshold: {sources: 101}":             "policy.rules[1].threshold.sources: must be at most 100",
		"threshold: {sum: 10}":                  "",
		"threshold: {sum: 10.1}": "policy.rules[1].threshold.sum: must be at most 10: 1000 verdicts of the least confidence " +
			"that counts, 0.01",
		"threshold: {count: -1}":                  "policy.rules[1].threshold: amounts must not be negative",
		"threshold: {sum: .nan}":                  "policy.rules[1].threshold: amounts must not be negative",
		"threshold: {sum: 100, within: 24h}":      "policy.rules[1].threshold.sum: must be at most 10",
		"threshold: {sum: 0.5, sources: 100}":     "",
		"threshold: {sum: 0.5, sources: 1000000}": "policy.rules[1].threshold.sources: must be at most 100",
	} {
		text := strings.Replace(goodConfig, is, threshold, 1)
		_, _, _, err := parse("cordon.yaml", []byte(text))
		switch {
		case text == goodConfig:
			t.Fatalf("nothing replaced by %s", threshold)
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", threshold, err, want)
		}
	}
	confident := strings.Replace(goodConfig, "match: {category: [ddos]}, profile: disconnect, for: 1h, mode: shadow, "+is,
		"match: {category: [ddos], min_confidence: 0.5}, profile: disconnect, for: 1h, mode: shadow, threshold: {sum: 500}", 1)
	if _, _, _, err := parse("cordon.yaml", []byte(confident)); err != nil || confident == goodConfig {
		t.Errorf("a sum of verdicts that are each worth half: %v", err)
	}
}
