package dialect

import (
	"fmt"
	"slices"
	"strings"

	"cordon/radiusx"
)

// lines writes text, a line at a time.
type lines struct{ strings.Builder }

func (l *lines) add(format string, args ...any) { fmt.Fprintf(l, format+"\n", args...) }

// Text returns the dialect as a BNG engineer reads it: what is sent, what must be
// known, what an ACK is worth and what surprises.
func (d *Dialect) Text() string {
	var l lines
	d.head(&l)
	if d.DisconnectOnly != "" {
		l.add("\nrestrict, restore and change: unsupported\n  %s", d.DisconnectOnly)
	}
	if d.Overlay != nil {
		d.Overlay.text(&l.Builder, "normal: "+Overlay)
	}
	if d.Swap != nil {
		d.Swap.text(&l.Builder, "normal: a name")
	}
	d.notes(&l)
	return l.String()
}

// head writes what stands above the forms.
func (d *Dialect) head(l *lines) {
	l.add("%s: %s", d.Name, d.Title)
	l.add("  platforms      %s", strings.Join(d.Platforms, ", "))
	l.add("  support        %s", d.Support)
	if d.Experimental {
		l.add("  experimental   prove it on that very BNG before you enforce")
	}
	l.add("  evidence       %s: %s", d.Evidence.Mark, d.Evidence.Source)
	if len(d.Evidence.Unverified) > 0 {
		l.add("  not verified   %s: from memory, try it first", strings.Join(d.Evidence.Unverified, ", "))
	}
	l.add("  ports          CoA %d, Disconnect %d (UDP)", d.CoAPort, d.DisconnectPort)
	l.add("  pace           %d requests a second, %d in flight", d.Rate, d.MaxInFlight)
	l.add("  identified by  %s", d.Identifiers)
	l.add("  disconnect by  %s", d.Disconnect)
	for i, never := range slices.Concat(d.Identifiers.Never, d.Disconnect.Never) {
		if i < len(d.Identifiers.Never) || !slices.Contains(d.Identifiers.Never, never) {
			l.add("  never          %s: %s", never.Attribute, never.Reason)
		}
	}
	if d.Renames != nil {
		l.add("  renames        a restricted session: it is found again by %s. %s", d.Renames.Identifiers, d.Renames.Reason)
	}
	l.add("  signed         Message-Authenticator: %s, Event-Timestamp: %s", d.MessageAuthenticator, d.EventTimestamp)
	if d.InterimAddresses.List.All() {
		l.add("  interims list   all addresses that the session has (%s): what one leaves out was released", d.InterimAddresses.Source)
	}
	if d.SendsNAS {
		l.add("  NAS            sent: %s", strings.Join(nasAttributes, ", "))
	}
	if d.DropsSession {
		l.add("  drops session  restricting or restoring ends it")
	}
	for _, o := range d.Options {
		l.add("  option         %s (default %q): %s", o.Name, o.Default, o.Help)
		if o.Unset != "" {
			l.add("                 without it: %s", o.Unset)
		}
	}
}

// notes writes what stands below the forms.
func (d *Dialect) notes(l *lines) {
	verifies := "does not verify that the change is in force"
	if d.ACKVerifies.Applied {
		verifies = "verifies that the change is in force"
	}
	l.add("\nan ACK %s\n  %s", verifies, d.ACKVerifies.Sentence)
	if d.SnippetText != "" {
		l.add("\nfor the BNG to accept our CoA")
		for line := range strings.SplitSeq(strings.TrimRight(d.SnippetText, "\n"), "\n") {
			l.add("  %s", line)
		}
	}
	l.add("\nrefusals")
	for _, nak := range d.NAKs {
		l.add("  %s: %s", nak.Cause, nak.Means)
	}
	l.add("\nquirks")
	for _, q := range d.Quirks {
		l.add("  - %s", q)
	}
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
	f.Login.text(b)
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
