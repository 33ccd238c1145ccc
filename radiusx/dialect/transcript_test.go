package dialect

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cordon/radiusx"
)

var update = flag.Bool("update", false, "write testdata/*.txt anew")

// transcripts are the profiles each dialect's transcript shows.
var transcripts = map[string][]struct{ from, to Profile }{
	"junos": {{Profile{"GARDEN", Overlay}, Profile{"NO-SMTP", Overlay}},
		{Profile{"GARDEN", "SVC-INET"}, Profile{"NO-SMTP", "SVC-INET"}}},
	"filter-id": {{Profile{"garden", "internet"}, Profile{"no-smtp", "internet"}}},
	"mikrotik":  {{Profile{"garden", "normal"}, Profile{"no-smtp", "normal"}}},

	"cisco-isg": {{Profile{"GARDEN", Overlay}, Profile{"NO-SMTP", Overlay}},
		{Profile{"GARDEN", "INTERNET"}, Profile{"NO-SMTP", "INTERNET"}}},
	"cisco-xr": {{Profile{"GARDEN", Overlay}, Profile{"NO-SMTP", Overlay}},
		{Profile{"GARDEN", "INTERNET"}, Profile{"NO-SMTP", "INTERNET"}}},
	"coova-chilli": {{Profile{"portal", "2000/10000 timeout=86400 interim=300"}, Profile{"portal", "2000/10000"}}},
	"ericsson-se": {{Profile{"GARDEN", Overlay}, Profile{"NO-SMTP", Overlay}},
		{Profile{"GARDEN", "INTERNET"}, Profile{"NO-SMTP", "INTERNET"}}},
	"huawei-ne": {{Profile{"garden", "nat_users"}, Profile{"no-smtp", "nat_users"}}},
	"nokia-sros": {{Profile{"100", Overlay}, Profile{"110", Overlay}},
		{Profile{"garden", "residential-100M"}, Profile{"no-smtp", "residential-100M"}}},
	"osvbng":  {{Profile{"garden", "internet"}, Profile{"no-smtp", "internet"}}},
	"rtbrick": {{Profile{"garden", "internet"}, Profile{"no-smtp", "internet"}}},
	"skat":    {{Profile{"garden", Overlay}, Profile{"no-smtp", Overlay}}, {Profile{"slow", "plan100"}, Profile{"slower", "plan100"}}},
	"staros":  {{Profile{"garden", "internet"}, Profile{"no-smtp", "internet"}}},
	"vyos":    {{Profile{"64/64", "20000/100000"}, Profile{"512/512", "20000/100000"}}},

	"accel-ppp": {{Profile{"1", Overlay}, Profile{"2", Overlay}}, {Profile{"64/64", "20000/100000"}, Profile{"512/512", "20000/100000"}}},
}

