package intake

import (
	"context"
	"errors"
	"net/http"
	"time"

	"cordon/integration/httpx"
)

// MaxBody bounds the body of a request with verdicts, in octets.
const MaxBody = 1 << 20

type verdictsInput struct {
	ContentType string `header:"Content-Type"`
	RawBody     []byte `contentType:"application/x-ndjson"`
}

// Verdict describes a verdict on the wire for the OpenAPI document; decodeItem
// reads it.
type Verdict struct {
	Source     string    `json:"source" maxLength:"128" doc:"Who says so."`
	SourceID   string    `json:"source_id,omitempty" maxLength:"128" doc:"The source's own id; the same again is a duplicate."`
	ObservedAt time.Time `json:"observed_at" doc:"When it happened: RFC 3339 with an offset."`
	IP         string    `json:"ip,omitempty" doc:"The address that did it. Either ip or subscriber."`
	Subscriber string    `json:"subscriber,omitempty" maxLength:"253"`
	Port       uint16    `json:"port,omitempty" minimum:"1" doc:"The subscriber's port."`
	Protocol   string    `json:"protocol,omitempty" maxLength:"128"`
	Category   string    `json:"category" maxLength:"128" doc:"botnet, malware, spam, phishing, scan, bruteforce, ddos, exposure, copyright, other, or any other word."`
	Confidence float64   `json:"confidence,omitempty" minimum:"0" maximum:"1" doc:"None fails every min_confidence."`
	Severity   any       `json:"severity,omitempty" doc:"String or number, in the source's own scale."`
	Evidence   any       `json:"evidence,omitempty" doc:"Any JSON, at most 8192 octets."`
}

// Answer is the body of an answer to verdicts: a result for each, in order.
type Answer struct {
	Results []Result `json:"results"`
}

type verdictsOutput struct{ Body Answer }

// Mount adds POST /verdicts to the server.
func (in *Intake) Mount(s *httpx.Server) {
	httpx.Register(s, httpx.Operation{
		ID: "submit-verdicts", Method: http.MethodPost, Path: "/verdicts", Status: http.StatusAccepted,
		Summary: "Hand in verdicts; 202 means that those accepted are durable.",
		Scopes:  []httpx.Scope{httpx.ScopeVerdict}, MaxBody: MaxBody, OwnBody: Verdict{},
	}, in.post)
}

func (in *Intake) post(ctx context.Context, input *verdictsInput) (*verdictsOutput, error) {
	items, single, err := decodeBody(input.ContentType, input.RawBody)
	if errors.Is(err, errTooMany) {
		return nil, httpx.NewProblem(http.StatusRequestEntityTooLarge, err.Error())
	}
	if err != nil {
		return nil, httpx.NewProblem(http.StatusBadRequest, err.Error())
	}
	results, err := in.Submit(ctx, items)
	if err != nil {
		return nil, err
	}
	if single && results[0].Err != nil {
		return nil, problem(results[0].Err)
	}
	return &verdictsOutput{Answer{results}}, nil
}
