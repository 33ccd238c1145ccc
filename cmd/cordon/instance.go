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
	g := group("instance", "The running servers that share this one's Redis", newInstanceList(r), newInstanceForget(r))
	r.flags(g)
	return g
}

func newInstanceList(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the instances, those that are silent, and those that went", Args: cobra.NoArgs,
		Long: "List the instances. STATE: up; silent (nothing published for 15 s: verdicts about events since COMPLETE, to ALONE UNTIL,\n" +
			"wait for it); left (it ended, and all accounting that reached it is stored); forgotten (declared lost).",
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
		Long: "Declare a silent instance lost, by its name or id. Verdicts do not wait for it any more. Accounting that it answered and\n" +
			"did not store is missing: who held an address since its last word is in doubt until a later record confirms the holder.\n" +
			"If it can be started again on its disk, start it instead.",
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
				r.say("it may have answered accounting until %s: who holds an address is in doubt up to then, until a later record says; "+
					"meanwhile name the subscriber (cordon quarantine add --subscriber KEY)", stamp(i.AloneUntil))
			}
			return r.print(p)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why it will not be back; the journal keeps it (required)")
	return c
}

// aboutInstance names the step that helps after a refusal about an instance.
func aboutInstance(err error) error {
	var refused *wire.Problem
	if errors.As(err, &refused) && (refused.Status == http.StatusNotFound || refused.Status == http.StatusConflict) {
		return failed("cordon instance list", "%w", err)
	}
	return err
}

// instancesPrinted is instances as a table.
func instancesPrinted(all []wire.Instance, now time.Time) printed {
	t := &table{header: []string{"NAME", "ID", "STATE", "ACCOUNTING", "SPOKE", "COMPLETE", "SPOOLED", "VERDICTS", "ALONE UNTIL", "AT", "BY", "REASON", "UNREADABLE"}, wideFrom: 9}
	p := printed{table: t}
	for _, i := range all {
		p.names = append(p.names, i.ID)
		accounting := "no"
		if i.Accounting {
			accounting = "yes"
		}
		t.add(i.Name, i.ID, instanceState(&i, now), accounting, stamp(&i.SpokeAt), stamp(&i.Complete), strconv.Itoa(i.Waiting), strconv.Itoa(i.Verdicts),
			stamp(i.AloneUntil), stamp(i.At), i.By, i.Reason, i.Unreadable)
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
