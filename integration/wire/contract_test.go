package wire_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"cordon/integration/api"
	"cordon/integration/authorize"
	"cordon/integration/bindings"
	"cordon/integration/httpx"
	"cordon/integration/intake"
	"cordon/integration/radacct"
	"cordon/quarantine"
	"cordon/quarantine/engine"
)

var update = flag.Bool("update", false, "write the golden file anew")

// nobody stands in for everything behind the edges: the document asks nobody.
type nobody struct {
	quarantine.CaseReader
	quarantine.SessionReader
	quarantine.BindingFinder
	quarantine.BindingRecorder
	quarantine.MACFinder
}

type (
	noStore   struct{ quarantine.LogInStore }
	noNetwork struct{}
	noGate    struct{}
)

func (noNetwork) LogIn([]quarantine.Attribute) (authorize.LogIn, bool) { return nil, false }
func (noGate) RestrictionsPaused() bool                                { return true }
func (noGate) DeferralAtLogIn(*quarantine.Case, *quarantine.Session) *quarantine.Deferral {
	return nil
}

// newServer has every edge mounted.
func newServer(t *testing.T) *httpx.Server {
	t.Helper()
	server, err := httpx.New(httpx.Config{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	people, err := api.New((*engine.Engine)(nil), api.Config{Cases: nobody{}, Sessions: nobody{}, Bindings: nobody{}, MACs: nobody{}})
	if err != nil {
		t.Fatal(err)
	}
	verdicts, err := intake.New((*engine.Engine)(nil), intake.Config{Default: intake.Source{MaxAge: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	logs, err := bindings.New(bindings.Config{Recorder: nobody{}, History: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	desk, err := authorize.New(noNetwork{}, noStore{}, noGate{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	verdicts.Mount(server)
	radacct.New(nil, time.Hour).Mount(server)
	people.Mount(server)
	logs.Mount(server)
	desk.Mount(server)
	return server
}

// The whole contract with clients in one file: whatever changes it shows here.
func TestTheOpenAPIDocumentIsAsItWasAgreed(t *testing.T) {
	w := httptest.NewRecorder()
	newServer(t).Handler().ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/api/v1/openapi.json", nil))
	var got bytes.Buffer
	if err := json.Indent(&got, w.Body.Bytes(), "", "  "); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	got.WriteByte('\n')
	const golden = "testdata/openapi.json"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the OpenAPI document differs from %s; look at it with -update and git diff", golden)
	}
}
