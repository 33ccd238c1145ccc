package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"cordon/cmd/cordon/client"
)

// newQuarantine is "cordon quarantine" and its verbs.
func newQuarantine(sh *shell) *cobra.Command {
	r := &remote{shell: sh}
	g := group("quarantine", "Restrict subscribers, see and end what restricts them",
		newQuarantineAdd(r), newQuarantineList(r), newQuarantineShow(r), newRelease(r), newExtend(r),
		newDecision(r, "approve", "approve", "Lift the hold of cases: they act"),
		newDecision(r, "reject", "reject", "End held cases"),
		newRetry(r), newGiveUp(r),
		newDecision(r, "note", "notes", "Add a remark to cases; --reason is its text"))
	r.flags(g)
	return g
}

// reasonFlag adds --reason, which a person owes for everything he does.
func reasonFlag(c *cobra.Command, reason *string) {
	c.Flags().StringVar(reason, "reason", "", "why; kept with the case (required)")
}

func requireReason(reason string) error {
	if reason == "" {
		return usage("--reason is required: say why, for whoever reads the case later")
	}
	return nil
}

// wish is what "quarantine add" sends.
type wish struct {
	IP         string `json:"ip,omitempty"`
	Port       uint16 `json:"port,omitempty"`
	Space      string `json:"space,omitempty"`
	Subscriber string `json:"subscriber,omitempty"`
	Session    string `json:"session,omitempty"`
	Profile    string `json:"profile"`
	Reason     string `json:"reason"`
	For        string `json:"for,omitempty"`
	Override   bool   `json:"override,omitempty"`
	All        bool   `json:"all_sessions,omitempty"`
}

func newQuarantineAdd(r *remote) *cobra.Command {
	var w wish
	var dryRun bool
	var wait string
	c := &cobra.Command{
		Use: "add --ip ADDRESS|--subscriber KEY|--session BNG/ID --profile NAME --reason TEXT", Args: cobra.NoArgs,
		Short: "Quarantine a subscriber by hand",
		Example: "  cordon quarantine add --ip 192.0.2.17 --profile walled-garden --reason 'phone call, ticket 4711'\n" +
			"  cordon quarantine add --subscriber alice@isp --profile block-smtp --for 72h --reason spam --wait 10s",
		RunE: func(c *cobra.Command, _ []string) error { return r.add(c.Context(), w, dryRun, wait) },
	}
	f := c.Flags()
	f.StringVar(&w.IP, "ip", "", "whoever holds this address now")
	f.Uint16Var(&w.Port, "port", 0, "with --ip: the subscriber's port, where addresses are shared")
	f.StringVar(&w.Space, "space", "", "with --ip: address space, where several have the address")
	f.StringVar(&w.Subscriber, "subscriber", "", "subscriber key")
	f.StringVar(&w.Session, "session", "", "session, as BNG/Acct-Session-Id")
	f.StringVar(&w.Profile, "profile", "", "restriction (required)")
	f.StringVar(&w.For, "for", "", "how long, e.g. 4h or 7d (the server's default if not told)")
	f.BoolVar(&w.Override, "override", false, "although the subscriber is exempt")
	f.BoolVar(&w.All, "all-sessions", false, "although the subscriber has more lines than attribution.max_sessions: restrict all of them")
	f.BoolVar(&dryRun, "dry-run", false, "say what would happen; nothing is written or sent")
	f.StringVar(&wait, "wait", "", "wait this long, at most 60s, until the BNG has answered")
	c.MarkFlagsMutuallyExclusive("ip", "subscriber", "session")
	c.MarkFlagsOneRequired("ip", "subscriber", "session")
	reasonFlag(c, &w.Reason)
	return c
}

