package radiusx

import (
	"slices"
	"strings"
	"testing"
)

func TestAttributesAreReadInRadclientsSyntax(t *testing.T) {
	tests := []struct {
		in   string
		want []Attribute
	}{
		{`User-Name = "alice"`, []Attribute{{Name: "User-Name", Value: "alice"}}},
		{`User-Name=alice,Acct-Session-Id=42`, []Attribute{{Name: "User-Name", Value: "alice"}, {Name: "Acct-Session-Id", Value: "42"}}},
		{`ERX-Service-Activate:1=GARDEN`, []Attribute{{Name: "ERX-Service-Activate", Tag: 1, Value: "GARDEN"}}},
		{`ERX-Service-Activate:0 := 'A(1,2)'`, []Attribute{{Name: "ERX-Service-Activate", Value: "A(1,2)"}}},
		{`Filter-Id:=x`, []Attribute{{Name: "Filter-Id", Value: "x"}}},
		{`Cisco-AVPair += "a=b"`, []Attribute{{Name: "Cisco-AVPair", Value: "a=b"}}},
		{"# first\n\tUser-Name = a  # last\n\nFilter-Id = b,\r\n", []Attribute{{Name: "User-Name", Value: "a"},
			{Name: "Filter-Id", Value: "b"}}},
		{`User-Name = "a # b, c"`, []Attribute{{Name: "User-Name", Value: "a # b, c"}}},
		{`User-Name = "q\"s\\ \n\r\t\303\251\x41\8"`, []Attribute{{Name: "User-Name", Value: "q\"s\\ \n\r\té\\x41\\8"}}},
		{`User-Name = 'it\'s'`, []Attribute{{Name: "User-Name", Value: "it's"}}},
		{`User-Name = ""`, []Attribute{{Name: "User-Name"}}},
		{`Attr-26.4874.65 = 0x0141`, []Attribute{{Name: "Attr-26.4874.65", Value: "0x0141"}}},
		{`  `, nil},
		{"# nothing", nil},
	}
	for _, test := range tests {
		got, err := ParseAttributes(test.in)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%q:\n got %+v, %v\nwant %+v", test.in, got, err, test.want)
		}
	}
}

func TestTextThatCouldMeanSomebodyElseIsRefused(t *testing.T) {
	tests := []struct{ in, problem string }{
		{`User-Name = a#b`, "must be in quotes"},
		{`User-Name = it's`, "must be in quotes"},
		{`User-Name =`, "no value"},
		{`User-Name = ,`, "no value"},
		{`User-Name`, "expected ="},
		{`User-Name == a`, "expected ="},
		{`User-Name = a b`, "expected a comma"},
		{`User-Name = "a" Filter-Id = b`, "expected a comma"},
		{`User-Name = "a`, "unclosed quote"},
		{"User-Name = \"a\nb\"", "line ends inside quotes"},
		{`ERX-Service-Activate:32 = a`, "must be from 0 to 31"},
		{`ERX-Service-Activate: = a`, "must be from 0 to 31"},
		{`ERX-Service-Session = svc(1,2)`, "needs quotes"},
		{"User-Name = a\nFilter-Id = b\n= c", "line 3: expected an attribute name"},
	}
	for _, test := range tests {
		got, err := ParseAttributes(test.in)
		if err == nil || !strings.Contains(err.Error(), test.problem) {
			t.Errorf("%q: got %+v, %v; want an error with %q", test.in, got, err, test.problem)
		}
	}
}

func TestOneAttributeIsExactlyOne(t *testing.T) {
	for _, in := range []string{"", "User-Name=a, Filter-Id=b"} {
		if a, err := ParseAttribute(in); err == nil {
			t.Errorf("%q: got %v, want an error", in, a)
		}
	}
}

func TestFindReturnsTheFirstOfTheName(t *testing.T) {
	attrs := []Attribute{{Name: "User-Name", Value: "a"}, {Name: "User-Name", Value: "b"}}
	if got, ok := Find(attrs, "user-name"); !ok || got != "a" {
		t.Errorf("got %q, %v; want a", got, ok)
	}
	if _, ok := Find(attrs, "Class"); ok {
		t.Error("found an attribute that is not there")
	}
}

func FuzzParseAttributes(f *testing.F) {
	for _, seed := range []string{
		`User-Name = "alice", Acct-Session-Id=42`, "ERX-Service-Activate:1='A(1,2)'\n# x\nClass=0x01", `A="\303\050\"`, `A:31:=b`,
		"A=\"\x00\xff\u202e\"",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		attrs, err := ParseAttributes(in)
		if err != nil {
			return
		}
		for _, a := range attrs {
			again, err := ParseAttribute(a.String())
			if err != nil || again != a {
				t.Fatalf("%q: %s reads back as %+v, %v", in, a, again, err)
			}
		}
	})
}
