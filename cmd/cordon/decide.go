package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"cordon/cmd/cordon/client"
	"cordon/integration/wire"
)

// decide sends one decision about each of the cases. Each that fails or is deferred is
// reported; the others are carried out all the same.
func (r *remote) decide(ctx context.Context, ids []string, path string, query url.Values, body any) error {
	api, err := r.client()
	if err != nil {
		return err
	}
	done := &found{}
	var deferred []string
	var faults, unsent []error
	for _, id := range ids {
		raw, later, err := decideOne(ctx, api.Each(), "/cases/"+url.PathEscape(id)+"/"+path, query, body)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", id, err))
			continue
		}
		done.raws = append(done.raws, raw)
		if later != nil {
			r.say("%s  deferred: %s", id, later.Detail)
			deferred = append(deferred, id)
			if later.UnknownHere {
				r.sayWhere(id, later.Instances)
				unsent = append(unsent, fmt.Errorf("%s: in the journal, but nothing is sent before Redis is reachable "+
					"unless another instance gets the decision too", id))
			}
			continue
		}
		c, err := decode[wire.Case](raw)
		if err != nil {
			return err
		}
		done.cases = append(done.cases, c)
		if err := judge(&c); err != nil && query.Has("wait") {
			faults = append(faults, fmt.Errorf("%s: %w", id, err))
		}
	}
	if err := r.printDecided(done, deferred); err != nil {
		return err
	}
	if len(unsent) > 0 {
		return &exitError{exitPartly, errors.Join(append(faults, unsent...)...),
			"repeat it at the other instances, or with all of them in CORDON_ADDR=ADDRESS,ADDRESS,…"}
	}
	return tally(len(ids), faults)
}

// decideWithReason is decide for a decision that requires a reason.
func (r *remote) decideWithReason(ctx context.Context, ids []string, path, reason string, body any) error {
	if err := requireReason(reason); err != nil {
		return err
	}
	return r.decide(ctx, ids, path, nil, body)
}

// decideOne sends a decision to one instance after the other, until one has applied it or
// can carry it out: while Redis is unreachable, that is the one that sent the
// restriction.
func decideOne(
	ctx context.Context, apis []*client.Client, path string, query url.Values, body any,
) (raw json.RawMessage, later *wire.Deferred, err error) {
	var first error
	for _, api := range apis {
		answer, err := api.Post(ctx, path, query, body)
		var unreachable *client.UnreachableError
		switch {
		case errors.As(err, &unreachable) && ctx.Err() == nil:
			if first == nil {
				first = err
			}
			continue
		case err != nil:
			return nil, nil, err
		}
		given, err := readDeferred(answer)
		if err != nil || given == nil || !given.UnknownHere {
			return answer, given, err
		}
		if raw == nil {
			raw, later = answer, given
		}
		later.Instances = without(later.Instances, apis)
	}
	if raw == nil {
		return nil, nil, first
	}
	return raw, later, nil
}

// without removes the instances that were asked.
func without(instances []wire.OtherInstance, asked []*client.Client) []wire.OtherInstance {
	return slices.DeleteFunc(instances, func(i wire.OtherInstance) bool {
		return i.Address != "" && slices.ContainsFunc(asked, func(c *client.Client) bool { return strings.HasSuffix(c.Addr(), "://"+i.Address) })
	})
}

// sayWhere lists the instances that may have sent the restriction, with the command for
// each.
func (r *remote) sayWhere(id string, instances []wire.OtherInstance) {
	if len(instances) == 0 {
		r.say("%s  no other instance is known", id)
	}
	for _, i := range instances {
		where := i.Address
		if where == "" {
			where = "address unknown"
		}
		r.say("%s  send it to %s (%s): %s", id, i.Name, where, i.Command)
	}
}

// printDecided prints the changed cases. A table has no row for a deferred decision,
// which is reported already; the other formats have it too.
func (r *remote) printDecided(done *found, deferred []string) error {
	tabular := r.output == formatTable || r.output == formatWide
	if len(done.raws) == 0 || tabular && len(done.cases) == 0 {
		return nil
	}
	p := casesPrinted(done.oneOrAll(), done.cases, r.now())
	p.names = append(p.names, deferred...)
	return r.print(p)
}

// oneOrAll is the only answer itself, or a list of several.
func (f *found) oneOrAll() json.RawMessage {
	if len(f.raws) == 1 {
		return f.raws[0]
	}
	return f.raw()
}

// tally joins the errors of some of n decisions.
func tally(n int, faults []error) error {
	switch {
	case len(faults) == 0:
		return nil
	case len(faults) < n:
		return &exitError{exitPartly, errors.Join(faults...), "repeat it for those above"}
	}
	return errors.Join(faults...)
}
