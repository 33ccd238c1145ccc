package proof

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/bng"
	"cordon/radiusx/dialect"
)

// experimental is a BNG with an experimental dialect and one profile.
func experimental(t *testing.T) *bng.Config {
	t.Helper()
	secret, err := radiusx.NewSecret("0123456789abcdef0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	d, known := dialect.Builtin().Get("rtbrick")
	if !known || !d.Experimental {
		t.Fatal("rtbrick is not experimental any more: take another dialect")
	}
	return &bng.Config{
		Name: "bng1", Address: netip.MustParseAddr("192.0.2.1"), Secret: secret, Dialect: d,
		Profiles: map[string]dialect.Profile{"garden": {Restricted: "GARDEN", Normal: "PLAN"}},
	}
}

func TestProfilesThatRulesPutInForceByThemselvesNeedAProof(t *testing.T) {
	approve := quarantine.ModeApprove
	p := &quarantine.Policy{Mode: quarantine.ModeEnforce, Rules: []quarantine.Rule{
		{Name: "a", Profile: "garden"}, {Name: "b", Profile: "garden"}, {Name: "c", Profile: "elsewhere"}, {Name: "d", Profile: quarantine.Disconnect},
	}}
	c := experimental(t)
	if got, want := Required(p, c), []string{"garden", quarantine.Disconnect}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	p.Rules[3].Mode = &approve
	if got, want := Required(p, c), []string{"garden"}; !slices.Equal(got, want) {
		t.Errorf("a rule that waits for approval: %q, want %q", got, want)
	}
	if p.Mode = quarantine.ModeApprove; Required(p, c) != nil {
		t.Error("mode approve needs proofs")
	}
}

func TestAProofCountsForTheSameRequestsOnly(t *testing.T) {
	dir, c := t.TempDir(), experimental(t)
	if missing := Missing(dir, c, []string{"garden"}); len(missing) != 1 || !errors.Is(missing[0], errNone) {
		t.Errorf("without a proof: %v", missing)
	}
	print, err := c.Fingerprint("garden")
	if err != nil {
		t.Fatal(err)
	}
	shown := Step{Outcome: quarantine.OutcomeAcked, Shown: true}
	r := Record{BNG: "bng1", Profile: "garden", Fingerprint: print, Restrict: shown, Restore: shown}
	if _, err := r.Save(dir); err != nil {
		t.Fatal(err)
	}
	if missing := Missing(dir, c, []string{"garden"}); len(missing) > 0 {
		t.Errorf("with a proof: %v", missing)
	}
	c.Profiles["garden"] = dialect.Profile{Restricted: "OTHER", Normal: "PLAN"}
	if missing := Missing(dir, c, []string{"garden"}); len(missing) != 1 {
		t.Errorf("with a proof of another request: %v", missing)
	}
}
