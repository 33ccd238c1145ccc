package dialect

import (
	"fmt"
	"slices"
	"strings"

	"cordon/radiusx"
)

// Text returns the dialect as a BNG engineer reads it: what is sent, what must be
// known, what an ACK is worth and what surprises.
func (d *Dialect) Text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s: %s", d.Name, d.Title)
	line("  makes          %s", strings.Join(d.Makes, ", "))
	line("  support        %s", d.Support)
	if d.Experimental {
		line("  experimental   prove it on that very BNG before you enforce")
	}
	line("  evidence       %s: %s", d.Evidence.Mark, d.Evidence.Source)
	line("  ports          CoA %d, Disconnect %d (UDP)", d.CoAPort, d.DisconnectPort)
	line("  pace           %d requests a second, %d in flight", d.Rate, d.MaxInFlight)
	line("  identified by  %s", d.Identifiers)
	line("  disconnect by  %s", d.Disconnect)
	for i, never := range slices.Concat(d.Identifiers.Never, d.Disconnect.Never) {
		if i < len(d.Identifiers.Never) || !slices.Contains(d.Identifiers.Never, never) {
			line("  never          %s: %s", never.Attribute, never.Reason)
		}
	}
	line("  signed         Message-Authenticator: %s, Event-Timestamp: %s", d.MessageAuthenticator, d.EventTimestamp)
	if d.SendsNAS {
		line("  NAS            sent: %s", strings.Join(nasAttributes, ", "))
	}
	if d.DropsSession {
		line("  drops session  restricting or restoring ends it")
	}
	for _, o := range d.Options {
		line("  option         %s (default %q): %s", o.Name, o.Default, o.Help)
	}
	if d.DisconnectOnly != "" {
		line("\nrestrict, restore and change: unsupported\n  %s", d.DisconnectOnly)
	}
	if d.Overlay != nil {
		d.Overlay.text(&b, "normal: "+Overlay)
	}
	if d.Swap != nil {
		d.Swap.text(&b, "normal: a name")
	}
	line("\nan ACK %s\n  %s", map[bool]string{true: "proves that the change is in force", false: "does not prove that the change is in force"}[d.ACKProves.Applied], d.ACKProves.Sentence)
	if d.SnippetText != "" {
		line("\nfor the BNG to accept our CoA")
		for text := range strings.Lines(strings.TrimRight(d.SnippetText, "\n") + "\n") {
			line("  %s", strings.TrimSuffix(text, "\n"))
		}
	}
	line("\nrefusals")
	for _, nak := range d.NAKs {
		line("  %s: %s", nak.Cause, nak.Means)
	}
	line("\nquirks")
	for _, q := range d.Quirks {
		line("  - %s", q)
	}
	return b.String()
}

// String returns the names in their order, those sent only where known in brackets.
func (id Identification) String() string {
	s := strings.Join(id.Must, ", ")
	for _, name := range id.IfKnown {
		s += " [" + name + "]"
	}
	return s
}

func (f *Form) text(b *strings.Builder, chosenBy string) {
	fmt.Fprintf(b, "\n%s\n  %s\n", chosenBy, f.About)
	if f.AsksAAA {
		b.WriteString("  the BNG asks its AAA server anew, which must answer as the case wants\n")
	}
	for _, list := range f.lists() {
		if len(list.steps) == 0 {
			fmt.Fprintf(b, "  %s\n    nothing: there is one restriction only\n", list.key)
			continue
		}
		fmt.Fprintf(b, "  %s\n", list.key)
		for i, s := range list.steps {
			fmt.Fprintf(b, "    %d. %s%s", i+1, s.code(), written(s.attributes(), asIs))
			if len(s.Undo) > 0 {
				fmt.Fprintf(b, "   (undo:%s)", written(s.Undo, asIs))
			}
			if s.NAKsIfDone {
				b.WriteString("   (refused if it is so already)")
			}
			b.WriteByte('\n')
		}
	}
	for _, rule := range []struct {
		which string
		NameRule
	}{{"restricted", f.Names.Restricted}, {"normal", f.Names.Normal}} {
		if rule.Pattern.re != nil {
			fmt.Fprintf(b, "  %s names match %s: %s\n", rule.which, rule.Pattern, rule.Reason)
		}
	}
	for _, no := range f.Refuses {
		fmt.Fprintf(b, "  refused where %s is %s: %s\n", no.Attribute, no.Value, no.Reason)
	}
	fmt.Fprintf(b, "  IPv4 %s\n  IPv6 %s\n", f.Coverage.IPv4, f.Coverage.IPv6)
	for _, v := range f.Verify {
		v.text(b)
	}
}

// String returns whether the traffic is caught, and the warning.
func (c Covers) String() string {
	if c.Warning == "" {
		return "covered: " + c.Covered
	}
	return "covered: " + c.Covered + ". " + c.Warning
}

// Render returns steps as radclient's input text: the attributes of each
// request one a line, requests apart by a blank line. dictionary is that of
// [Dialect.Dictionary].
func Render(dictionary *radiusx.Dictionary, steps []Step) string {
	texts := make([]string, 0, len(steps))
	for _, s := range steps {
		texts = append(texts, dictionary.Input(s.Attributes))
	}
	return strings.Join(texts, "\n")
}
