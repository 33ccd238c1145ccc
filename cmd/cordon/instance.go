package main

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"cordon/integration/wire"
)

// newInstance is "cordon instance".
func newInstance(sh *shell) *cobra.Command {
	r := &remote{shell: sh}
	g := group("instance", "Show the instances of this Redis, and declare one lost", newInstanceList(r), newInstanceForget(r))
	r.flags(g)
	return g
}

func newInstanceList(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the instances: running, silent, stopped and forgotten ones", Args: cobra.NoArgs,
		Long: "List the instances. STATE: up; silent (no heartbeat for 15 s: verdicts about events from COMPLETE to UNSTORED UNTIL wait\n" +
			"for it); left (stopped, with all accounting that it received stored); forgotten (declared lost). SPOOLED is the records\n" +
			"in its spool, VERDICTS those that wait for it.",
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := r.client()
			if err != nil {
				return err
			}
			raw, err := api.Get(c.Context(), "/instances", nil)
			if err != nil {
				return err
			}
			page, err := decode[wire.Page[wire.Instance]](raw)
			if err != nil {
				return err
			}
			p := instancesPrinted(page.Results, r.now())
			p.raw = raw
			return r.print(p)
		},
	}
}

func newInstanceForget(r *remote) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: "forget NAME --reason TEXT", Short: "Declare a silent instance lost", Args: cobra.ExactArgs(1),
		Long: "Declare a silent instance lost, by its name or id. Verdicts no longer wait for it. Accounting that it acknowledged and\n" +
			"did not store is lost: the holder of an address since its last heartbeat is in doubt until a later record confirms it.\n" +
			"If it can be started again with its disk, start it instead.",
		Example: "  cordon instance forget cordon-b --reason 'its host burnt'",
		RunE: func(c *cobra.Command, args []string) error {
			if err := requireReason(reason); err != nil {
				return err
			}
			api, err := r.client()
			if err != nil {
				return err
			}
			raw, err := api.Post(c.Context(), "/instances/"+url.PathEscape(args[0])+"/forget", nil, wire.ForgetRequest{Reason: reason})
			if err != nil {
				return aboutInstance(err)
			}
			i, err := decode[wire.Instance](raw)
			if err != nil {
				return err
			}
			p := instancesPrinted([]wire.Instance{i}, r.now())
			p.raw = raw
			if i.AloneUntil != nil {
				r.say("it may have acknowledged accounting until %s: holders up to then are in doubt until a later record confirms them; "+
					"meanwhile use cordon quarantine add --subscriber KEY", stamp(i.AloneUntil))
			}
			return r.print(p)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why it will not return; kept in the journal (required)")
	return c
}

// aboutInstance adds what to do to a problem about an instance.
func aboutInstance(err error) error {
	var refused *wire.Problem
	if errors.As(err, &refused) && (refused.Status == http.StatusNotFound || refused.Status == http.StatusConflict) {
		return failed("cordon instance list", "%w", err)
	}
	return err
}

// instancesPrinted is instances as a table.
func instancesPrinted(all []wire.Instance, now time.Time) printed {
	t := &table{header: []string{
		"NAME", "ID", "STATE", "ACCOUNTING", "HEARTBEAT", "COMPLETE", "SPOOLED", "VERDICTS", "UNSTORED UNTIL",
		"AT", "BY", "REASON", "UNREADABLE",
	}, wideFrom: 9}
	p := printed{table: t}
	for _, i := range all {
		p.names = append(p.names, i.ID)
		accounting := "no"
		if i.Accounting {
			accounting = "yes"
		}
		t.add(i.Name, i.ID, instanceState(&i, now), accounting, stamp(&i.SpokeAt), stamp(&i.Complete),
			strconv.Itoa(i.Waiting), strconv.Itoa(i.Verdicts), stamp(i.AloneUntil), stamp(i.At), i.By, i.Reason, i.Unreadable)
	}
	return p
}

func instanceState(i *wire.Instance, now time.Time) string {
	switch {
	case i.Here:
		return i.State + " (here)"
	case i.State == wire.InstanceSilent:
		return "silent for " + span(now.Sub(i.SpokeAt))
	}
	return i.State
}
