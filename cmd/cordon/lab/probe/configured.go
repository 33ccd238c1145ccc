package probe

import (
	"context"
	"fmt"

	"cordon/cmd/cordon/app"
	"cordon/radiusx/coa"
)

// PlanOf returns what a test of a BNG of this configuration would send.
func PlanOf(parts *app.Parts, name string) (Plan, error) {
	c, err := configured(parts, name)
	if err != nil {
		return Plan{}, err
	}
	return c.Plan()
}

// RunOn tests a BNG of this configuration, from the address that the server would
// send from. change may alter how; nil: as usual.
func RunOn(ctx context.Context, cfg *app.Config, parts *app.Parts, name string, change func(*Config)) (Report, error) {
	c, err := configured(parts, name)
	if err != nil {
		return Report{}, err
	}
	client, err := coa.New(coa.Config{Source: cfg.CoA.Addr(), Ports: 1})
	if err != nil {
		return Report{}, fmt.Errorf("coa.source: %w", err)
	}
	defer func() { _ = client.Close() }() // nothing is under way any more
	c.Client = client
	if change != nil {
		change(&c)
	}
	return Run(ctx, c)
}

func configured(parts *app.Parts, name string) (Config, error) {
	for _, b := range parts.Fleet {
		if b.Name == name && b.Via != nil {
			return Config{}, fmt.Errorf("%s is reached through proxy %s; this test asks a BNG itself only", name, b.Via.Name)
		}
		if b.Name == name {
			return Config{BNG: b}, nil
		}
	}
	return Config{}, fmt.Errorf("unknown BNG %q: must be one of bngs", name)
}
