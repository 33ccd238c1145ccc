package app

import (
	"slices"

	"cordon/integration/httpx"
	"cordon/quarantine"
)

// checkTranslatorLogs checks the translators' logs, and that each can be pushed.
func checkTranslatorLogs(d *document, cfg *Config) {
	at := path{"translator_logs"}
	d.add(at, quarantine.ValidateTranslatorLogs(cfg.TranslatorLogs))
	for i, l := range cfg.TranslatorLogs {
		if l.Name != "" && len(cfg.HTTP.Tokens) > 0 && !pushesBindings(cfg.HTTP.Tokens, l.Name) {
			d.fail(at.to(i, "name"), "unknown token %q with the scope %s under http.tokens", l.Name, httpx.ScopeBindings)
		}
	}
}

func pushesBindings(tokens []Token, name string) bool {
	return slices.ContainsFunc(tokens, func(t Token) bool {
		return t.Name == name && slices.Contains(t.Scopes, string(httpx.ScopeBindings))
	})
}
