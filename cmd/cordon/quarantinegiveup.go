package main

import (
	"github.com/spf13/cobra"

	"cordon/integration/wire"
)

func newGiveUp(r *remote) *cobra.Command {
	var reason, session string
	c := &cobra.Command{
		Use: "give-up ID… --reason TEXT", Args: cobra.MinimumNArgs(1),
		Short: "Take it on yourself that nothing more is sent for what cases are still to give back",
		Long: "Take it on yourself that nothing more is sent for what cases are still to give back. The sessions count as gone,\n" +
			"whatever the BNG has in force there; who gave up, and why, is kept with the case.",
		Example: "  cordon quarantine give-up c-01JX… --reason 'card swapped, line checked by hand'\n" +
			"  cordon quarantine give-up c-01JX… --session bng1/00420017 --reason 'BNG decommissioned'",
		RunE: func(c *cobra.Command, ids []string) error {
			return r.decideWithReason(c.Context(), ids, "give-up", reason, wire.GiveUpRequest{Reason: reason, Session: session})
		},
	}
	c.Flags().StringVar(&session, "session", "", "that session alone, as BNG/Acct-Session-Id")
	reasonFlag(c, &reason)
	return c
}
