package bng

import (
	"strings"
	"testing"

	"layeh.com/radius"

	"cordon/quarantine"
	"cordon/radiusx/coa"
)

func TestEveryDispositionHasItsOutcome(t *testing.T) {
	want := map[coa.Disposition]quarantine.OutcomeKind{
		coa.NoReply: quarantine.OutcomeUnanswered, coa.Discarded: quarantine.OutcomeUnanswered,
		coa.ProxyNoReply: quarantine.OutcomeUnanswered,
		coa.Success:      quarantine.OutcomeAcked, coa.InProgress: quarantine.OutcomeAcked, coa.AlreadyDone: quarantine.OutcomeAcked,
		coa.SessionGone:  quarantine.OutcomeSessionGone,
		coa.ProfileFault: quarantine.OutcomeRefused, coa.ConfigFault: quarantine.OutcomeRefused, coa.PathFault: quarantine.OutcomeRefused,
		coa.RetryLater: quarantine.OutcomeRefused, coa.Narrow: quarantine.OutcomeRefused, coa.NotRemovable: quarantine.OutcomeRefused,
	}
	d := coa.Disposition(0)
	for ; !strings.HasPrefix(d.String(), "Disposition("); d++ {
		kind, listed := want[d]
		if int(d) >= len(outcomes) || !listed || outcomes[d] != kind {
			t.Errorf("%v: listed here %t as %v", d, listed, kind)
		}
	}
	if int(d) != len(outcomes) || len(want) != len(outcomes) {
		t.Errorf("%d dispositions, %d outcomes, %d listed here", d, len(outcomes), len(want))
	}
}

func TestWhatAReplyIsToTheDomain(t *testing.T) {
	const update, disconnect = radius.CodeCoARequest, radius.CodeDisconnectRequest
	direct, proxied := testFleet(t).named["bng1"], testFleet(t).named["bng1"]
	proxied.Via = &Proxy{Name: "aaa1"}
	nak := func(cause uint32) coa.Result { return coa.Result{Kind: coa.NAK, ErrorCause: cause, Transmissions: 1} }
	naked := &quarantine.AppliedProfile{Profile: "walled-garden", Naked: true, Cause: 407}
	for _, test := range []struct {
		name   string
		bng    *member
		asked  coa.Asked
		result coa.Result
		from   *quarantine.AppliedProfile
		want   quarantine.OutcomeKind
		reason string
	}{
		{"ACK", direct, coa.Asked{Code: update}, coa.Result{Kind: coa.ACK}, nil, quarantine.OutcomeAcked, ""},
		{"ACK with 201", direct, coa.Asked{Code: disconnect}, coa.Result{Kind: coa.ACK, ErrorCause: 201}, nil, quarantine.OutcomeAcked, ""},
		{"silence", direct, coa.Asked{Code: update}, coa.Result{Transmissions: 5}, nil, quarantine.OutcomeUnanswered,
			"no reply after 5 transmissions"},
		{"another secret", direct, coa.Asked{Code: update}, coa.Result{Discarded: 2, LastDiscard: coa.BadAuthenticator}, nil,
			quarantine.OutcomeUnanswered, "2 discarded, the last one bad-authenticator"},
		{"another clock", direct, coa.Asked{Code: update}, coa.Result{Discarded: 1, Skew: 400e9}, nil, quarantine.OutcomeUnanswered,
			"400 s ahead"},
		{"NAK without cause", direct, coa.Asked{Code: update}, nak(0), nil, quarantine.OutcomeRefused,
			"NAK without Error-Cause (retry-later)"},
		{"401", direct, coa.Asked{Code: update}, nak(401), nil, quarantine.OutcomeRefused, "NAK Unsupported-Attribute (profile-fault)"},
		{"403", direct, coa.Asked{Code: update}, nak(403), nil, quarantine.OutcomeRefused,
			"NAK NAS-Identification-Mismatch (config-fault)"},
		{"406", direct, coa.Asked{Code: update}, nak(406), nil, quarantine.OutcomeRefused, "NAK Unsupported-Extension (path-fault)"},
		{"502 of the BNG", direct, coa.Asked{Code: update}, nak(502), nil, quarantine.OutcomeRefused,
			"NAK Proxy-Request-Not-Routable (path-fault)"},
		{"505 of the BNG", direct, coa.Asked{Code: update}, nak(505), nil, quarantine.OutcomeRefused,
			"NAK Proxy-Processing-Error (retry-later)"},
		{"502 of the proxy", proxied, coa.Asked{Code: update, Proxied: true}, nak(502), nil, quarantine.OutcomeRefused,
			"does not know the way to bng1: NAK Proxy-Request-Not-Routable"},
		{"505 of the proxy", proxied, coa.Asked{Code: update, Proxied: true}, nak(505), nil, quarantine.OutcomeUnanswered,
			"has no reply from bng1: NAK Proxy-Processing-Error"},
		{"503", direct, coa.Asked{Code: update}, nak(503), nil, quarantine.OutcomeSessionGone, "the BNG does not know the session"},
		{"503 to a Disconnect sent twice", direct, coa.Asked{Code: disconnect, Transmissions: 2}, nak(503), nil,
			quarantine.OutcomeAcked, ""},
		{"504", direct, coa.Asked{Code: disconnect}, nak(504), nil, quarantine.OutcomeRefused,
			"NAK Session-Context-Not-Removable (not-removable)"},
		{"507", direct, coa.Asked{Code: update}, nak(507), nil, quarantine.OutcomeAcked, ""},
		{"508", direct, coa.Asked{Code: update}, nak(508), nil, quarantine.OutcomeRefused, "(narrow)"},
		{"404 to what may be done", direct, coa.Asked{Code: update, NAKsIfDone: true}, nak(404), nil, quarantine.OutcomeAcked, ""},
		{"401 to what may be done", direct, coa.Asked{Code: update, NAKsIfDone: true}, nak(401), nil, quarantine.OutcomeRefused,
			"(profile-fault)"},
		{"407 to what takes away a restriction refused with it", direct, coa.Asked{Code: update}, nak(407), naked,
			quarantine.OutcomeAcked, ""},
		{"401 to what takes away a restriction refused with 407", direct, coa.Asked{Code: update}, nak(401), naked,
			quarantine.OutcomeRefused, "(profile-fault)"},
	} {
		if got := test.bng.meaning(test.asked, test.result, test.from); got.kind != test.want ||
			!strings.Contains(got.reason, test.reason) {
			t.Errorf("%s: %v, %q; want %v, %q", test.name, got.kind, got.reason, test.want, test.reason)
		}
	}
}
