package app

import (
	"slices"
	"time"

	"cordon/integration/httpx"
	"cordon/quarantine"
)

// TranslatorLog is what is known of a translator's log that is pushed to
// POST /bindings.
type TranslatorLog struct {
	Name     string              `yaml:"name"`     // of the token that pushes it
	Delivery string              `yaml:"delivery"` // lossy | reliable: may the line of a block's end be lost
	Renewal  quarantine.Duration `yaml:"renewal"`  // how often it says again that a block is held; lossy only
}

// Kinds of delivery.
const (
	deliveryLossy    = "lossy"
	deliveryReliable = "reliable"
)

// openBlockBelieved is how long an open port block from a log that loses lines and
// renews none is believed after its last line: longer than most subscribers hold
// one block, and short enough that a lost end is not believed for days.
const openBlockBelieved = 24 * time.Hour

// interim is what makes an open port block of the log count until the next line
// that is expected about it: quarantine.SilentSince takes it three times. 0: an open
// block is held until the log says otherwise.
func (l TranslatorLog) interim() time.Duration {
	switch {
	case l.Delivery == deliveryReliable:
		return 0
	case l.Renewal > 0:
		return l.Renewal.Std() / quarantine.MissedInterims
	}
	return openBlockBelieved / quarantine.MissedInterims
}

func checkTranslatorLogs(d *document, cfg *Config) {
	names := map[string]bool{}
	for i, l := range cfg.TranslatorLogs {
		p := path{"translator_logs", i}
		switch {
		case l.Name == "":
			d.fail(p, "needs a name: of the token that pushes it")
		case names[l.Name]:
			d.fail(p.to("name"), "%s is there twice", l.Name)
		case len(cfg.HTTP.Tokens) > 0 && !pushesBindings(cfg.HTTP.Tokens, l.Name):
			d.fail(p.to("name"), "unknown token %q with the scope %s under http.tokens", l.Name, httpx.ScopeBindings)
		}
		names[l.Name] = true
		switch l.Delivery {
		case "", deliveryLossy:
			if l.Renewal != 0 && (l.Renewal.Std() < shortestInterim || l.Renewal.Std() > longestInterim) {
				d.fail(p.to("renewal"), "must be from %s to %s", shortestInterim, longestInterim)
			}
		case deliveryReliable:
			if l.Renewal != 0 {
				d.fail(p.to("renewal"), "must be left out with delivery: reliable")
			}
		default:
			d.fail(p.to("delivery"), "must be lossy or reliable")
		}
	}
}

func pushesBindings(tokens []Token, name string) bool {
	return slices.ContainsFunc(tokens, func(t Token) bool {
		return t.Name == name && slices.Contains(t.Scopes, string(httpx.ScopeBindings))
	})
}
