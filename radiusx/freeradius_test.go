package radiusx

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// freeradiusDictionaries is where Debian's freeradius-common puts them.
const freeradiusDictionaries = "/usr/share/freeradius"

const rtbrickIsNewer = "dictionary.rtbrick came after release 3.2.1"

// notInFreeRADIUS are our attributes that its dictionaries do not have.
var notInFreeRADIUS = map[string]string{
	"Accel-VRF-Name":            "accel-ppp ships its own dictionary",
	"ChilliSpot-Require-UAM":    "CoovaChilli's source, not in release 3.2.1's dictionary.chillispot",
	"CoovaChilli-Session-State": "CoovaChilli's source, not in release 3.2.1's dictionary.chillispot",
	"RtBrick-Subscriber-Id":     rtbrickIsNewer,
	"RtBrick-QoS-Profile":       rtbrickIsNewer,
	"RtBrick-QoS-Shaper":        rtbrickIsNewer,
	"RtBrick-QoS-Policer":       rtbrickIsNewer,
	"RtBrick-AAA-Profile":       rtbrickIsNewer,
	"RtBrick-Service-Profile":   rtbrickIsNewer,
	"RtBrick-HTTP-Redirect-URL": rtbrickIsNewer,
	"RtBrick-IPv4-ACL-In":       rtbrickIsNewer,
	"RtBrick-IPv4-ACL-Out":      rtbrickIsNewer,
	"RtBrick-IPv6-ACL-In":       rtbrickIsNewer,
	"RtBrick-IPv6-ACL-Out":      rtbrickIsNewer,
}

func TestOurDictionaryAgreesWithFreeRADIUS(t *testing.T) {
	theirs := freeradiusDictionary{defs: map[string]Definition{}, values: map[string]map[string]uint32{}, vendors: map[string]uint32{}}
	theirs.read(t, "dictionary")
	for _, ours := range Builtin().Definitions() {
		def, ok := theirs.defs[ours.Name]
		if _, excepted := notInFreeRADIUS[ours.Name]; ok == excepted {
			t.Errorf("%s: in FreeRADIUS' dictionaries: %v, listed as not there: %v", ours.Name, ok, excepted)
			continue
		}
		if ok && !sameDefinition(ours, def) {
			t.Errorf("%s:\n we have %+v\nthey have %+v", ours.Name, ours, def)
		}
		for _, value := range ours.Values {
			if n, ok := theirs.values[ours.Name][value.Name]; !ok || n != value.Number {
				if _, excepted := notInFreeRADIUS[ours.Name]; excepted {
					continue
				}
				t.Errorf("%s %s: ours is %d, theirs %d (there: %v)", ours.Name, value.Name, value.Number, n, ok)
			}
		}
	}
}

// freeradiusDictionary is what FreeRADIUS' files define, as far as we compare it.
type freeradiusDictionary struct {
	defs    map[string]Definition
	values  map[string]map[string]uint32
	vendors map[string]uint32
	vendor  uint32 // of BEGIN-VENDOR … END-VENDOR
}

// read reads a file and those it includes.
func (d *freeradiusDictionary) read(t *testing.T, name string) {
	t.Helper()
	file, err := os.Open(filepath.Join(freeradiusDictionaries, name))
	if err != nil {
		t.Fatalf("this test compares our dictionary with FreeRADIUS': install Debian's freeradius-common (make test does): %v", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		text, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(text)
		switch {
		case len(words) == 2 && words[0] == "$INCLUDE":
			d.read(t, words[1])
		case len(words) >= 2:
			d.line(words)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

func (d *freeradiusDictionary) line(words []string) {
	switch words[0] {
	case "VENDOR":
		n, _ := strconv.ParseUint(words[2], 0, 32)
		d.vendors[words[1]] = uint32(n)
	case "BEGIN-VENDOR":
		d.vendor = d.vendors[words[1]]
	case "END-VENDOR":
		d.vendor = 0
	case "VALUE":
		n, err := strconv.ParseUint(words[3], 0, 32)
		if err != nil {
			return
		}
		if d.values[words[1]] == nil {
			d.values[words[1]] = map[string]uint32{}
		}
		d.values[words[1]][words[2]] = uint32(n)
	case "ATTRIBUTE":
		d.attribute(words[1], words[2], words[3], strings.Join(words[4:], ","))
	}
}

func (d *freeradiusDictionary) attribute(name, number, typ, flags string) {
	n, err := strconv.ParseUint(number, 0, 8)
	if err != nil {
		return // a TLV's 241.1, or an internal attribute
	}
	if _, known := d.defs[name]; known {
		return
	}
	typ, _, _ = strings.Cut(typ, "[")
	t, _ := ParseType(typ)
	d.defs[name] = Definition{Name: name, Vendor: d.vendor, Number: uint8(n), Type: t, Tagged: strings.Contains(flags, "has_tag")}
}
