package radiusx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// acme is a small vendor whose dictionary has one of everything.
const acme = `# ACME's attributes
VENDOR	Acme	4711
BEGIN-VENDOR	Acme
VALUE	Acme-Mode	Walled	2   # before its attribute
ATTRIBUTE	Acme-Profile	1	string
ATTRIBUTE	Acme-Mode	2	integer
ATTRIBUTE	Acme-Service	3	string	has_tag
ATTRIBUTE	Acme-Level	4	byte
ATTRIBUTE	Acme-Port	5	short
ATTRIBUTE	Acme-Offset	6	signed
ATTRIBUTE	Acme-Key	7	octets[4]
ATTRIBUTE	Acme-Volume	8	integer64
ATTRIBUTE	Acme-Password	9	string	encrypt=1
ATTRIBUTE	Acme-Bag	10	tlv
BEGIN-TLV	Acme-Bag
ATTRIBUTE	Acme-In-Bag	1	string
END-TLV	Acme-Bag
ATTRIBUTE	Acme-List	11	string	array
ATTRIBUTE	Acme-Old-Name	12	string
ATTRIBUTE	Acme-New-Name	12	string
ATTRIBUTE	4G-Thing	13	string
VALUE	Acme-Mode	Open	1
VALUE	Acme-Mode	Free	1
VALUE	Acme-Level	High	256
END-VENDOR	Acme
VENDOR	Odd	4712	format=2,2
ATTRIBUTE	Odd-One	1	string	Odd
ATTRIBUTE	Acme-Late	14	ipaddr	Acme
ATTRIBUTE	User-Name	1	string
ATTRIBUTE	Login-Name	1	string
ATTRIBUTE	Filter-Id	40	string
ATTRIBUTE	Class	25	string
ATTRIBUTE	Server-Inside	1000	string
ATTRIBUTE	Extended	241.1	string
`

func loadAcme(t *testing.T) (*Dictionary, []DictionaryNote) {
	t.Helper()
	fsys := fstest.MapFS{
		"etc/raddb/dictionary":            {Data: []byte("$INCLUDE share/dictionary.acme\n$INCLUDE- /etc/none\n")},
		"etc/raddb/share/dictionary.acme": {Data: []byte(acme)},
	}
	d, skipped, err := LoadDictionary(Builtin(), fsys, "/etc/raddb/dictionary")
	if err != nil {
		t.Fatal(err)
	}
	return d, skipped
}

