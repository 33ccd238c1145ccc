package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"cordon/cmd/cordon/client"
	"cordon/integration/wire"
)

// maintenanceFlags is what "bng maintenance" was asked for.
type maintenanceFlags struct {
	lasts, reason string
	end           bool
}

// newBNGMaintenance is "cordon bng maintenance".
func newBNGMaintenance(r *remote) *cobra.Command {
	var f maintenanceFlags
	c := &cobra.Command{
		Use:   "maintenance [NAME --for TIME --reason TEXT | NAME --end --reason TEXT]",
		Short: "Restrict nothing new on a BNG while people work on it; without NAME, list the BNGs in maintenance",
		Long: "Restrict nothing new on a BNG while people work on it. Cases wait and say so; releases are still sent, and what is\n" +
			"in force stays. When the window is over, or is ended, what waits is sent at the BNG's pace. Given again, it\n" +
			"replaces the window that stands. Without NAME: list the BNGs in maintenance.",
		Example: "  cordon bng maintenance bng1 --for 2h --reason 'new software, change 4711'\n" +
			"  cordon bng maintenance bng1 --end --reason 'done'\n  cordon bng maintenance",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return r.listMaintenance(c, f)
			}
			return r.maintain(c, args[0], f)
		},
	}
	c.Flags().StringVar(&f.lasts, "for", "", "how long from now, e.g. 2h; at most 168h")
	c.Flags().BoolVar(&f.end, "end", false, "end it now")
	c.Flags().StringVar(&f.reason, "reason", "", "why; each case that waits shows it (required with NAME)")
	return c
}

func (r *remote) listMaintenance(c *cobra.Command, f maintenanceFlags) error {
	if f != (maintenanceFlags{}) {
		return usage("name the BNG; cordon bng list shows them")
	}
	api, err := r.client()
	if err != nil {
		return err
	}
	raw, bngs, err := readBNGs(c.Context(), api, func(b wire.BNG) bool { return b.Maintenance != nil })
	if err != nil {
		return err
	}
	if len(bngs) == 0 {
		r.say("no BNG is in maintenance")
	}
	return r.print(maintenancePrinted(raw, bngs, r.now()))
}

func (r *remote) maintain(c *cobra.Command, name string, f maintenanceFlags) error {
	path := "/bngs/" + url.PathEscape(name) + "/maintenance"
	var body any = wire.MaintenanceRequest{For: f.lasts, Reason: f.reason}
	switch {
	case f.end && f.lasts != "":
		return usage("--for and --end contradict each other")
	case f.end:
		path += "/end"
		body = wire.EndMaintenanceRequest{Reason: f.reason}
	case f.lasts == "":
		return usage("say how long with --for, e.g. --for 2h, or --end to end it")
	}
	if err := requireReason(f.reason); err != nil {
		return err
	}
	api, err := r.client()
	if err != nil {
		return err
	}
	raw, err := api.Post(c.Context(), path, nil, body)
	if err != nil {
		return aboutBNG(err)
	}
	return r.printMaintained(raw, f.end)
}

// readBNGs asks for the BNGs and returns those that are wanted, as the server
// sent them and decoded.
func readBNGs(ctx context.Context, api *client.Client, wanted func(wire.BNG) bool) (json.RawMessage, []wire.BNG, error) {
	raw, err := api.Get(ctx, "/bngs", nil)
	if err != nil {
		return nil, nil, err
	}
	page, err := decode[wire.Page[json.RawMessage]](raw)
	if err != nil {
		return nil, nil, err
	}
	found := []json.RawMessage{}
	var bngs []wire.BNG
	for _, one := range page.Results {
		b, err := decode[wire.BNG](one)
		if err != nil {
			return nil, nil, err
		}
		if wanted(b) {
			found, bngs = append(found, one), append(bngs, b)
		}
	}
	return rawPage(found), bngs, nil
}

// printMaintained prints what became of a command; one that was put off has no
// BNG to show in a table.
func (r *remote) printMaintained(raw json.RawMessage, ended bool) error {
	later, err := readDeferred(raw)
	if err != nil {
		return err
	}
	tabular := r.output == formatTable || r.output == formatWide
	if later != nil {
		r.say("%s  deferred: %s", later.ID, later.Detail)
		if tabular {
			return nil
		}
		return r.print(printed{raw: raw, names: []string{later.ID}})
	}
	b, err := decode[wire.BNG](raw)
	if err != nil {
		return err
	}
	if ended && b.Maintenance != nil {
		r.say("somebody gave another window meanwhile; it stands")
	}
	if tabular && b.Maintenance == nil {
		r.say("%s is not in maintenance any more", b.Name)
		return nil
	}
	return r.print(maintenancePrinted(raw, []wire.BNG{b}, r.now()))
}

// aboutBNG names the step that helps after a refusal about a BNG.
func aboutBNG(err error) error {
	var refused *wire.Problem
	if !errors.As(err, &refused) {
		return err
	}
	switch refused.Status {
	case http.StatusNotFound:
		return failed("cordon bng list", "%w", err)
	case http.StatusConflict:
		return failed("cordon bng maintenance", "%w", err)
	}
	return err
}

// maintenancePrinted is the windows of BNGs as a table.
func maintenancePrinted(raw json.RawMessage, bngs []wire.BNG, now time.Time) printed {
	t := &table{header: []string{"BNG", "LEFT", "UNTIL", "BY", "REASON", "SINCE"}, wideFrom: 5}
	p := printed{raw: raw, table: t}
	for _, b := range bngs {
		p.names = append(p.names, b.Name)
		if m := b.Maintenance; m != nil {
			t.add(b.Name, until(&m.Until, now), stamp(&m.Until), m.By, m.Reason, stamp(&m.At))
		}
	}
	return p
}
