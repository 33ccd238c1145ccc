package main

import (
	"github.com/spf13/cobra"

	"cordon/integration/wire"
)

func newGiveUp(r *remote) *cobra.Command {
	var reason, session string
	c := &cobra.Command{
		Use: "give-up ID… --reason TEXT", Args: cobra.MinimumNArgs(1),
		Short: "Abandon the unfinished release of cases: nothing more is sent",
		Long: "Abandon the unfinished release of cases: nothing more is sent, the sessions count as gone, and their lines may stay\n" +
			"restricted. The case keeps who gave up, and why.",
		Example: "  cordon quarantine give-up c-01JX… --reason 'card swapped, line checked by hand'\n" +
			"  cordon quarantine give-up c-01JX… --session bng1/00420017 --reason 'BNG decommissioned'",
		RunE: func(c *cobra.Command, ids []string) error {
			return r.decideWithReason(c.Context(), ids, "give-up", reason, wire.GiveUpRequest{Reason: reason, Session: session})
		},
	}
	c.Flags().StringVar(&session, "session", "", "only that session, as BNG/Acct-Session-Id")
	reasonFlag(c, &reason)
	return c
}
