package coa

import (
	"strconv"
	"testing"

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
	for _, e := range errorCauses {
		if e.Value <= last || e.Name == "" || e.Disposition == NoReply {
			t.Errorf("%+v after %d", e, last)
		}
		last = e.Value
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
