package intake

import (
	"context"
	"errors"
	"net/http"

	"cordon/integration/httpx"
	"cordon/integration/wire"
)

// MaxBody bounds the body of a request with verdicts, in bytes.
const MaxBody = 1 << 20

type verdictsInput struct {
	ContentType string `header:"Content-Type"`
	RawBody     []byte `contentType:"application/x-ndjson"`
}

type verdictsOutput struct{ Body wire.Receipts }

// Mount adds POST /verdicts to the server.
func (in *Intake) Mount(s *httpx.Server) {
	httpx.Register(s, httpx.Operation{
		ID: "submit-verdicts", Method: http.MethodPost, Path: "/verdicts", Status: http.StatusAccepted,
		Summary: "Submit verdicts; 202 means that the accepted ones are durable.",
		Scopes:  []httpx.Scope{httpx.ScopeVerdict}, MaxBody: MaxBody, OwnBody: wire.Verdict{},
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
	return &verdictsOutput{wire.Receipts{Results: receipts(results)}}, nil
}

// receipts are results on the wire.
func receipts(results []Result) []wire.Receipt {
	shown := make([]wire.Receipt, len(results))
	for i := range results {
		shown[i] = results[i].Receipt
	}
	return shown
}
