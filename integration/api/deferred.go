package api

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"

	"cordon/integration/wire"
	"cordon/quarantine"
)

// given is a decision as it was requested.
type given struct {
	verb   string // as in the path
	id     string
	reason string
	more   []string // further flags of the command line and their values; those with an empty value are left out
}

// command is the decision as a command line for the instance at addr.
func (g *given) command(addr string) string {
	verb := g.verb
	if verb == "notes" {
		verb = "note"
	}
	words := []string{"cordon quarantine", verb, g.id}
	if addr != "" {
		words = append(words, "--addr", "http://"+addr)
	}
	for i := 0; i+1 < len(g.more); i += 2 {
		if g.more[i+1] != "" {
			words = append(words, g.more[i], quoted(g.more[i+1]))
		}
	}
	if g.reason != "" {
		words = append(words, "--reason", quoted(g.reason))
	}
	return strings.Join(words, " ")
}

// quoted writes a word for a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// decided answers a decision. One that is in the journal, but not in Redis yet, is
// deferred: it will be applied.
func decided(g given, c *quarantine.Case, err error) (*decisionOutput, error) {
	switch {
	case errors.Is(err, quarantine.ErrDeferred):
		return &decisionOutput{http.StatusAccepted, deferred(&g, err)}, nil
	case err != nil:
		return nil, err
	}
	return &decisionOutput{http.StatusOK, viewCase(c)}, nil
}

// deferred lists where else to send a decision, if this instance cannot carry it out
// before Redis is reachable.
func deferred(g *given, err error) wire.Deferred {
	v := wire.Deferred{ID: g.id, Status: wire.StatusDeferred, Detail: quarantine.ErrDeferred.Error()}
	var unknown *quarantine.DeferredError
	if !errors.As(err, &unknown) {
		return v
	}
	v.Detail, v.UnknownHere = unknown.Error(), true
	for _, i := range unknown.Instances {
		addr := hostPort(i.HTTP)
		v.Instances = append(v.Instances, wire.OtherInstance{Name: i.Label(), Address: addr, Command: g.command(addr)})
	}
	return v
}

// hostPort is the address that another instance advertises, "" if it is invalid: it
// becomes part of a command line.
func hostPort(s string) string {
	if _, err := netip.ParseAddrPort(s); err != nil {
		return ""
	}
	return s
}
