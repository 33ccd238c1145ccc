package dialects

import (
	"fmt"

	"cordon/cmd/cordon/app"
	"cordon/radiusx/dialect"
)

// Snippet returns the lines of configuration that a BNG of this configuration
// needs to accept our requests. The secret is shown only with reveal.
func Snippet(cfg *app.Config, parts *app.Parts, name string, reveal bool) (string, error) {
	for _, b := range parts.Fleet {
		if b.Name != name {
			continue
		}
		if b.Via != nil {
			return "", fmt.Errorf("%s is asked by proxy %s: it needs the proxy's address and secret in its configuration, not ours", name,
				b.Via.Name)
		}
		request := dialect.SnippetRequest{Name: b.Name, BNG: b.Address, Port: b.CoAPort, Secret: b.Secret, Revealed: reveal,
			Cordon: cfg.CoA.Addr()}
		text, known := b.Dialect.Snippet(request)
		if !known {
			return "", fmt.Errorf("the lines that %s needs are unknown; see its manual for dynamic authorization (RFC 5176)", b.Dialect.Title)
		}
		return text, nil
	}
	return "", fmt.Errorf("unknown BNG %q: must be one of bngs", name)
}