func TestAForeignDictionaryCanBeSentAndRead(t *testing.T) {
	d, _ := loadAcme(t)
	tests := []struct{ in, wire, read string }{
		{"Acme-Profile=GARDEN", "0x00001267010847415244454e", ""},
		{"Acme-Mode=walled", "0x00001267020600000002", "Acme-Mode = Walled"},
		{"Acme-Mode=1", "0x00001267020600000001", "Acme-Mode = Open"},
		{"Acme-Service:3=A", "0x000012670304" + "0341", ""},
		{"Acme-Level=255", "0x000012670403ff", "Acme-Level = 255"},
		{"Acme-Port=65535", "0x000012670504ffff", "Acme-Port = 65535"},
		{"Acme-Offset=-2", "0x000012670606fffffffe", "Acme-Offset = -2"},
		{"Acme-Key=0x01020304", "0x00001267070601020304", "Acme-Key = 0x01020304"},
		{"Acme-Volume=8589934592", "0x00001267080a0000000200000000", "Acme-Volume = 8589934592"},
		{"Acme-Old-Name=x", "0x000012670c0378", `Acme-New-Name = "x"`},
		{"4G-Thing=x", "0x000012670d0378", `4G-Thing = "x"`},
		{"Acme-Late=192.0.2.1", "0x000012670e06c0000201", "Acme-Late = 192.0.2.1"},
	}
	for _, test := range tests {
		a, err := ParseAttribute(test.in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Encode(nil, a)
		if err != nil {
			t.Errorf("%s: %v", test.in, err)
			continue
		}
		if wire := hexText(got[0].Attribute); wire != test.wire {
			t.Errorf("%s: is %s, want %s", test.in, wire, test.wire)
		}
		read := d.Format(d.Decode(got)[0])
		if want := strings.Replace(test.in, "=", ` = "`, 1) + `"`; read != test.read && read != want {
			t.Errorf("%s: reads as %s, want %s", test.in, read, test.read)
		}
	}
}

func TestWhatDoesNotFitAForeignTypeIsRefused(t *testing.T) {
	d, _ := loadAcme(t)
	tests := []struct{ in, problem string }{
		{"Acme-Level=256", "must have 8 bits"},
		{"Acme-Level=High", "must have 8 bits"},
		{"Acme-Port=65536", "must have 16 bits"},
		{"Acme-Offset=2147483648", "32 bits with a sign"},
		{"Acme-Key=0x010203", "3 octets, want 4"},
		{"Acme-Password=x", "is encrypted with the shared secret"},
		{"Acme-Bag=0x01", "unknown attribute"},
		{"Acme-In-Bag=x", "unknown attribute"},
	}
	for _, test := range tests {
		a, err := ParseAttribute(test.in)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Encode(nil, a); err == nil || !strings.Contains(err.Error(), test.problem) {
			t.Errorf("%s: got %v, want %q", test.in, err, test.problem)
		}
	}
	raw, err := d.Encode(nil, Attribute{Name: "Attr-26.4711.9", Value: "0x0102"})
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Format(d.Decode(raw)[0]); got != "Attr-26.4711.9 = 0x0102" {
		t.Errorf("an encrypted attribute is read as %s", got)
	}
}

func TestWhatIsPassedOverInADictionaryIsReported(t *testing.T) {
	d, skipped := loadAcme(t)
	var got []string
	for _, note := range skipped {
		got = append(got, fmt.Sprintf("%d %s", note.Line, note.Problem))
		if note.File != "etc/raddb/share/dictionary.acme" {
			t.Errorf("%v is in another file", note)
		}
	}
	const want = `14 Acme-Bag: type tlv
16 Acme-In-Bag: is part of a TLV or an extended attribute
18 Acme-List: flag array
27 Odd-One: vendor Odd has format=2,2
30 Login-Name: Attr-1 is already User-Name
31 Filter-Id: name is already attribute Attr-11
32 Class: is already known as octets
34 Extended: is part of a TLV or an extended attribute`
	if joined := strings.Join(got, "\n"); joined != want {
		t.Errorf("got\n%s\nwant\n%s", joined, want)
	}
	if def, _ := d.Lookup("Filter-Id"); def.Number != 11 {
		t.Errorf("Filter-Id is %+v now", def)
	}
	if _, ok := Builtin().Lookup("Acme-Profile"); ok {
		t.Error("the built-in dictionary knows Acme-Profile")
	}
}

func TestAWrongForeignDictionaryIsRefusedWithItsLine(t *testing.T) {
	tests := []struct{ in, problem string }{
		{"\nATRIBUTE A 1 string", `d:2: unknown statement "ATRIBUTE"`},
		{"ATTRIBUTE A 1", "d:1: ATTRIBUTE must have 4 words"},
		{"ATTRIBUTE A one string", `A: number "one"`},
		{"VENDOR Acme many", `vendor number "many"`},
		{"BEGIN-VENDOR Acme", "unknown vendor Acme"},
		{"VALUE A on yes", `invalid number "yes"`},
		{"$INCLUDE d", "go too deep or in a circle"},
		{"$INCLUDE none", "file does not exist"},
	}
	for _, test := range tests {
		_, _, err := LoadDictionary(Builtin(), fstest.MapFS{"d": {Data: []byte(test.in)}}, "d")
		if err == nil || !strings.Contains(err.Error(), test.problem) {
			t.Errorf("%q: got %v, want %q", test.in, err, test.problem)
		}
	}
	if _, _, err := LoadDictionary(Builtin(), fstest.MapFS{}, "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: got %v", err)
	}
}

func TestAllOfFreeRADIUSsDictionariesLoad(t *testing.T) {
	d, skipped, err := LoadDictionary(Builtin(), os.DirFS("/"), freeradiusDictionaries+"/dictionary")
	if err != nil {
		t.Fatal(err)
	}
	if got := len(d.Definitions()); got < 4000 {
		t.Errorf("%d attributes, want some thousand (%d lines were passed over)", got, len(skipped))
	}
	for _, ours := range Builtin().Definitions() {
		if def, ok := d.Lookup(ours.Name); !ok || !sameDefinition(def, ours) {
			t.Errorf("%s is %+v now", ours.Name, def)
		}
	}
	for _, name := range []string{"H3C-User-Group", "ZTE-QoS-Profile-Down", "3GPP-IMSI", "NetElastic-Policy-Name", "Location-Information"} {
		if def, ok := d.Lookup(name); !ok || def.Type == 0 {
			t.Errorf("%s is not there", name)
		}
	}
}
