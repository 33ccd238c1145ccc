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
		Use: "discover", Short: "List unknown NASes that send accounting", Args: cobra.NoArgs,
		Long: "Lists the NASes that sent accounting to this instance since its start and are no bngs entry. Verdicts can be\n" +
			"attributed to their sessions, if the sender may relay for them, but these cannot be restricted. The entries\n" +
			"to add to the configuration follow the table, on standard error.",
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
			t := &table{header: []string{"NAS", "SENDER", "RECORDS", "SESSIONS", "LAST SEEN", "FIRST SEEN"}, wideFrom: 5}
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

// names joins the names in its records.
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

// namesOfBNGs lists the names in use; none if the server does not say.
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

// hint prints the missing entries of the configuration.
func (r *remote) hint(found []discoveredBNG, taken []string) {
	if len(found) == 0 {
		r.say("every NAS that sends accounting is configured")
		return
	}
	r.say("to restrict sessions there, add these entries to bngs; check dialect, address and profiles, " +
		"and add the name to the relay's relay_for:")
	for i := range found {
		name := found[i].proposedName(taken)
		taken = append(taken, name)
		for _, line := range found[i].entry(name) {
			r.say("%s", line)
		}
	}
}

// quoted quotes a string as JSON, which is valid YAML: a NAS may have any name.
func quoted(s string) string {
	text, _ := json.Marshal(s) // a string always encodes
	return string(text)
}

// own returns its name of a kind, "" if that name does not identify it.
func (d *discoveredBNG) own(key, name string) string {
	if slices.Contains(d.Vague, key) {
		return ""
	}
	return name
}

// address is where CoA-Requests would be sent: the source of its records, or behind a
// relay its NAS-IP-Address.
func (d *discoveredBNG) address() string {
	if !d.Relay {
		return d.Sender
	}
	if ip := d.own(wire.NameNASIP, d.NASIP); ip != "" {
		return ip
	}
	return d.own(wire.NameNASIPv6, d.NASIPv6)
}

// proposedName is its identifier, or its address, made unique.
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

// entry is its entry of the configuration.
func (d *discoveredBNG) entry(name string) []string {
	if d.KnownBy == wire.KnownByNothing {
		return []string{
			"  # " + quoted(d.names()) + ", through " + d.Sender + ": nothing in its records identifies it.",
			"  # Make it send its own NAS-IP-Address or a unique NAS-Identifier, or let the relay set NAS-IP-Address to the packet's source.",
		}
	}
	var lines, nas []string
	if vague := d.vague(); vague != "" {
		lines = append(lines, "  # "+vague+" does not identify it, so "+d.otherwise())
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

// otherwise says what identifies it instead of vague names.
func (d *discoveredBNG) otherwise() string {
	if d.KnownBy == wire.KnownBySender {
		return "it is known by its source address."
	}
	return "it is known by its other names."
}

// vague joins its names that do not identify it.
func (d *discoveredBNG) vague() string {
	var names []string
	for _, name := range []struct{ key, value string }{
		{wire.NameNASIP, d.NASIP}, {wire.NameNASIPv6, d.NASIPv6}, {wire.NameNASIdentifier, d.NASIdentifier},
	} {
		if name.value != "" && slices.Contains(d.Vague, name.key) {
			names = append(names, quoted(name.value))
		}
	}
	return strings.Join(names, ", ")
}
