package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// probed is what "cordon bng test -o json" says.
type probed struct {
	Verdict string
	Says    string
	Tries   []struct {
		Outcome    string
		ErrorCause uint32 `json:"error_cause"`
	}
}

// probe runs "cordon bng test" with a configuration of one BNG, bng1.
func probe(t *testing.T, port int, edit func(string) string) (probed, ran) {
	t.Helper()
	s := site{name: "cordon-a", redis: "127.0.0.1:1", journal: t.TempDir(), http: 1, acct: 1, bngs: []bngSite{{name: "bng1", port: port}}}
	text := s.yaml()
	if edit != nil {
		text = edit(text)
	}
	file := filepath.Join(t.TempDir(), "cordon.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := runCLI(t, nil, "bng", "test", "bng1", "-c", file, "-o", "json")
	var p probed
	if err := json.Unmarshal([]byte(r.out), &p); err != nil {
		t.Fatalf("%v\n%s", err, r)
	}
	if strings.Contains(r.String(), coaSecret) {
		t.Errorf("the secret is shown: %s", r)
	}
	return p, r
}

func TestARealServerIsDistinguishedFromOneThatAcknowledgesEverything(t *testing.T) {
	t.Parallel()
	yes := startRadiusd(t, 1, nil)
	if p, r := probe(t, yes.coa[0], nil); p.Verdict != "acks-anything" || r.code != 1 {
		t.Errorf("one that says yes to everything: %s", r)
	}
	sound := prepareRadiusd(t, 1, nil)
	sound.write("radiusd.conf", strings.Replace(sound.configuration(), "=~ /^lost/ ||", "=~ /^(lost|probe-)/ ||", 1))
	sound.startNow()
	p, r := probe(t, sound.coa[0], nil)
	if p.Verdict != "alive" || r.code != 0 || len(p.Tries) != 1 || p.Tries[0].ErrorCause != 503 {
		t.Errorf("one that does not know the session: %s", r)
	}
	for _, server := range []*radiusd{yes, sound} {
		all := server.requests()
		if len(all) != 1 || all[0].code != "CoA-Request" || len(all[0].attributes) != 2 || !all[0].signed || all[0].timestamp == "" {
			t.Errorf("it was asked %+v", all)
		}
	}
}

func TestARealServerWithAnotherSecretIsSilent(t *testing.T) {
	t.Parallel()
	server := startRadiusd(t, 1, nil)
	p, r := probe(t, server.coa[0], func(text string) string { return strings.ReplaceAll(text, coaSecret, coaSecret+"-other") })
	if p.Verdict != "silent" || r.code != 3 || !strings.Contains(r.out, "a wrong secret") || len(p.Tries) != 6 {
		t.Errorf("%s", r)
	}
	if all := server.requests(); len(all) != 0 {
		t.Errorf("it accepted %+v", all)
	}
}
