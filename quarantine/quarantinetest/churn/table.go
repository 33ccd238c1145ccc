package churn

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Outcome is how an answer compares with the truth.
type Outcome uint8

// The outcomes.
const (
	Right       Outcome = iota // who was named had the place at the moment
	Wrong                      // who was named had not, and it could have been known
	Undecidable                // likewise, but nothing that arrived could have shown it
	Ambiguous                  // nobody was named: several may have had it
	Unknown                    // nobody was named: none is known to have had it, or it is not confirmed
	Doubtful                   // nobody was named: the store may have lost records
	Refused                    // nobody was asked about: no space, a shared prefix, our own
	Waiting                    // nobody was named: accounting that was answered was not stored in time
	outcomes
)

var outcomeNames = [outcomes]string{"right", "wrong", "undecidable", "ambiguous", "unknown", "doubtful", "refused", "waiting"}

// String names the outcome for people.
func (o Outcome) String() string { return outcomeNames[o] }

// maxExamples bounds how many wrong answers a Table shows in full.
const maxExamples = 5

// Table counts outcomes by class.
type Table struct {
	counts   [classes][outcomes]int
	Examples []string // wrong answers, at most a few
}

func (t *Table) count(c Class, o Outcome) { t.counts[c][o]++ }

// Add adds the counts of another table.
func (t *Table) Add(o *Table) {
	for c := range o.counts {
		for i, n := range o.counts[c] {
			t.counts[c][i] += n
		}
	}
	t.Examples = append(t.Examples, o.Examples...)
	t.Examples = t.Examples[:min(len(t.Examples), maxExamples)]
}

// Of returns how many verdicts of a class had an outcome.
func (t *Table) Of(c Class, o Outcome) int { return t.counts[c][o] }

// Total returns how many verdicts of all classes had an outcome.
func (t *Table) Total(o Outcome) int {
	n := 0
	for c := range t.counts {
		n += t.counts[c][o]
	}
	return n
}

// All returns how many verdicts there were of a class.
func (t *Table) All(c Class) int {
	n := 0
	for _, count := range t.counts[c] {
		n += count
	}
	return n
}

// Verdicts returns how many verdicts there were.
func (t *Table) Verdicts() int {
	n := 0
	for c := range classes {
		n += t.All(c)
	}
	return n
}

// Row is a line of the table.
type Row struct {
	Class    string         `json:"class"`
	Verdicts int            `json:"verdicts"`
	Outcomes map[string]int `json:"outcomes"`
}

// Rows returns the table, the total last.
func (t *Table) Rows() []Row {
	var rows []Row
	total := Row{Class: "total", Verdicts: t.Verdicts(), Outcomes: map[string]int{}}
	for c := range classes {
		if c > NotOurs && t.All(c) == 0 {
			continue // only in worlds with faults
		}
		r := Row{Class: c.String(), Verdicts: t.All(c), Outcomes: map[string]int{}}
		for o := range outcomes {
			r.Outcomes[o.String()] = t.counts[c][o]
			total.Outcomes[o.String()] += t.counts[c][o]
		}
		rows = append(rows, r)
	}
	return append(rows, total)
}

// String writes the table for people: per class, how many of its verdicts had
// which outcome, and which share was attributed rightly.
func (t *Table) String() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "class\tverdicts\t%s\tattributed\t\n", strings.Join(outcomeNames[:], "\t"))
	for _, r := range t.Rows() {
		fmt.Fprintf(w, "%s\t%d\t", r.Class, r.Verdicts)
		for _, name := range outcomeNames {
			fmt.Fprintf(w, "%d\t", r.Outcomes[name])
		}
		fmt.Fprintf(w, "%.1f %%\t\n", 100*float64(r.Outcomes[Right.String()])/float64(max(r.Verdicts, 1)))
	}
	_ = w.Flush() // into memory
	return text.String()
}
