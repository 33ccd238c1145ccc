package main

import (
	"net/url"

	"github.com/spf13/cobra"

	"cordon/integration/wire"
)

func newRetry(r *remote) *cobra.Command {
	var reason, wait string
	c := &cobra.Command{
		Use: "retry ID…", Short: "Retry whatever is outstanding of cases now, regardless of back-off", Args: cobra.MinimumNArgs(1),
		Example: "  cordon quarantine retry c-01JX… --wait 30s",
		RunE: func(c *cobra.Command, ids []string) error {
			query := url.Values{}
			if wait != "" {
				query.Set("wait", wait)
			}
			return r.decide(c.Context(), ids, "retry", query, wire.RetryRequest{Reason: reason})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why; kept in the journal")
	c.Flags().StringVar(&wait, "wait", "", "wait up to this long, at most 60s, until no request is pending")
	return c
}
