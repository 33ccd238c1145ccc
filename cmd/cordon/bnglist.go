package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordon/integration/wire"
)

// listedBNG is a BNG as the list shows it.
type listedBNG wire.BNG

// bngColumns are the columns of the list; -o wide shows those after the sixth.
var bngColumns = []string{
	"NAME", "ADDRESS", "DIALECT", "STATE", "PROFILES", "SKEW",
	"SKEW BY", "PATH", "SINCE", "LAST REPLY", "IN FLIGHT", "QUEUED", "RATE", "STOPPED", "FAULT",
	"LAST RECORD", "RECORDS/S", "BEHIND", "GROUP",
}

func newBNGList(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the configured BNGs and their state", Args: cobra.NoArgs,
		Long: "STATE, on the elected sender only: ok, unresponsive (new restrictions are deferred), recovering (releases first).\n" +
			"SKEW is how far the BNG's clock is ahead of ours, by its replies or its accounting, whichever is larger; -o wide shows\n" +
			"which. \"accounting?\" means that its records do not agree with each other yet. QUEUED is releases+restrictions.\n" +
			"LAST RECORD is when any instance received its last accounting record; \"no accounting\": it is silent, and later moments\n" +
			"are not attributed.",
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := r.client()
			if err != nil {
				return err
			}
			raw, err := api.Get(c.Context(), "/bngs", nil)
			if err != nil {
				return err
			}
			answer, err := decode[wire.Page[listedBNG]](raw)
			if err != nil {
				return err
			}
			t := &table{
				header:   bngColumns,
				wideFrom: 6,
			}
			var names []string
			for _, b := range answer.Results {
				t.add(b.cells(r.now())...)
				names = append(names, b.Name)
			}
			return r.print(printed{raw: raw, names: names, table: t})
		},
	}
}

func (b *listedBNG) cells(now time.Time) []string {
	cells := make([]string, len(bngColumns))
	cells[0], cells[1], cells[2], cells[4] = b.Name, b.Address, b.Dialect, strings.Join(b.Profiles, ",")
	cells[3] = strings.Join(b.state(now), ", ")
	cells[5], cells[6] = b.skew()
	if a := b.Accounting; a != nil {
		cells[15], cells[16], cells[17] = clockOf(a.LastRecord), strconv.FormatFloat(a.Rate, 'g', 3, 64), strconv.FormatInt(a.Behind, 10)+"s"
	}
	cells[18] = b.Group
	h := b.Health
	if h == nil {
		return cells
	}
	cells[7], cells[8], cells[9] = h.Path, clockOf(h.Since), clockOf(h.LastAnswer)
	cells[10] = strconv.Itoa(h.InFlight)
	cells[11] = fmt.Sprintf("%d+%d", h.WaitingReleases, h.WaitingRestrictions)
	cells[12] = strconv.FormatFloat(h.RestrictionRate, 'g', 4, 64)
	var stopped []string
	for _, p := range h.Stopped {
		stopped = append(stopped, fmt.Sprintf("%s (%d)", p.Profile, p.ErrorCause))
	}
	cells[13] = strings.Join(stopped, ",")
	if h.Fault != nil {
		cells[14] = h.Fault.Name + " " + clockOf(&h.Fault.At)
	}
	return cells
}

// skew is how far the BNG's clock is ahead of ours, by its replies or its accounting,
// whichever is larger.
func (b *listedBNG) skew() (seconds, by string) {
	var ahead *int64
	if b.Health != nil && b.Health.Skew != nil {
		ahead, by = b.Health.Skew, "replies"
	}
	if c := b.Clock; c != nil && (ahead == nil || magnitude(c.Skew) > magnitude(*ahead)) {
		ahead, by = &c.Skew, "accounting"
		if !c.Steady {
			by += "?"
		}
		if c.Relay {
			by += " (relay)"
		}
	}
	if ahead == nil {
		return "", ""
	}
	return strconv.FormatInt(*ahead, 10) + "s", by
}

func magnitude(n int64) int64 { return max(n, -n) }

// state is the BNG's state in short.
func (b *listedBNG) state(now time.Time) (words []string) {
	if b.Health != nil {
		words = append(words, b.Health.State)
	}
	if b.Health != nil && len(b.Health.Stopped) > 0 {
		words = append(words, "profile stopped")
	}
	if b.Accounting != nil && b.Accounting.Silent != "" {
		words = append(words, "no accounting")
	}
	if b.Maintenance != nil {
		words = append(words, "in maintenance for "+until(&b.Maintenance.Until, now))
	}
	return words
}

// clockOf formats a time; "" for none.
func clockOf(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
