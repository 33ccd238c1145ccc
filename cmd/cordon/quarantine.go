package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"cordon/cmd/cordon/client"
	"cordon/integration/wire"
)

// newQuarantine is "cordon quarantine" and its verbs.
func newQuarantine(sh *shell) *cobra.Command {
	r := &remote{shell: sh}
	g := group("quarantine", "Restrict subscribers, show and end cases",
		newQuarantineAdd(r), newQuarantineList(r), newQuarantineShow(r), newRelease(r), newExtend(r),
		newDecision(r, "approve", "approve", "Approve held cases, or their held rises"),
		newDecision(r, "reject", "reject", "Reject held cases, which ends them, or drop their held rises"),
		newRetry(r), newGiveUp(r),
		newDecision(r, "note", "notes", "Add a note to cases; --reason is its text"))
	r.flags(g)
	return g
}

// reasonFlag adds --reason, which every decision requires.
func reasonFlag(c *cobra.Command, reason *string) {
	c.Flags().StringVar(reason, "reason", "", "why; kept with the case (required)")
}

func requireReason(reason string) error {
	if reason == "" {
		return usage("--reason is required; the case keeps it")
	}
	return nil
}

func newQuarantineAdd(r *remote) *cobra.Command {
	var q wire.QuarantineRequest
	var dryRun bool
	var wait string
	c := &cobra.Command{
		Use: "add --ip ADDRESS|--subscriber KEY|--session BNG/ID --profile NAME --reason TEXT", Args: cobra.NoArgs,
		Short: "Quarantine a subscriber manually",
		Example: "  cordon quarantine add --ip 192.0.2.17 --profile walled-garden --reason 'phone call, ticket 4711'\n" +
			"  cordon quarantine add --subscriber alice@isp --profile block-smtp --for 72h --reason spam --wait 10s",
		RunE: func(c *cobra.Command, _ []string) error { return r.add(c.Context(), &q, dryRun, wait) },
	}
	f := c.Flags()
	f.StringVar(&q.IP, "ip", "", "address of the subscriber now")
	f.Uint16Var(&q.Port, "port", 0, "with --ip: the subscriber's port, if the address is shared")
	f.StringVar(&q.Space, "space", "", "with --ip: address space, if several have the address")
	f.StringVar(&q.Subscriber, "subscriber", "", "subscriber key")
	f.StringVar(&q.Session, "session", "", "session, as BNG/Acct-Session-Id")
	f.StringVar(&q.Profile, "profile", "", "profile to apply (required)")
	f.StringVar(&q.For, "for", "", "duration, e.g. 4h or 7d (default: the server's)")
	f.BoolVar(&q.Override, "override", false, "even if the subscriber is exempt")
	f.BoolVar(&q.All, "all-sessions", false, "restrict all lines, even if more than attribution.max_sessions")
	f.BoolVar(&q.Replace, "replace", false, "replace the open case's profile, even if it is more severe or ends later")
	f.BoolVar(&dryRun, "dry-run", false, "show the case as it would be; nothing is written or sent")
	f.StringVar(&wait, "wait", "", "wait up to this long, at most 60s, until no request is pending")
	c.MarkFlagsMutuallyExclusive("ip", "subscriber", "session")
	c.MarkFlagsOneRequired("ip", "subscriber", "session")
	reasonFlag(c, &q.Reason)
	return c
}

func (r *remote) add(ctx context.Context, q *wire.QuarantineRequest, dryRun bool, wait string) error {
	if err := requireReason(q.Reason); err != nil {
		return err
	}
	if q.Profile == "" {
		return usage("--profile is required")
	}
	api, err := r.client()
	if err != nil {
		return err
	}
	query := url.Values{}
	if dryRun {
		query.Set("dry_run", "true")
	}
	if wait != "" {
		query.Set("wait", wait)
	}
	raw, err := api.Post(ctx, "/quarantines", query, q)
	if err != nil {
		return err
	}
	c, err := decode[wire.Case](raw)
	if err != nil {
		return err
	}
	if dryRun {
		r.say("dry run: nothing was written or sent")
	}
	if err := r.print(casesPrinted(raw, []wire.Case{c}, r.now())); err != nil || wait == "" || dryRun {
		return err
	}
	return judge(&c)
}

// judge returns an error if the case is not as wanted after the wait.
func judge(c *wire.Case) error {
	if c.Outcome() == wire.Done {
		return nil
	}
	return &exitError{exitCode(c.Outcome()), fmt.Errorf("%d of %d sessions are not as wanted yet", c.Unfinished(), len(c.Sessions)),
		"cordon quarantine show " + c.ID}
}

