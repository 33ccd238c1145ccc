package main

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cordon/cmd/cordon/client"
	"cordon/integration/wire"
)

// discoveredBNG is who sends accounting and is not configured, as the list shows it.
type discoveredBNG wire.DiscoveredBNG

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
			answer, err := decode[wire.Page[discoveredBNG]](raw)
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
			r.hint(answer.Results, namesOfBNGs(c.Context(), api))
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

// namesOfBNGs lists the names that are taken; none if the server does not say.
func namesOfBNGs(ctx context.Context, api *client.Client) (names []string) {
	_, bngs, err := readBNGs(ctx, api, func(wire.BNG) bool { return true })
	if err != nil {
		return nil
	}
	for _, b := range bngs {
		names = append(names, b.Name)
	}
	return names
}

// hint tells what the configuration lacks.
func (r *remote) hint(found []discoveredBNG, taken []string) {
	if len(found) == 0 {
		r.say("everybody who sends accounting is configured")
		return
	}
	r.say("to restrict sessions there, add to bngs (and check dialect, address and profiles; a relay needs the name in its relay_for):")
	for i := range found {
		name := found[i].proposedName(taken)
		taken = append(taken, name)
		for _, line := range found[i].entry(name) {
			r.say("%s", line)
		}
	}
}

// quoted writes a string as JSON has it, which YAML reads: a NAS may call itself
// anything.
func quoted(s string) string {
	text, _ := json.Marshal(s) // a string always has a form
	return string(text)
}

// own returns the name that it has under a key, "" if that name does not tell it
// from others.
func (d *discoveredBNG) own(key, name string) string {
	if slices.Contains(d.Vague, key) {
		return ""
	}
	return name
}

// address is where CoA would go: where its packets come from, or where it says it is.
func (d *discoveredBNG) address() string {
	if !d.Relay {
		return d.Sender
	}
	if ip := d.own(wire.NameNASIP, d.NASIP); ip != "" {
		return ip
	}
	return d.own(wire.NameNASIPv6, d.NASIPv6)
}

// proposedName is its identifier, or its address, and not one that is taken.
func (d *discoveredBNG) proposedName(taken []string) string {
	base := d.own(wire.NameNASIdentifier, d.NASIdentifier)
	if base == "" {
		base = d.address()
	}
	base = strings.TrimPrefix(strings.ReplaceAll(base, "/", "_"), "nas:")
	name := base
	for n := 2; name == "" || slices.Contains(taken, name); n++ {
		name = base + "-" + strconv.Itoa(n)
	}
	return name
}

// entry is the configuration's lines for it.
func (d *discoveredBNG) entry(name string) []string {
	if d.KnownBy == wire.KnownByNothing {
		return []string{
			"  # " + quoted(d.names()) + ", through " + d.Sender + ": nothing in its records tells it from others.",
			"  # Let it send its own address or a name of its own, or let the relay set NAS-IP-Address to where the packet came from.",
		}
	}
	var lines, nas []string
	if vague := d.vague(); vague != "" {
		lines = append(lines, "  # "+vague+" is every host's or several NASes' name, so "+d.otherwise())
	}
	for _, ip := range []string{d.own(wire.NameNASIP, d.NASIP), d.own(wire.NameNASIPv6, d.NASIPv6)} {
		if ip != "" {
			nas = append(nas, "{ip: "+quoted(ip)+"}")
		}
	}
	if id := d.own(wire.NameNASIdentifier, d.NASIdentifier); id != "" {
		nas = append(nas, "{identifier: "+quoted(id)+"}")
	}
	address := quoted(d.address())
	if d.address() == "" {
		address = "ADDRESS"
	}
	lines = append(lines, "  - name: "+quoted(name), "    address: "+address)
	if len(nas) > 0 {
		lines = append(lines, "    nas: ["+strings.Join(nas, ", ")+"]")
	}
	return append(lines, "    secret_file: FILE", "    dialect: DIALECT")
}

// otherwise says what it is known by instead of vague names.
func (d *discoveredBNG) otherwise() string {
	if d.KnownBy == wire.KnownBySender {
		return "it is known by the address that it sends from."
	}
	return "it is known by its other names."
}

// vague joins its names that are no evidence.
func (d *discoveredBNG) vague() string {
	var names []string
	for _, name := range []struct{ key, value string }{{wire.NameNASIP, d.NASIP}, {wire.NameNASIPv6, d.NASIPv6}, {wire.NameNASIdentifier, d.NASIdentifier}} {
		if name.value != "" && slices.Contains(d.Vague, name.key) {
			names = append(names, quoted(name.value))
		}
	}
	return strings.Join(names, ", ")
}
