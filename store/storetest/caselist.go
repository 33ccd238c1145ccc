package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"cordon/quarantine"
)

// CaseList tests quarantine.CaseReader's list.
func CaseList(t *testing.T, open Open) {
	caseOrder(t, open)
	caseFilters(t, open)
}

func caseOrder(t *testing.T, open Open) {
	t.Run("open cases come first, then closed ones, newest first, page by page", func(t *testing.T) {
		s := start(t, open)
		const n = 25
		for i := range n {
			c := newCase(fmt.Sprintf("c%02d", i), fmt.Sprintf("u%d", i))
			c.OpenedAt = minute(i / 5) // five of each minute
			save(t, s, quarantine.CaseWrite{Case: c})
			if i%3 == 0 {
				closeCase(t, s, c, minute(100-i))
			}
		}
		whole := list(t, s, quarantine.CaseFilter{Limit: n})
		var want []string
		for i := n - 1; i >= 0; i-- {
			if i%3 != 0 {
				want = append(want, fmt.Sprintf("c%02d", i))
			}
		}
		for i := 0; i < n; i += 3 { // closed in reverse
			want = append(want, fmt.Sprintf("c%02d", i))
		}
		equal(t, "list", whole, want)
		for _, limit := range []int{1, 2, 3, 7, 24} {
			equal(t, fmt.Sprintf("list in pages of %d", limit), list(t, s, quarantine.CaseFilter{Limit: limit}), want)
		}
	})
}

func caseFilters(t *testing.T, open Open) {
	t.Run("filters", func(t *testing.T) {
		s := start(t, open)
		for i, change := range []func(*quarantine.Case){
			func(*quarantine.Case) {},
			func(c *quarantine.Case) { c.State = quarantine.Waiting },
			func(c *quarantine.Case) { c.Profile = "block-smtp" },
			func(c *quarantine.Case) { c.Source = "s2" },
			func(c *quarantine.Case) { c.Rule = "spam" },
			func(c *quarantine.Case) {
				c.Sessions = []quarantine.SessionEnforcement{{Enforcement: quarantine.Pending,
					Session: quarantine.Session{SessionKey: quarantine.SessionKey{BNG: "bng2", ID: "1"}}}}
			},
			func(c *quarantine.Case) { c.State, c.ClosedAt = quarantine.Closed, minute(9) },
		} {
			c := newCase(fmt.Sprintf("c%d", i), fmt.Sprintf("u%d", i))
			change(c)
			save(t, s, quarantine.CaseWrite{Case: c})
		}
		for want, f := range map[string]quarantine.CaseFilter{
			"c1": {State: quarantine.Waiting}, "c2": {Profile: "block-smtp"}, "c3": {Source: "s2"}, "c4": {Rule: "spam"},
			"c5": {BNG: "bng2"}, "c6": {State: quarantine.Closed}, "c0": {Subscriber: "u0"},
		} {
			f.Limit = 10
			equal(t, fmt.Sprintf("%+v", f), list(t, s, f), []string{want})
		}
	})

	t.Run("bad cursors and limits name the field", func(t *testing.T) {
		s := start(t, open)
		for field, f := range map[string][]quarantine.CaseFilter{
			"cursor": {{Limit: 1, Cursor: "x"}, {Limit: 1, Cursor: "!"}, {Limit: 1, Cursor: "MCB4IHk"}},
			"limit":  {{}, {Limit: 1001}, {Limit: -1}},
		} {
			for _, filter := range f {
				_, err := s.Cases(t.Context(), filter)
				var wrong *quarantine.FieldError
				if !errors.As(err, &wrong) || wrong.Field != field {
					t.Errorf("%+v: error %v, want a FieldError on %s", filter, err, field)
				}
			}
		}
	})
}

// list reads all pages.
func list(t *testing.T, s Ports, f quarantine.CaseFilter) []string {
	t.Helper()
	var ids []string
	for {
		page, err := s.Cases(t.Context(), f)
		must(t, err)
		for _, c := range page.Cases {
			if slices.Contains(ids, c.ID) {
				t.Fatalf("case %s is listed twice", c.ID)
			}
			ids = append(ids, c.ID)
		}
		if page.Next == "" {
			return ids
		}
		if len(page.Cases) != f.Limit {
			t.Fatalf("a page of %d cases before the last", len(page.Cases))
		}
		f.Cursor = page.Next
	}
}
