package app

import (
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"cordon/integration/httpx"
)

// checkHTTP checks the API's listener, and builds the tokens.
func checkHTTP(d *document, cfg *Config, parts *Parts) {
	if err := httpx.CheckListen(cfg.HTTP.Listen, len(cfg.HTTP.Tokens)); err != nil {
		d.fail(path{"http", "listen"}, "%v", err)
	} else if len(cfg.HTTP.Tokens) == 0 {
		d.warn(path{"http"}, "no tokens: every process on this host may do everything")
	}
	names := map[string]bool{}
	for i, t := range cfg.HTTP.Tokens {
		p := path{"http", "tokens", i}
		if names[t.Name] {
			d.fail(p.to("name"), "duplicate name %q", t.Name)
		}
		names[t.Name] = true
		if secret := readSecret(d, p, "token", t.Token, t.TokenFile); !secret.IsZero() {
			checkToken(d, p, t, string(secret.Bytes()), parts)
		}
	}
}

// checkToken builds the token that the server keeps.
func checkToken(d *document, p path, t Token, value string, parts *Parts) {
	scopes := make([]httpx.Scope, len(t.Scopes))
	for i, s := range t.Scopes {
		scopes[i] = httpx.Scope(s)
	}
	token, err := httpx.NewToken(t.Name, value, scopes, t.Source)
	if err != nil {
		d.fail(p, "%v", err)
		return
	}
	if token.Weak() {
		d.warn(p, "the token is weak: use 32 random characters or more")
	}
	parts.Tokens = append(parts.Tokens, token)
}

func (a *App) buildHTTP(o Options) error {
	var err error
	a.http, err = httpx.New(httpx.Config{
		Listen: a.cfg.HTTP.Listen, Tokens: a.parts.Tokens, Checks: a.checks(), Metrics: promhttp.HandlerFor(a.registry(), promhttp.HandlerOpts{}),
		Version: o.Version, Log: a.log,
		Instance: httpx.Instance{
			ID:     a.journal.ID(),
			CutOff: func() bool { return a.engine.CutOff() > 0 },
			Alone:  func() bool { return a.engine.AnswersAlone() },
		},
	})
	if err != nil {
		return err
	}
	if err := a.mount(); err != nil {
		return err
	}
	a.addr, err = a.http.Listen()
	return err
}
