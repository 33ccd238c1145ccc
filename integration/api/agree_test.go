package api

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"cordon/integration/wire"
	"cordon/quarantine"
)

// What the server waits for and what its clients call done is one thing, though the
// clients do not know the domain.
func TestTheWireJudgesASessionAsTheDomainDoes(t *testing.T) {
	enforcements := []quarantine.Enforcement{
		quarantine.Pending, quarantine.Acked, quarantine.Verified, quarantine.Partial, quarantine.Refused, quarantine.Unanswered,
		quarantine.Gone, quarantine.Exempted,
	}
	for _, e := range enforcements {
		s := viewEnforcement(quarantine.SessionEnforcement{Enforcement: e})
		if s.AsWanted() != e.Reached() {
			t.Errorf("%s: as wanted %t on the wire, %t in the domain", e, s.AsWanted(), e.Reached())
		}
	}
}

// listed is the enum that a field of a wire type names in the OpenAPI document.
func listed(t *testing.T, of any, field string) []string {
	t.Helper()
	f, ok := reflect.TypeOf(of).FieldByName(field)
	if !ok {
		t.Fatalf("%T has no field %s", of, field)
	}
	return strings.Split(f.Tag.Get("enum"), ",")
}

func TestTheWiresWordsAreTheDomains(t *testing.T) {
	for name, c := range map[string]struct{ listed, domain, constants []string }{
		"case": {listed(t, wire.Case{}, "State"), words(
			quarantine.Observing, quarantine.CaseHeld, quarantine.Restricting, quarantine.Waiting, quarantine.Restricted, quarantine.Releasing,
			quarantine.Closed,
		), []string{wire.StateObserving, wire.StateHeld, wire.StateRestricting, wire.StateWaiting, wire.StateRestricted, wire.StateReleasing,
			wire.StateClosed}},
		"session": {listed(t, wire.Session{}, "Enforcement"), words(
			quarantine.Pending, quarantine.Acked, quarantine.Verified, quarantine.Partial, quarantine.Refused, quarantine.Unanswered,
			quarantine.Gone, quarantine.Exempted,
		), []string{
			wire.EnforcementPending, wire.EnforcementAcked, wire.EnforcementVerified, wire.EnforcementPartial, wire.EnforcementRefused,
			wire.EnforcementUnanswered, wire.EnforcementGone, wire.EnforcementExempt,
		}},
		"verdict": {listed(t, wire.VerdictStatus{}, "State"), words(
			quarantine.VerdictPending, quarantine.VerdictUnknown, quarantine.VerdictAmbiguous, quarantine.VerdictRecorded, quarantine.VerdictHeld,
			quarantine.VerdictActed, quarantine.VerdictRetracted,
		), []string{
			wire.VerdictPending, wire.VerdictUnknown, wire.VerdictAmbiguous, wire.VerdictRecorded, wire.VerdictHeld, wire.VerdictActed,
			wire.VerdictRetracted,
		}},
		"instance": {listed(t, wire.Instance{}, "State"), words(
			quarantine.InstanceUp, quarantine.InstanceSilent, quarantine.InstanceLeft, quarantine.InstanceForgotten,
		), []string{wire.InstanceUp, wire.InstanceSilent, wire.InstanceLeft, wire.InstanceForgotten}},
	} {
		if !slices.Equal(c.listed, c.domain) || !slices.Equal(c.constants, c.domain) {
			t.Errorf("%s: the document lists %q, the wire %q, the domain %q", name, c.listed, c.constants, c.domain)
		}
	}
}

func words[T ~string](names ...T) []string {
	list := make([]string, 0, len(names))
	for _, n := range names {
		list = append(list, string(n))
	}
	return list
}
