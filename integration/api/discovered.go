package api

import (
	"context"
	"net/http"
	"time"

	"cordon/integration/httpx"
)

// DiscoveredBNG is who sends accounting to this instance and is no configured
// BNG. Of the names only those are set that it gives itself.
type DiscoveredBNG struct {
	NASIP         string    `json:"nas_ip" doc:"NAS-IP-Address."`
	NASIPv6       string    `json:"nas_ipv6"`
	NASIdentifier string    `json:"nas_identifier"`
	Sender        string    `json:"sender" doc:"Who sent its last record."`
	Relay         bool      `json:"relay" doc:"The sender relays for others."`
	KnownBy       string    `json:"known_by" enum:"name,sender,nothing" doc:"What would tell its records from others': a name, else the sender's address, which a relay hides."`
	Vague         []string  `json:"vague" doc:"Which of its names are no evidence: loopback and the like, and identifiers that another one has too."`
	Records       uint64    `json:"records" doc:"Since first_seen."`
	Sessions      int       `json:"sessions" doc:"Different Acct-Session-Ids, about."`
	FirstSeen     time.Time `json:"first_seen"`
	LastSeen      time.Time `json:"last_seen"`
}

type discoveredPage struct {
	Results []DiscoveredBNG `json:"results" doc:"At most 1,000, most records first."`
	Next    *string         `json:"next" doc:"Always null: all are on one page."`
}

type discoveredOutput struct{ Body discoveredPage }

func (a *API) mountDiscovered(s *httpx.Server) {
	httpx.Register(s, httpx.Operation{
		ID: "discover-bngs", Method: http.MethodGet, Path: "/bngs/discovered",
		Summary: "Who sent accounting to this instance since its start and is no configured BNG.", Scopes: []httpx.Scope{httpx.ScopeRead},
	}, func(context.Context, *struct{}) (*discoveredOutput, error) {
		page := discoveredPage{Results: []DiscoveredBNG{}}
		if a.Discovered != nil {
			page.Results = append(page.Results, a.Discovered()...)
		}
		return &discoveredOutput{page}, nil
	})
}
