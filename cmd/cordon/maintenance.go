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

// maintenanceFlags are those of "bng maintenance".
type maintenanceFlags struct {
	lasts, reason string
	end           bool
}

// newBNGMaintenance is "cordon bng maintenance".
func newBNGMaintenance(r *remote) *cobra.Command {
	var f maintenanceFlags
	c := &cobra.Command{
		Use:   "maintenance [NAME --for TIME --reason TEXT | NAME --end --reason TEXT]",
		Short: "Defer new restrictions on a BNG during maintenance; without NAME, list the BNGs in maintenance",
		Long: "Defer new restrictions on a BNG during maintenance. Cases show it; releases are still sent, and present restrictions\n" +
			"stay. When the window ends, deferred restrictions are sent at the BNG's rate. A new window replaces the present one.\n" +
			"Without NAME: list the BNGs in maintenance.",
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
	c.Flags().StringVar(&f.lasts, "for", "", "duration from now, e.g. 2h; at most 168h")
	c.Flags().BoolVar(&f.end, "end", false, "end it now")
	c.Flags().StringVar(&f.reason, "reason", "", "why; shown by each deferred case (required with NAME)")
	return c
}

func (r *remote) listMaintenance(c *cobra.Command, f maintenanceFlags) error {
	if f != (maintenanceFlags{}) {
		return usage("NAME is required; see cordon bng list")
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
		return usage("--for and --end are mutually exclusive")
	case f.end:
		path += "/end"
		body = wire.EndMaintenanceRequest{Reason: f.reason}
	case f.lasts == "":
		return usage("--for, e.g. --for 2h, or --end is required")
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

// readBNGs returns the wanted BNGs, as the server sent them and decoded.
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

// printMaintained prints the BNG after a command; a deferred one has no row in a table.
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
		r.say("another window was set meanwhile; it stays")
	}
	if tabular && b.Maintenance == nil {
		r.say("%s is no longer in maintenance", b.Name)
		return nil
	}
	return r.print(maintenancePrinted(raw, []wire.BNG{b}, r.now()))
}

// aboutBNG adds what to do to a problem about a BNG.
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

// maintenancePrinted is maintenance windows as a table.
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