func newQuarantineList(r *remote) *cobra.Command {
	filters := map[string]*string{}
	var limit int
	var open, quiet bool
	c := &cobra.Command{
		Use: "list", Short: "List cases, open ones first, newest first", Args: cobra.NoArgs,
		Example: "  cordon quarantine list --state held\n" +
			"  cordon quarantine release $(cordon quarantine list -q --open --source sensor-3) --reason 'sensor misread'",
		RunE: func(c *cobra.Command, _ []string) error {
			query := url.Values{}
			for name, value := range filters {
				if *value != "" {
					query.Set(name, *value)
				}
			}
			if quiet {
				r.output = formatName
			}
			return r.list(c.Context(), query, limit, open)
		},
	}
	f := c.Flags()
	for _, name := range []string{"state", "profile", "bng", "subscriber", "source", "rule"} {
		filters[name] = f.String(name, "", "only cases with this "+name)
	}
	f.IntVar(&limit, "limit", 50, "most cases to list; 0: all")
	f.BoolVar(&open, "open", false, "only open cases")
	f.BoolVarP(&quiet, "quiet", "q", false, "IDs only")
	return c
}

// maxPage is the API's largest page.
const maxPage = 1000

func (r *remote) list(ctx context.Context, query url.Values, limit int, open bool) error {
	if limit < 0 {
		return usage("--limit must not be negative")
	}
	api, err := r.client()
	if err != nil {
		return err
	}
	found, err := collect(ctx, api, query, limit, open)
	if err != nil {
		return err
	}
	if len(found.cases) == 0 {
		r.say("no case matches")
	}
	if found.more {
		r.say("there are more cases; --limit 0 lists all")
	}
	return r.print(casesPrinted(found.raw(), found.cases, r.now()))
}

// found is the cases of a listing.
type found struct {
	cases []wire.Case
	raws  []json.RawMessage // the same, as the server sent them
	more  bool              // there are more than the limit
}

func (f *found) raw() json.RawMessage {
	return rawPage(f.raws)
}

// collect reads pages until there are limit cases (0: all), or with open until the first
// closed one, as open cases are first.
func collect(ctx context.Context, api *client.Client, query url.Values, limit int, open bool) (*found, error) {
	query.Set("limit", strconv.Itoa(maxPage))
	if limit > 0 && limit < maxPage {
		query.Set("limit", strconv.Itoa(limit))
	}
	f := &found{}
	for path := "/cases"; ; query = nil {
		raw, err := api.Get(ctx, path, query)
		if err != nil {
			return nil, err
		}
		page, err := decode[wire.Page[json.RawMessage]](raw)
		if err != nil {
			return nil, err
		}
		for _, one := range page.Results {
			c, err := decode[wire.Case](one)
			if err != nil {
				return nil, err
			}
			if open && c.Closed() {
				return f, nil
			}
			if limit > 0 && len(f.cases) == limit {
				f.more = true
				return f, nil
			}
			f.cases, f.raws = append(f.cases, c), append(f.raws, one)
		}
		if page.Next == nil || limit > 0 && len(f.cases) == limit {
			f.more = page.Next != nil
			return f, nil
		}
		path = *page.Next
	}
}

func newQuarantineShow(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a case with its sessions, evidence and history", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := r.client()
			if err != nil {
				return err
			}
			raw, err := api.Get(c.Context(), "/cases/"+url.PathEscape(args[0]), nil)
			if err != nil {
				return err
			}
			one, err := decode[wire.Case](raw)
			if err != nil {
				return err
			}
			return r.print(casePage(raw, one, r.now()))
		},
	}
}

func newRelease(r *remote) *cobra.Command {
	var reason, code string
	c := &cobra.Command{
		Use: "release ID… --reason TEXT", Short: "End cases and restore the normal profile", Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, ids []string) error {
			return r.decideWithReason(c.Context(), ids, "release", reason, wire.ReleaseRequest{Reason: reason, Code: code})
		},
	}
	c.Flags().StringVar(&code, "code", "", "cleaned, false_positive, wrong_line or other")
	reasonFlag(c, &reason)
	return c
}

func newExtend(r *remote) *cobra.Command {
	var reason, lasts string
	c := &cobra.Command{
		Use: "extend ID… --for TIME --reason TEXT", Short: "Set the expiry of cases, counted from now", Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, ids []string) error {
			if lasts == "" {
				return usage("--for is required, e.g. --for 72h")
			}
			return r.decideWithReason(c.Context(), ids, "extend", reason, wire.ExtendRequest{Reason: reason, For: lasts})
		},
	}
	c.Flags().StringVar(&lasts, "for", "", "duration from now, e.g. 72h or 7d (required)")
	reasonFlag(c, &reason)
	return c
}

// newDecision is a verb with a reason and nothing else; path is its path in the API.
func newDecision(r *remote, verb, path, short string) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: verb + " ID… --reason TEXT", Short: short, Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, ids []string) error {
			return r.decideWithReason(c.Context(), ids, path, reason, wire.CaseRequest{Reason: reason})
		},
	}
	reasonFlag(c, &reason)
	return c
}
