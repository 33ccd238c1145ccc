package bench

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// accountMarks are the floors and goals.
const (
	ratioFloor, ratioGoal   = 3, 6      // records a second, times FreeRADIUS with rlm_rediswho
	octetsFloor, octetsGoal = 1000, 600 // a live session with its bindings
)

// Write prints the tables in Markdown, which is readable as it is.
func (m *Accounting) Write(w io.Writer) error {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%d records a run (Start, 8 Interim-Updates, Stop) of %d sessions; %d on their way at a time from %d ports.",
		m.Load.Records, m.Load.Lines, m.Load.Window, m.Load.Sources)
	for _, t := range m.Taken {
		t.write(line)
	}
	m.writeSizes(line)
	line("")
	line("Medians of %d runs each, taken in turn. %s, %d cores, load before %s (1, 5, 15 minutes); %s, Redis %s, FreeRADIUS %s.",
		len(m.Taken[0].Servers[0].Runs), m.Machine.CPU, m.Machine.Cores, m.Machine.LoadBefore, m.Machine.Go, m.Machine.Redis,
		m.Machine.FreeRADIUS)
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

func (c *Compared) kind() string {
	if c.Dual {
		return "dual stack"
	}
	return "IPv4"
}

func (c *Compared) write(line func(string, ...any)) {
	line("")
	line("| %s | records/s | lowest | highest | p50 ms | p99 ms | CPU us a record | of Redis | sent again "+
		"|\n|---|---|---|---|---|---|---|---|---|", c.kind())
	for _, s := range c.Servers {
		low, high := s.Runs[0].PerSecond, s.Runs[0].PerSecond
		for _, r := range s.Runs {
			low, high = min(low, r.PerSecond), max(high, r.PerSecond)
		}
		line("| %s | %.0f | %.0f | %.0f | %.1f | %.1f | %.0f | %.0f | %d |",
			s.Name, s.PerSecond, low, high, s.P50/1e3, s.P99/1e3, s.CPU, s.RedisCPU, s.Again)
	}
	line("")
	line("Cordon takes %.1f times the records: floor %d times %s, goal %d times %s; p99 %s.", c.Ratio,
		ratioFloor, verdict(c.Ratio >= ratioFloor), ratioGoal, verdict(c.Ratio >= ratioGoal),
		map[bool]string{true: "no worse", false: "WORSE"}[c.Servers[0].P99 <= c.Servers[1].P99])
}

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "NOT MET"
}

func (m *Accounting) writeSizes(line func(string, ...any)) {
	if len(m.Memory) > 0 {
		line("")
		line("| live dual-stack sessions | octets of Redis a session with its bindings | floor %d | goal %d |\n|---|---|---|---|", octetsFloor,
			octetsGoal)
		for _, s := range m.Memory {
			line("| %d | %.0f | %s | %s |", s.Sessions, s.Octets, verdict(s.Octets <= octetsFloor), verdict(s.Octets <= octetsGoal))
		}
	}
	if len(m.Lookups) > 0 {
		line("")
		line("| sessions | who held this address: p50 us | p99 us |\n|---|---|---|")
		for _, l := range m.Lookups {
			line("| %d | %.0f | %.0f |", l.Sessions, l.P50, l.P99)
		}
	}
}

const accountingHead = `# Accounting, measured

` + "`make bench-accounting`" + ` writes this page. One redis-server (append-only file, synced every second) is emptied for each run.
Cordon is ` + "`cordon serve`" + `: it stores session and bindings before it answers. FreeRADIUS has rlm_rediswho as its own documentation
sets it up (LPUSH, LTRIM, EXPIRE; a list for each user), eight threads with a persistent connection each, the largest receive
buffer that the kernel gives, and nothing else to do. Event-Timestamps of a session are ten minutes apart.
Both get the same datagrams from the same generator, on the same cores as they and Redis run on. rlm_rediswho keeps the IPv4
address only; of dual-stack lines Cordon stores two IPv6 prefixes more, so that they are found by these too.

`

// WriteFiles writes bench-accounting.md and bench-accounting.svg into dir.
func (m *Accounting) WriteFiles(dir string) error {
	page := bytes.NewBufferString(accountingHead)
	if err := m.Write(page); err != nil {
		return err
	}
	page.WriteString("\n![records a second, memory and look-ups](bench-accounting.svg)\n")
	for name, content := range map[string][]byte{"bench-accounting.md": page.Bytes(), "bench-accounting.svg": []byte(m.drawing())} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil { //nolint:gosec // a page to read
			return fmt.Errorf("write: %w", err)
		}
	}
	return nil
}

// drawing is the figures as bars, one panel below the other.
func (m *Accounting) drawing() string {
	var rates, memory, lookups []bar
	for _, t := range m.Taken {
		for _, s := range t.Servers {
			rates = append(rates, bar{s.Name + ", " + t.kind(), s.PerSecond})
		}
	}
	for _, s := range m.Memory {
		memory = append(memory, bar{fmt.Sprintf("%d sessions", s.Sessions), s.Octets})
	}
	for _, l := range m.Lookups {
		lookups = append(lookups, bar{fmt.Sprintf("%d sessions", l.Sessions), l.P50})
	}
	return drawBars([]panel{
		{"records a second, stored before the answer", rates}, {"octets of Redis a live session", memory},
		{"who held this address, median us", lookups},
	})
}

// bar is one figure; panel is figures that compare with each other.
type (
	bar struct {
		name  string
		value float64
	}
	panel struct {
		title string
		bars  []bar
	}
)

// Measures of a drawing, in pixels.
const (
	barHeight  = 22
	titleSpace = 34
	nameWidth  = 270
	barWidth   = 420
	allWidth   = nameWidth + barWidth + 100
)

// drawBars writes an SVG that light and dark pages show alike.
func drawBars(panels []panel) string {
	var b strings.Builder
	y := 8
	for _, p := range panels {
		if len(p.bars) == 0 {
			continue
		}
		most := 0.0
		for _, x := range p.bars {
			most = max(most, x.value)
		}
		fmt.Fprintf(&b, "<text x=\"8\" y=\"%d\" font-weight=\"bold\">%s</text>\n", y+16, escapeXML(p.title))
		y += titleSpace
		for _, x := range p.bars {
			width := 0.0
			if most > 0 {
				width = barWidth * x.value / most
			}
			fmt.Fprintf(&b, "<text x=\"8\" y=\"%d\">%s</text><rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"#3b7dd8\"/><text "+
				"x=\"%.1f\" y=\"%d\">%.0f</text>\n",
				y+14, escapeXML(x.name), nameWidth, y, width, barHeight-6, nameWidth+width+6, y+14, x.value)
			y += barHeight
		}
	}
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"13\">\n"+
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n%s</svg>\n", allWidth, y+8, b.String())
}

func escapeXML(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