func (r *remote) add(ctx context.Context, w wish, dryRun bool, wait string) error {
	if err := requireReason(w.Reason); err != nil {
		return err
	}
	if w.Profile == "" {
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
	raw, err := api.Post(ctx, "/quarantines", query, w)
	if err != nil {
		return err
	}
	c, err := decode[client.Case](raw)
	if err != nil {
		return err
	}
	if dryRun {
		r.say("dry run: this is what would be; nothing was written or sent")
	}
	if err := r.print(casesPrinted(raw, []client.Case{c}, r.now())); err != nil || wait == "" || dryRun {
		return err
	}
	return settled(c)
}

// settled judges what the BNGs have answered by the time that was waited.
func settled(c client.Case) error {
	done := 0
	for _, s := range c.Sessions {
		if s.Enforcement == "acked" || s.Enforcement == "verified" || s.Enforcement == "gone" {
			done++
		}
	}
	if done == len(c.Sessions) {
		return nil
	}
	code := exitFailed
	if done > 0 {
		code = exitPartly
	}
	return &exitError{code, fmt.Errorf("%d of %d sessions are not as wanted yet", len(c.Sessions)-done, len(c.Sessions)),
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
	f.IntVar(&limit, "limit", 50, "at most so many; 0: all")
	f.BoolVar(&open, "open", false, "only cases that are not closed")
	f.BoolVarP(&quiet, "quiet", "q", false, "ids only")
	return c
}

// maxPage is the largest page the API gives.
const maxPage = 1000

func (r *remote) list(ctx context.Context, query url.Values, limit int, open bool) error {
	if limit < 0 {
		return usage("--limit is 0 or above")
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
		r.say("no case fits")
	}
	if found.more {
		r.say("there are more cases: --limit 0 lists all, --state and the like narrow them down")
	}
	return r.print(casesPrinted(found.raw(), found.cases, r.now()))
}

// found is what a listing has gathered.
type found struct {
	cases []client.Case
	raws  []json.RawMessage // the same, as the server sent them
	more  bool              // there are more than were asked for
}

func (f *found) raw() json.RawMessage {
	page, _ := json.Marshal(map[string]any{"results": append([]json.RawMessage{}, f.raws...)}) // the server's own JSON encodes
	return page
}

// collect follows the pages until there are limit cases (0: all), or with open
// until the first closed one, since open cases come first.
func collect(ctx context.Context, api *client.Client, query url.Values, limit int, open bool) (*found, error) {
	query.Set("limit", strconv.Itoa(maxPage))
	if limit > 0 && limit < maxPage {
		query.Set("limit", strconv.Itoa(limit))
	}
	f := &found{}
	for path := "/cases"; path != ""; query = nil {
		raw, err := api.Get(ctx, path, query)
		if err != nil {
			return nil, err
		}
		page, err := decode[struct {
			Results []json.RawMessage `json:"results"`
			Next    string            `json:"next"`
		}](raw)
		if err != nil {
			return nil, err
		}
		for _, one := range page.Results {
			c, err := decode[client.Case](one)
			if err != nil {
				return nil, err
			}
			if open && c.State == "closed" {
				return f, nil
			}
			if limit > 0 && len(f.cases) == limit {
				f.more = true
				return f, nil
			}
			f.cases, f.raws = append(f.cases, c), append(f.raws, one)
		}
		if path = page.Next; limit > 0 && len(f.cases) == limit {
			f.more = path != ""
			return f, nil
		}
	}
	return f, nil
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
			one, err := decode[client.Case](raw)
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
		Use: "release ID… --reason TEXT", Short: "End cases: subscribers get back what they should have", Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, ids []string) error {
			body := map[string]string{"reason": reason}
			if code != "" {
				body["code"] = code
			}
			return r.decideWithReason(c.Context(), ids, "release", body)
		},
	}
	c.Flags().StringVar(&code, "code", "", "cleaned, false_positive, wrong_line or other")
	reasonFlag(c, &reason)
	return c
}

func newExtend(r *remote) *cobra.Command {
	var reason, lasts string
	c := &cobra.Command{
		Use: "extend ID… --for TIME --reason TEXT", Short: "Move the expiry of cases, counted from now", Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, ids []string) error {
			if lasts == "" {
				return usage("--for is required, e.g. --for 72h")
			}
			return r.decideWithReason(c.Context(), ids, "extend", map[string]string{"reason": reason, "for": lasts})
		},
	}
	c.Flags().StringVar(&lasts, "for", "", "how long from now, e.g. 72h or 7d (required)")
	reasonFlag(c, &reason)
	return c
}

// newDecision is a verb that takes a reason and nothing else; path is its last
// part in the API.
func newDecision(r *remote, verb, path, short string) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: verb + " ID… --reason TEXT", Short: short, Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, ids []string) error {
			return r.decideWithReason(c.Context(), ids, path, map[string]string{"reason": reason})
		},
	}
	reasonFlag(c, &reason)
	return c
}
