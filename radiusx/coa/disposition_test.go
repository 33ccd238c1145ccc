package coa

import (
	"testing"

	"layeh.com/radius"
)

func TestEveryOutcomeHasItsDisposition(t *testing.T) {
	const coa, disconnect = radius.CodeCoARequest, radius.CodeDisconnectRequest
	for _, test := range []struct {
		name          string
		code          radius.Code
		transmissions int
		kind          Kind
		cause         uint32
		want          Disposition
	}{
		{"silence", coa, 5, Unanswered, 0, NoReply},
		{"silence after a Disconnect", disconnect, 5, Unanswered, 0, NoReply},
		{"ACK", coa, 1, ACK, 0, Success},
		{"ACK with 201", disconnect, 1, ACK, 201, Success},
		{"NAK without cause", coa, 1, NAK, 0, RetryLater},
		{"a NAK that says success is still a NAK", disconnect, 1, NAK, 201, RetryLater},
		{"401", coa, 1, NAK, 401, ProfileFault},
		{"402", coa, 1, NAK, 402, ProfileFault},
		{"403", coa, 1, NAK, 403, ConfigFault},
		{"404", coa, 1, NAK, 404, ProfileFault},
		{"405", coa, 1, NAK, 405, ProfileFault},
		{"406", coa, 1, NAK, 406, PathFault},
		{"407", coa, 1, NAK, 407, ProfileFault},
		{"499, unknown", coa, 1, NAK, 499, ProfileFault},
		{"501", coa, 1, NAK, 501, ConfigFault},
		{"502", coa, 1, NAK, 502, PathFault},
		{"503", coa, 1, NAK, 503, SessionGone},
		{"503 after a retransmitted CoA", coa, 2, NAK, 503, SessionGone},
		{"503 to the first Disconnect", disconnect, 1, NAK, 503, SessionGone},
		{"503 after a retransmitted Disconnect", disconnect, 2, NAK, 503, Success},
		{"504", disconnect, 2, NAK, 504, NotRemovable},
		{"505", coa, 1, NAK, 505, RetryLater},
		{"506", coa, 1, NAK, 506, RetryLater},
		{"507", coa, 1, NAK, 507, InProgress},
		{"508", coa, 1, NAK, 508, Narrow},
		{"599, unknown", coa, 1, NAK, 599, RetryLater},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Dispose(Asked{Code: test.code, Transmissions: test.transmissions}, Result{Kind: test.kind, ErrorCause: test.cause})
			if got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestWhatDecidesBesideTheReply(t *testing.T) {
	nak := func(cause uint32) Result { return Result{Kind: NAK, ErrorCause: cause} }
	const code = radius.CodeCoARequest
	for _, test := range []struct {
		name   string
		asked  Asked
		result Result
		want   Disposition
	}{
		{"replies came, none valid", Asked{Code: code}, Result{Discarded: 1, LastDiscard: BadAuthenticator}, Discarded},
		{"a reply after discarded ones", Asked{Code: code}, Result{Kind: ACK, Discarded: 1}, Success},
		{"502 of a proxy", Asked{Code: code, Proxied: true}, nak(502), PathFault},
		{"505 of a proxy", Asked{Code: code, Proxied: true}, nak(505), ProxyNoReply},
		{"503 through a proxy", Asked{Code: code, Proxied: true}, nak(503), SessionGone},
		{"NAK without cause, may be done", Asked{Code: code, NAKsIfDone: true}, nak(0), AlreadyDone},
		{"404, may be done", Asked{Code: code, NAKsIfDone: true}, nak(404), AlreadyDone},
		{"407, may be done", Asked{Code: code, NAKsIfDone: true}, nak(407), AlreadyDone},
		{"401, may be done", Asked{Code: code, NAKsIfDone: true}, nak(401), ProfileFault},
		{"503, may be done", Asked{Code: code, NAKsIfDone: true}, nak(503), SessionGone},
		{"499, may be done", Asked{Code: code, NAKsIfDone: true}, nak(499), ProfileFault},
	} {
		if got := Dispose(test.asked, test.result); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}
