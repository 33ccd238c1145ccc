package app

import (
	"net"
	"net/netip"

	"cordon/integration/httpx"
)

func checkHTTP(d *document, cfg *Config, parts *Parts) {
	host, _, err := net.SplitHostPort(cfg.HTTP.Listen)
	if err != nil {
		d.fail(path{"http", "listen"}, "%q is no host:port", cfg.HTTP.Listen)
	} else if len(cfg.HTTP.Tokens) == 0 {
		if addr, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !addr.IsLoopback()) {
			d.fail(path{"http", "listen"}, "%s is no loopback address: an API that others can reach needs http.tokens", cfg.HTTP.Listen)
		} else {
			d.warn(path{"http"}, "no tokens: everybody on this host may do everything")
		}
	}
	names := map[string]int{}
	for i, t := range cfg.HTTP.Tokens {
		p := path{"http", "tokens", i}
		names[t.Name]++
		if names[t.Name] == 2 {
			d.fail(p.to("name"), "%s is there twice", t.Name)
		}
		secret := readSecret(d, p, "token", t.Token, t.TokenFile)
		if secret.IsZero() {
			continue
		}
		checkToken(d, p, t, string(secret.Bytes()), parts)
	}
}

// checkToken makes the token that the server keeps.
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
