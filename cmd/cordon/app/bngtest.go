package app

import (
	"context"
	"fmt"
	"net/netip"

	"cordon/cmd/cordon/lab/probe"
	"cordon/radiusx/coa"
)

// ProbePlan says what a test of a BNG of this configuration would send.
func ProbePlan(parts *Parts, name string) (probe.Plan, error) {
	c, err := probeConfig(parts, name)
	if err != nil {
		return probe.Plan{}, err
	}
	return c.Plan()
}

// Probe tests a BNG of this configuration, from the address that the server would
// send from. change may alter how; nil: as usual.
func Probe(ctx context.Context, cfg *Config, parts *Parts, name string, change func(*probe.Config)) (probe.Report, error) {
	c, err := probeConfig(parts, name)
	if err != nil {
		return probe.Report{}, err
	}
	var source netip.Addr
	if cfg.CoA.Source != "" {
		source = netip.MustParseAddr(cfg.CoA.Source) // checked with the configuration
	}
	client, err := coa.New(coa.Config{Source: source, Ports: 1})
	if err != nil {
		return probe.Report{}, fmt.Errorf("coa.source: %w", err)
	}
	defer func() { _ = client.Close() }() // nothing is under way any more
	c.Client = client
	if change != nil {
		change(&c)
	}
	return probe.Run(ctx, c)
}

func probeConfig(parts *Parts, name string) (probe.Config, error) {
	for _, b := range parts.Fleet {
		if b.Name == name && b.Via != nil {
			return probe.Config{}, fmt.Errorf("%s is reached through proxy %s; this test asks a BNG itself only", name, b.Via.Name)
		}
		if b.Name == name {
			return probe.Config{BNG: b}, nil
		}
	}
	return probe.Config{}, fmt.Errorf("%q is not in bngs", name)
}
