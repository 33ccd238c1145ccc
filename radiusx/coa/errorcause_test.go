package coa

import (
	"strconv"
	"testing"

	"layeh.com/radius"
	"layeh.com/radius/rfc3576"
	_ "layeh.com/radius/rfc5176" // adds 407 and 508 to rfc3576's names
)

func TestErrorCausesAreNamedAsInTheDictionaries(t *testing.T) {
	for value, name := range rfc3576.ErrorCause_Strings {
		if got := LookupErrorCause(uint32(value)).Name; got != name {
			t.Errorf("%d is %q, want %q", value, got, name)
		}
	}
}

func TestErrorCausesAscend(t *testing.T) {
	last := uint32(0)
	for _, e := range ErrorCauses() {
		if e.Value <= last || e.Name == "" || e.Disposition == Unknown {
			t.Errorf("%+v after %d", e, last)
		}
		last = e.Value
	}
}

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
		{"silence", coa, 5, Unanswered, 0, Unknown},
		{"silence after a Disconnect", disconnect, 5, Unanswered, 0, Unknown},
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
			got := Dispose(test.code, test.transmissions, Result{Kind: test.kind, ErrorCause: test.cause})
			if got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestEveryEnumValueHasAWordOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, table := range [][]string{kinds[:], discards[:], dispositions[:], modes[:]} {
		for _, word := range table {
			if word == "" || seen[word] {
				t.Errorf("word %q is missing or there twice", word)
			}
			seen[word] = true
		}
	}
	for _, word := range []string{Kind(-1).String(), Discard(99).String(), Disposition(99).String()} {
		if _, err := strconv.Atoi(word); err == nil || seen[word] {
			t.Errorf("a value outside its table is called %q", word)
		}
	}
}
