package radacct

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

// MaxBody bounds the body of a request, in bytes.
const MaxBody = 8 << 20

// loader stores sessions. There is an error for each, in order: a *quarantine.FieldError
// for an invalid one, any other means that Redis is unavailable.
type loader interface {
	Load(ctx context.Context, sessions []Session) []error
}

// Import imports rows.
type Import struct {
	loader  loader
	history time.Duration
	naming  map[string]string // see reader
	now     func() time.Time
}

// New returns an edge in front of l. Sessions that ended longer than history ago are
// skipped: nothing would be kept of them. naming are the RADIUS attributes of
// accounting.subscriber_key: columns of these names are read too.
func New(l loader, history time.Duration, naming ...string) *Import {
	im := &Import{loader: l, history: history, naming: map[string]string{}, now: time.Now}
	for _, attribute := range naming {
		if name := columnName(attribute); columns[name] == nil {
			im.naming[name] = attribute
		}
	}
	return im
}

type importInput struct {
	ContentType string `header:"Content-Type"`
	Zone        string `query:"tz" doc:"Time zone of times without an offset: Europe/Berlin, or +01:00."`
	RawBody     []byte `contentType:"application/x-ndjson"`
}

type importOutput struct{ Body wire.ImportReceipt }

// Mount adds POST /sessions/import to the server.
func (im *Import) Mount(s *httpx.Server) {
	httpx.Register(s, httpx.Operation{
		ID: "import-sessions", Method: http.MethodPost, Path: "/sessions/import",
		Summary: "Import sessions from another program: rows as of radacct, CSV with a header or NDJSON.",
		Scopes:  []httpx.Scope{httpx.ScopeAdmin}, MaxBody: MaxBody, OwnBody: wire.SessionRow{},
	}, im.post)
}

func (im *Import) post(ctx context.Context, input *importInput) (*importOutput, error) {
	zone, err := parseZone(input.Zone)
	if err != nil {
		return nil, httpx.Invalid("query.tz", err.Error(), input.Zone)
	}
	r := reader{zone: zone, now: im.now(), naming: im.naming}
	t, err := r.decode(input.ContentType, input.RawBody)
	if errors.Is(err, errTooMany) {
		return nil, httpx.NewProblem(http.StatusRequestEntityTooLarge, err.Error())
	}
	if err != nil {
		return nil, httpx.NewProblem(http.StatusBadRequest, err.Error())
	}
	answer := wire.ImportReceipt{Ignored: t.ignoredColumns(), Skipped: t.forget(r.now.Add(-im.history))}
	for i, err := range im.loader.Load(ctx, t.sessions) {
		var wrong *quarantine.FieldError
		switch {
		case err == nil:
			answer.Accepted++
		case errors.As(err, &wrong):
			t.fault(t.lines[i], "%v", wrong)
		default:
			return nil, err // the client sends all of it again; a repeated row changes nothing
		}
	}
	slices.SortFunc(t.faults, func(a, b wire.LineFault) int { return cmp.Compare(a.Line, b.Line) })
	answer.Rejected = append([]wire.LineFault{}, t.faults...) // never null
	return &importOutput{answer}, nil
}

// forget removes the sessions that ended before a time, and counts them.
func (t *table) forget(before time.Time) int {
	kept := 0
	for i, s := range t.sessions {
		if s.Stop.IsZero() || s.Stop.After(before) {
			t.sessions[kept], t.lines[kept] = s, t.lines[i]
			kept++
		}
	}
	forgotten := len(t.sessions) - kept
	t.sessions, t.lines = t.sessions[:kept], t.lines[:kept]
	return forgotten
}
