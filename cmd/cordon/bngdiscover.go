package main

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// discoveredBNG is what the list shows of GET /bngs/discovered.
type discoveredBNG struct {
	NASIP         string `json:"nas_ip"`
	NASIPv6       string `json:"nas_ipv6"`
	NASIdentifier string `json:"nas_identifier"`
	Sender        string
	Relay         bool
	Records       uint64
	Sessions      int
	FirstSeen     time.Time `json:"first_seen"`
	LastSeen      time.Time `json:"last_seen"`
}

func newBNGDiscover(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "discover", Short: "List who sends accounting and is not in the configuration", Args: cobra.NoArgs,
		Long: "Lists the NASes that sent accounting to this instance since its start and are in no bngs entry.\n" +
			"Their sessions can be attributed, if the sender may speak for them, but nothing can be done about them.\n" +
			"The lines to add to the configuration follow the table, on standard error.",
		RunE: func(c *cobra.Command, _ []string) error {
			api, err := r.client()
			if err != nil {
				return err
			}
			raw, err := api.Get(c.Context(), "/bngs/discovered", nil)
			if err != nil {
				return err
			}
			answer, err := decode[struct{ Results []discoveredBNG }](raw)
			if err != nil {
				return err
			}
			t := &table{header: []string{"NAS", "SENDER", "RECORDS", "SESSIONS", "LAST", "FIRST"}, wideFrom: 5}
			var names []string
			for _, d := range answer.Results {
				t.add(d.names(), d.from(), strconv.FormatUint(d.Records, 10), strconv.Itoa(d.Sessions), clockOf(&d.LastSeen), clockOf(&d.FirstSeen))
				names = append(names, d.names())
			}
			if err := r.print(printed{raw: raw, names: names, table: t}); err != nil || r.output != formatTable && r.output != formatWide {
				return err
			}
			r.hint(answer.Results)
			return nil
		},
	}
}

// names joins the names that it gives itself.
func (d *discoveredBNG) names() string {
	var names []string
	for _, name := range []string{d.NASIP, d.NASIPv6, d.NASIdentifier} {
		if name != "" {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

func (d *discoveredBNG) from() string {
	if d.Relay {
		return d.Sender + " (relay)"
	}
	return d.Sender
}

// hint tells what the configuration lacks.
func (r *remote) hint(found []discoveredBNG) {
	if len(found) == 0 {
		r.say("everybody who sends accounting is configured")
		return
	}
	r.say("to restrict sessions there, add to bngs (and check dialect, address and profiles; a relay needs the name in its relay_for):")
	for i := range found {
		for _, line := range found[i].entry() {
			r.say("%s", line)
		}
	}
}

// entry is the configuration's lines for it. Strings are written as JSON has
// them, which YAML reads: a NAS may call itself anything.
func (d *discoveredBNG) entry() []string {
	quoted := func(s string) string {
		text, _ := json.Marshal(s) // a string always has a form
		return string(text)
	}
	name, address := d.NASIdentifier, d.NASIP
	if address == "" {
		address = d.NASIPv6
	}
	if address == "" && !d.Relay {
		address = d.Sender
	}
	if name == "" {
		name = address
	}
	var nas []string
	for _, ip := range []string{d.NASIP, d.NASIPv6} {
		if ip != "" {
			nas = append(nas, "{ip: "+quoted(ip)+"}")
		}
	}
	if d.NASIdentifier != "" {
		nas = append(nas, "{identifier: "+quoted(d.NASIdentifier)+"}")
	}
	return []string{
		"  - name: " + quoted(strings.ReplaceAll(name, "/", "_")),
		"    address: " + quoted(address),
		"    nas: [" + strings.Join(nas, ", ") + "]",
		"    secret_file: FILE",
		"    dialect: DIALECT",
	}
}