// refusals are the requests that a transcript shows being refused.
var refusals = map[string][]struct {
	about   string
	request Request
}{
	"junos": {
		{"restrict without Acct-Session-Id", Request{Action: Restrict, Profile: Profile{"GARDEN", Overlay},
			Session: attributes("User-Name=alice")}},
		{"restrict with an empty User-Name", Request{Action: Restrict, Profile: Profile{"GARDEN", Overlay},
			Session: attributes(`User-Name="",Acct-Session-Id=42`)}},
	},
	"filter-id": {
		{"restrict, normal: overlay", Request{Action: Restrict, Profile: Profile{"garden", Overlay}, Session: alice()}},
		{"restrict with a wildcard for User-Name", Request{Action: Restrict, Profile: Profile{"garden", "internet"},
			Session: attributes("User-Name=*,Acct-Session-Id=42")}},
	},
	"mikrotik": {
		{"restrict, normal: overlay", Request{Action: Restrict, Profile: Profile{"garden", Overlay}, Session: alice()}},
		{"restore without a normal list", Request{Action: Restore, Profile: Profile{"garden", ""}, Session: alice()}},
	},
	"cisco-isg": {
		{"a session that only has an address", Request{Action: Restrict, Profile: Profile{"GARDEN", Overlay},
			Session: attributes("Framed-IP-Address=192.0.2.7")}},
	},
	"coova-chilli": {
		{"a restriction that is not the portal", Request{Action: Restrict, Profile: Profile{"garden", "2000/10000"}, Session: alice()}},
		{"restrict, normal: overlay (a release would lose the limits)",
			Request{Action: Restrict, Profile: Profile{"portal", Overlay}, Session: alice()}},
		{"restrict with limits in bit/s", Request{Action: Restrict, Profile: Profile{"portal", "2000000/10000000"}, Session: alice()}},
		{"restrict with one limit to give back", Request{Action: Restrict, Profile: Profile{"portal", "2000"}, Session: alice()}},
	},
	"hostapd": {
		{"restrict", Request{Action: Restrict, Profile: Profile{"garden", Overlay}, Session: alice()}},
		{"restore", Request{Action: Restore, Profile: Profile{"garden", "normal"}, Session: alice()}},
	},
	"huawei-ne": {
		{"restrict, normal: overlay", Request{Action: Restrict, Profile: Profile{"garden", Overlay}, Session: alice()}},
	},
	"nokia-sros": {
		{"a filter that has no number", Request{Action: Restrict, Profile: Profile{"garden", Overlay}, Session: alice()}},
		{"filter 0, which means none", Request{Action: Restrict, Profile: Profile{"0", Overlay}, Session: alice()}},
		{"filter 65536", Request{Action: Restrict, Profile: Profile{"65536", Overlay}, Session: alice()}},
		{"restrict without Acct-Session-Id", Request{Action: Restrict, Profile: Profile{"100", Overlay},
			Session: attributes("User-Name=alice,Framed-IP-Address=192.0.2.7")}},
	},
	"osvbng": {
		{"restrict without profile_number", Request{Action: Restrict, Profile: Profile{"garden", "internet"}, Session: alice()}},
	},
	"staros": {
		{"restrict without anything that names the gateway", Request{Action: Restrict, Profile: Profile{"garden", "internet"},
			Session: attributes("User-Name=alice,Acct-Session-Id=42")}},
	},
	"vyos": {
		{"restrict, normal: overlay", Request{Action: Restrict, Profile: Profile{"64/64", Overlay}, Session: alice()}},
	},
	"accel-ppp": {
		{"L4 redirect without l4_redirect_number", Request{Action: Restrict, Profile: Profile{"1", Overlay}, Session: alice()}},
		{"L4 redirect of a PPP session", Request{Action: Restrict, Profile: Profile{"1", Overlay},
			Session: append(alice(), attributes("Framed-Protocol=PPP")...), Options: siteOptions["accel-ppp"]}},
		{"L4 redirect with the value 0", Request{Action: Restrict, Profile: Profile{"0", Overlay}, Session: alice(),
			Options: siteOptions["accel-ppp"]}},
	},
}

func TestTranscriptOfEveryDialect(t *testing.T) {
	for _, name := range Builtin().Names() {
		d := get(t, name)
		for file, got := range map[string]string{name + ".txt": transcript(t, d), name + "-show.txt": d.Text()} {
			file = filepath.Join("testdata", file)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs (write it anew with -update and read the difference); got\n%s", file, got)
			}
		}
	}
}

// transcript writes what the dialect sends for one session, in all its forms.
func transcript(t *testing.T, d *Dialect) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: %s\n# Session as accounting reported it:\n", d.Name, d.Title)
	for line := range strings.Lines(radiusx.Builtin().Input(alice())) {
		b.WriteString("#   " + line)
	}
	for _, o := range d.Options {
		fmt.Fprintf(&b, "# option %s: %s\n", o.Name, strings.TrimSpace(siteOptions[d.Name][o.Name]+" (default "+o.Default+")"))
	}
	for _, p := range transcripts[d.Name] {
		scene(t, &b, d, fmt.Sprintf("restrict to %s, normal: %s", p.from.Restricted, p.from.Normal),
			Request{Action: Restrict, Profile: p.from})
		loginScene(t, &b, d, p.from)
		scene(t, &b, d, fmt.Sprintf("change from %s to %s, normal: %s", p.from.Restricted, p.to.Restricted, p.to.Normal),
			Request{Action: Change, From: p.from, Profile: p.to})
		scene(t, &b, d, fmt.Sprintf("restore from %s, normal: %s", p.from.Restricted, p.from.Normal),
			Request{Action: Restore, Profile: p.from})
	}
	scene(t, &b, d, "disconnect", Request{Action: Disconnect})
	snippet(t, &b, d)
	for _, r := range refusals[d.Name] {
		steps, err := d.Steps(r.request)
		if err == nil {
			t.Errorf("%s: %s: got %v, want a refusal", d.Name, r.about, steps)
			continue
		}
		fmt.Fprintf(&b, "\n== refused: %s\n%v\n", r.about, err)
	}
	return b.String()
}

