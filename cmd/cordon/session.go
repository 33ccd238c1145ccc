package main

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"cordon/integration/wire"
)

// newSession is "cordon session" and its verbs.
func newSession(sh *shell) *cobra.Command {
	r := &remote{shell: sh}
	g := group("session", "Find who held an address; import sessions", newSessionFind(r), newSessionImport(r))
	r.flags(g)
	return g
}

func newSessionFind(r *remote) *cobra.Command {
	var ip, space, subscriber, mac, at string
	var port uint16
	c := &cobra.Command{
		Use: "find --ip ADDRESS [--port PORT] [--at TIME] | --subscriber KEY | --mac ADDRESS", Args: cobra.NoArgs,
		Short: "Find who held an address at a moment",
		Example: "  cordon session find --ip 192.0.2.17 --at 2026-01-02T15:04:05Z\n" +
			"  cordon session find --subscriber alice@isp",
		RunE: func(c *cobra.Command, _ []string) error {
			moment, err := r.moment(at)
			if err != nil {
				return err
			}
			query := url.Values{}
			for name, value := range map[string]string{"ip": ip, "space": space, "subscriber": subscriber, "mac": mac} {
				if value != "" {
					query.Set(name, value)
				}
			}
			if c.Flags().Changed("at") {
				query.Set("at", moment.UTC().Format(time.RFC3339Nano))
			}
			if c.Flags().Changed("port") {
				query.Set("port", strconv.Itoa(int(port)))
			}
			return r.find(c.Context(), query)
		},
	}
	f := c.Flags()
	f.StringVar(&ip, "ip", "", "address")
	f.StringVar(&space, "space", "", "address space, if several have the address")
	f.StringVar(&subscriber, "subscriber", "", "or subscriber key")
	f.StringVar(&mac, "mac", "", "or MAC address of the equipment (Calling-Station-Id)")
	f.Uint16Var(&port, "port", 0, "the subscriber's port, if the address is shared")
	f.StringVar(&at, "at", "now", "time: RFC 3339 with an offset, now, or -5m")
	c.MarkFlagsMutuallyExclusive("ip", "subscriber", "mac")
	c.MarkFlagsOneRequired("ip", "subscriber", "mac")
	return c
}

// find prints the holders. Without one it prints who held the address before and after,
// and the exit code is 1.
func (r *remote) find(ctx context.Context, query url.Values) error {
	api, err := r.client()
	if err != nil {
		return err
	}
	raw, err := api.Get(ctx, "/sessions", query)
	if err != nil {
		return err
	}
	s, err := decode[wire.Holders](raw)
	if err != nil {
		return err
	}
	rows := atTheMoment(s.Results)
	if len(rows) == 0 {
		rows = s.Neighbours
	}
	p := printed{raw: raw, table: holderTable(rows, r.now())}
	for _, h := range s.Results {
		p.names = append(p.names, h.BNG+"/"+h.SessionID)
	}
	if len(rows) > 0 || r.output == formatJSON || r.output == formatYAML {
		if err := r.print(p); err != nil {
			return err
		}
	}
	switch {
	case len(s.Results) > 0:
		return nil
	case len(s.Neighbours) > 0:
		return failed("another --at; the table shows who held it before and after", "no holder is known at that time")
	}
	return failed("check that its BNG's accounting is received", "no session is known")
}

// atTheMoment are holders as rows beside neighbours.
func atTheMoment(holders []wire.Holder) []wire.Neighbour {
	rows := make([]wire.Neighbour, 0, len(holders))
	for _, h := range holders {
		rows = append(rows, wire.Neighbour{Holder: h, Side: "at"})
	}
	return rows
}

// holderTable is holders and neighbours, by the first column.
func holderTable(rows []wire.Neighbour, now time.Time) *table {
	t := &table{header: []string{"WHEN", "SUBSCRIBER", "BNG", "SESSION", "ADDRESS", "FROM", "TO", "HELD", "KNOWN BY"}}
	for _, h := range rows {
		end := now
		if h.To != nil {
			end = *h.To
		}
		t.add(h.Side, h.Subscriber, h.BNG, h.SessionID, h.Place(), stamp(&h.From), stamp(h.To), span(end.Sub(h.From)), h.KnownBy)
	}
	return t
}

// candidatesOf returns the possible holders of an ambiguous target.
func candidatesOf(err error) ([]wire.Holder, bool) {
	var p *wire.Problem
	if !errors.As(err, &p) || len(p.Candidates) == 0 {
		return nil, false
	}
	return p.Candidates, true
}
