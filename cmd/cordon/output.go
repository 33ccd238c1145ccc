package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"go.yaml.in/yaml/v4"
)

// The output formats.
const (
	formatTable = "table"
	formatWide  = "wide" // the table with all columns, times absolute
	formatJSON  = "json" // as the server sent it
	formatYAML  = "yaml"
	formatName  = "name" // ids only
)

var formats = []string{formatTable, formatWide, formatJSON, formatYAML, formatName}

func checkFormat(format string) error {
	if !slices.Contains(formats, format) {
		return usage("unknown output %q; known are %s", format, strings.Join(formats, ", "))
	}
	return nil
}

// table is aligned text. The columns from wideFrom on are shown with -o wide only; 0: all
// always.
type table struct {
	header   []string
	rows     [][]string
	wideFrom int
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// write prints the table; rows have text of others, so each cell is escaped.
func (t *table) write(w io.Writer, headers bool) error {
	tw := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	lines := t.rows
	if headers {
		lines = append([][]string{t.header}, lines...)
	}
	for _, cells := range lines {
		for i, cell := range cells {
			if cell = safe(cell); cell == "" {
				cell = "-"
			}
			if i > 0 {
				cell = "\t" + cell
			}
			if _, err := io.WriteString(tw, cell); err != nil {
				return fmt.Errorf("print: %w", err)
			}
		}
		if _, err := io.WriteString(tw, "\n"); err != nil {
			return fmt.Errorf("print: %w", err)
		}
	}
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// narrow removes the columns of the wide form.
func (t *table) narrow() *table {
	if t.wideFrom == 0 {
		return t
	}
	n := &table{header: t.header[:t.wideFrom]}
	for _, row := range t.rows {
		n.rows = append(n.rows, row[:t.wideFrom])
	}
	return n
}

// printed is an answer in every output format.
type printed struct {
	raw   json.RawMessage
	names []string
	table *table
	text  func(io.Writer) // instead of the table
}

// print writes an answer as --output asks.
func (r *remote) print(p printed) error {
	var text bytes.Buffer
	switch r.output {
	case formatJSON:
		if err := json.Indent(&text, p.raw, "", "  "); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		text.WriteByte('\n')
	case formatYAML:
		if err := writeYAML(&text, p.raw); err != nil {
			return err
		}
	case formatName:
		for _, name := range p.names {
			fmt.Fprintln(&text, safe(name))
		}
	default:
		if err := r.printTable(&text, p); err != nil {
			return err
		}
	}
	if _, err := r.out.Write(text.Bytes()); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

func (r *remote) printTable(w io.Writer, p printed) error {
	if p.text != nil {
		p.text(w)
		return nil
	}
	t := p.table
	if r.output != formatWide {
		t = t.narrow()
	}
	return t.write(w, !r.noHeaders)
}

// writeYAML prints JSON as block YAML in the same order: JSON is YAML in another style.
func writeYAML(w io.Writer, raw json.RawMessage) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return fmt.Errorf("print as YAML: %w", err)
	}
	blockStyle(&doc)
	text, err := yaml.Marshal(&doc)
	if err != nil {
		return fmt.Errorf("print as YAML: %w", err)
	}
	_, err = w.Write(text)
	return err
}

func blockStyle(n *yaml.Node) {
	if n.Kind != yaml.ScalarNode && len(n.Content) > 0 {
		n.Style = 0
	}
	if n.Kind == yaml.ScalarNode {
		n.Style &^= yaml.DoubleQuotedStyle
	}
	for _, child := range n.Content {
		blockStyle(child)
	}
}

// safe escapes whatever is not printable (control characters, terminal escapes, direction
// overrides), so that text of others cannot change a terminal or forge a row.
func safe(s string) string {
	printable := func(r rune) bool { return unicode.IsPrint(r) && r != unicode.ReplacementChar }
	if !strings.ContainsFunc(s, func(r rune) bool { return !printable(r) }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if printable(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// span formats a duration in its two largest units: "45s", "3h12m", "9d4h".
func span(d time.Duration) string {
	if d = d.Abs(); d >= time.Hour {
		d = d.Round(time.Minute) // a day just begun is 24 hours, not 23h59m
	}
	day := 24 * time.Hour
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	case d < day:
		return two(int(d/time.Hour), "h", int(d%time.Hour/time.Minute), "m")
	}
	return two(int(d/day), "d", int(d%day/time.Hour), "h")
}

func two(a int, unitA string, b int, unitB string) string {
	if b == 0 {
		return strconv.Itoa(a) + unitA
	}
	return strconv.Itoa(a) + unitA + strconv.Itoa(b) + unitB
}

// until formats the time to a moment; "" for none, "now" for one that is past.
func until(t *time.Time, now time.Time) string {
	switch {
	case t == nil:
		return ""
	case !t.After(now):
		return "now"
	}
	return span(t.Sub(now))
}

// stamp formats a time; "" for none.
func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