// snippet writes what the BNG needs.
func snippet(t *testing.T, b *strings.Builder, d *Dialect) {
	secret, err := radiusx.NewSecret("must-not-appear")
	if err != nil {
		t.Fatal(err)
	}
	lines, ok := d.Snippet(SnippetRequest{
		Name: "bng1", BNG: netip.MustParseAddr("192.0.2.1"), Cordon: netip.MustParseAddr("198.51.100.9"), Secret: secret,
	})
	if !ok {
		lines = "not known\n"
	}
	fmt.Fprintf(b, "\n== what the BNG needs to accept requests from 198.51.100.9\n%s", lines)
}

func scene(t *testing.T, b *strings.Builder, d *Dialect, about string, r Request) {
	r.Session, r.Options = alice(), siteOptions[d.Name]
	steps, err := d.Steps(r)
	if err != nil {
		t.Fatalf("%s: %s: %v", d.Name, about, err)
	}
	dictionary, err := d.Dictionary(r.Options)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(b, "\n== %s\n", about)
	if len(steps) == 0 {
		b.WriteString("nothing is sent\n")
	}
	for i, s := range steps {
		fmt.Fprintf(b, "%d. %s\n%s", i+1, s.Code, indented(dictionary.Input(s.Attributes)))
		if s.Undo != nil {
			fmt.Fprintf(b, "   undo: %s\n%s", s.Undo.Code, indented(dictionary.Input(s.Undo.Attributes)))
		}
	}
	checks, err := d.Checks(r)
	if err != nil {
		t.Fatalf("%s: %s: %v", d.Name, about, err)
	}
	for _, c := range checks {
		proof(b, dictionary, c)
	}
}

// loginScene writes what an Access-Accept is changed to.
func loginScene(t *testing.T, b *strings.Builder, d *Dialect, p Profile) {
	changes, err := d.Login(Request{Session: alice(), Profile: p, Options: siteOptions[d.Name]})
	fmt.Fprintf(b, "\n== log in under %s, normal: %s\n", p.Restricted, p.Normal)
	switch {
	case errors.Is(err, ErrUnsupported):
		fmt.Fprintf(b, "left alone: %v\n", err)
		return
	case err != nil:
		t.Fatalf("%s: log in: %v", d.Name, err)
	}
	for _, c := range changes {
		text := c.Attribute.Name
		if c.Action != ReplyDrop {
			text = c.Attribute.String()
		}
		fmt.Fprintf(b, "%s %s\n", c.Action, text)
	}
}

// proof writes how a change is verified.
func proof(b *strings.Builder, dictionary *radiusx.Dictionary, c Check) {
	where := "accounting that follows"
	if c.Query != nil {
		fmt.Fprintf(b, "verify with %s\n%s", c.Query.Code, indented(dictionary.Input(c.Query.Attributes)))
		if c.In == InACK {
			where = "its ACK"
		}
	} else {
		b.WriteString("verify\n")
	}
	for _, text := range c.present {
		fmt.Fprintf(b, "   %s has %s\n", where, text)
	}
	for _, text := range c.absent {
		fmt.Fprintf(b, "   %s has no %s\n", where, text)
	}
}

func indented(text string) string {
	return "\t" + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n\t") + "\n"
}
