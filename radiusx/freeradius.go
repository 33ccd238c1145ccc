package radiusx

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Bounds on what is read of dictionary files. FreeRADIUS' own set has some 220
// files, three deep, of at most 60 KB.
const (
	maxDictionaryFiles  = 1000 // included
	maxDictionaryDepth  = 8
	maxDictionaryOctets = 4 << 20 // of one file
)

// DictionaryNote is a line of a dictionary file that is wrong or was passed over.
type DictionaryNote struct {
	File    string
	Line    int // from 1
	Problem string
}

// Error returns file:line: problem.
func (n DictionaryNote) Error() string { return fmt.Sprintf("%s:%d: %s", n.File, n.Line, n.Problem) }

// LoadDictionary reads dictionary files in FreeRADIUS 3's format and returns base
// with what they define on top. Names are paths in fsys; a relative
// $INCLUDE counts from the file that has it, an absolute one from the top of fsys.
//
// Lines that FreeRADIUS takes and that mean nothing to a CoA client are passed
// over and reported: types other than those of [ParseType], attributes in
// TLVs and extended ones, vendors whose attributes have not the usual form
// (format=1,1), flags that are unknown here, a name that is another attribute's
// already, and a new name for what base knows (it could pose as User-Name). Definitions equal to base's, and the server's internal
// attributes (numbers above 255), are passed over without a word. A line
// that FreeRADIUS would refuse, or that includes a file that cannot be read, is an
// error; all of them are returned, joined, each a [DictionaryNote]. Only a file in
// names that cannot be read has no line: that error wraps what fsys says.
func LoadDictionary(base *Dictionary, fsys fs.FS, names ...string) (*Dictionary, []DictionaryNote, error) {
	r := dictionaryReader{
		fsys: fsys, vendors: map[string]foreignVendor{}, values: map[string][]Value{},
		into: &Dictionary{parent: base, byName: map[string]*Definition{}, byNumber: map[wireKey]*Definition{}},
	}
	for _, name := range names {
		if err := r.read(path.Clean(strings.TrimPrefix(name, "/")), 0, foreignVendor{}); err != nil {
			r.faults = append(r.faults, err)
		}
	}
	r.giveValues()
	if len(r.faults) > 0 {
		return nil, r.skipped, errors.Join(r.faults...)
	}
	return r.into, r.skipped, nil
}

// foreignVendor is a vendor as a file declares it; the zero one is "none".
type foreignVendor struct {
	name   string
	number uint32
	odd    string // why its attributes cannot be used; "" = they can
}

// dictionaryReader collects what files define.
type dictionaryReader struct {
	fsys    fs.FS
	into    *Dictionary
	vendors map[string]foreignVendor // by name in lower case
	values  map[string][]Value       // by attribute name in lower case, until all files were read
	files   int                      // included so far
	skipped []DictionaryNote
	faults  []error

	circular bool // nothing more is read
}

// read reads one file and those it includes. vendor is that of the block in which it
// is included. The error is that the file itself cannot be read; what is wrong in
// it goes to r.faults.
func (r *dictionaryReader) read(name string, depth int, vendor foreignVendor) error {
	data, err := fs.ReadFile(r.fsys, name)
	if err == nil && len(data) > maxDictionaryOctets {
		err = fmt.Errorf("%s: more than %d octets", name, maxDictionaryOctets)
	}
	if err != nil {
		return fmt.Errorf("read dictionary: %w", err)
	}
	f := dictionaryFile{dictionaryReader: r, name: name, depth: depth, outer: vendor, vendor: vendor}
	for line := range bytes.Lines(data) {
		if r.circular {
			return nil
		}
		f.line++
		text, _, _ := strings.Cut(string(line), "#")
		if words := strings.Fields(text); len(words) > 0 {
			f.statement(words)
		}
	}
	return nil
}

// giveValues enters the value names, which may stand before their attribute.
func (r *dictionaryReader) giveValues() {
	for name, values := range r.values {
		def := r.into.byName[name]
		if def == nil || !def.Type.named() {
			continue // of an attribute that was passed over, or that base has
		}
		def.Values = slices.DeleteFunc(values, func(v Value) bool { return uint64(v.Number)>>def.Type.bits() > 0 })
		slices.SortStableFunc(def.Values, func(a, b Value) int { return cmp.Compare(a.Number, b.Number) })
	}
}

// dictionaryFile is a file while it is read.
type dictionaryFile struct {
	*dictionaryReader
	name          string
	depth, line   int
	outer, vendor foreignVendor // of the block around the file, and of the block the line is in
	tlv           int           // how many TLV blocks are open
}

func (f *dictionaryFile) fault(format string, args ...any) {
	f.faults = append(f.faults, DictionaryNote{f.name, f.line, fmt.Sprintf(format, args...)})
}

func (f *dictionaryFile) skip(format string, args ...any) {
	f.skipped = append(f.skipped, DictionaryNote{f.name, f.line, fmt.Sprintf(format, args...)})
}

// fewest is the one table of statements, with the words each needs at least.
var fewest = map[string]int{
	"$INCLUDE": 2, "$INCLUDE-": 2, "VENDOR": 3, "BEGIN-VENDOR": 2, "END-VENDOR": 2, "BEGIN-TLV": 2, "END-TLV": 2,
	"ATTRIBUTE": 4, "VALUE": 4,
}

func (f *dictionaryFile) statement(words []string) {
	least, known := fewest[words[0]]
	switch {
	case !known:
		f.fault("unknown statement %q", words[0])
		return
	case len(words) < least:
		f.fault("%s must have %d words", words[0], least)
		return
	}
	switch words[0] {
	case "$INCLUDE":
		f.include(words[1])
	case "$INCLUDE-": // as it says: if it is there
		if _, err := fs.Stat(f.fsys, f.path(words[1])); !errors.Is(err, fs.ErrNotExist) {
			f.include(words[1])
		}
	case "VENDOR":
		f.declareVendor(words)
	case "BEGIN-VENDOR":
		f.beginVendor(words)
	case "END-VENDOR":
		f.vendor = f.outer
	case "BEGIN-TLV":
		f.tlv++
	case "END-TLV":
		f.tlv = max(0, f.tlv-1)
	case "VALUE":
		f.value(words)
	case "ATTRIBUTE":
		f.attribute(words)
	}
}

func (f *dictionaryFile) include(name string) {
	f.files++
	if f.files > maxDictionaryFiles || f.depth+1 > maxDictionaryDepth {
		f.fault("includes go too deep or in a circle")
		f.circular = true
		return
	}
	if err := f.read(f.path(name), f.depth+1, f.vendor); err != nil {
		f.fault("%v", err)
	}
}

// path returns where an included file is in fsys.
func (f *dictionaryFile) path(name string) string {
	if rest, absolute := strings.CutPrefix(name, "/"); absolute {
		return path.Clean(rest)
	}
	return path.Join(path.Dir(f.name), name)
}

func (f *dictionaryFile) declareVendor(words []string) {
	number, err := strconv.ParseUint(words[2], 0, 32)
	if err != nil || number == 0 {
		f.fault("vendor number %q", words[2])
		return
	}
	v := foreignVendor{name: words[1], number: uint32(number)}
	if len(words) > 3 && words[3] != "format=1,1" {
		v.odd = "vendor " + v.name + " has " + words[3]
	}
	f.vendors[strings.ToLower(v.name)] = v
}

func (f *dictionaryFile) beginVendor(words []string) {
	v, ok := f.vendors[strings.ToLower(words[1])]
	if !ok {
		f.fault("unknown vendor %s", words[1])
	}
	if len(words) > 2 {
		v.odd = "vendor " + v.name + " is in " + words[2]
	}
	f.vendor = v
}

func (f *dictionaryFile) value(words []string) {
	number, err := strconv.ParseUint(words[3], 0, 64)
	switch {
	case err != nil:
		f.fault("value %s: invalid number %q", words[2], words[3])
		return
	case number > 0xffffffff:
		return // of a 64-bit attribute: it is written as a number
	}
	name := strings.ToLower(words[1])
	f.values[name] = append(f.values[name], Value{words[2], uint32(number)})
}

func (f *dictionaryFile) attribute(words []string) {
	def := Definition{Name: words[1]}
	vendor, flags, odd := f.vendor, words[4:], ""
	if len(flags) > 0 {
		if named, ok := f.vendors[strings.ToLower(flags[0])]; ok { // the form before BEGIN-VENDOR
			vendor, flags = named, flags[1:]
		}
	}
	def.Vendor = vendor.number
	number, err := strconv.ParseUint(words[2], 0, 32)
	switch dotted := strings.Contains(words[2], "."); {
	case f.tlv > 0 || dotted:
		odd = "is part of a TLV or an extended attribute"
	case err != nil:
		f.fault("%s: number %q", def.Name, words[2])
		return
	case number > 255 && vendor.number == 0:
		return // internal to the server, never on the wire
	case number > 255 || number == 0:
		odd = fmt.Sprintf("number %d is not 1..255", number)
	case vendor.odd != "":
		odd = vendor.odd
	}
	def.Number = uint8(number)
	if odd == "" {
		odd = def.setType(words[3])
	}
	if odd == "" {
		odd = def.setFlags(flags)
	}
	if odd == "" {
		odd = f.enter(def)
	}
	if odd != "" {
		f.skip("%s: %s", def.Name, odd)
	}
}

// setType reads a type as the files have it; it returns why it cannot.
func (d *Definition) setType(word string) (odd string) {
	name, length, sized := strings.Cut(strings.ToLower(word), "[")
	if sized {
		n, err := strconv.Atoi(strings.TrimSuffix(length, "]"))
		if err != nil || n < 1 || n > MaxValueLength || name != "octets" {
			return "type " + word
		}
		d.Length = n
	}
	t, ok := ParseType(name)
	if !ok {
		return "type " + word
	}
	d.Type = t
	return ""
}

// setFlags reads has_tag,encrypt=2 and the like; it returns why it cannot.
func (d *Definition) setFlags(words []string) (odd string) {
	for word := range strings.SplitSeq(strings.Join(words, ","), ",") {
		switch flag, _, _ := strings.Cut(word, "="); flag {
		case "", "secret":
		case "has_tag":
			d.Tagged = true
		case "encrypt":
			d.Encrypted = true
		default:
			return "flag " + word
		}
	}
	return ""
}

// enter adds def unless it is there already; it returns why it cannot. Of two names that
// files have for one number both can be sent, and the later is what is read, as in
// FreeRADIUS; base's names stand alone.
func (r *dictionaryReader) enter(def Definition) (odd string) {
	taken, named := r.into.Lookup(def.Name)
	sameNumber := taken.Vendor == def.Vendor && taken.Number == def.Number
	known := r.into.parent.lookupNumber(wireKey{def.Vendor, def.Number})
	switch err := def.check(); {
	case err != nil:
		return strings.TrimPrefix(err.Error(), def.Name+": ")
	case named && !sameNumber:
		return "name is already attribute " + unknownName(taken.Vendor, taken.Number)
	case known != nil && !named:
		return unknownName(def.Vendor, def.Number) + " is already " + known.Name
	case named && (taken.Type != def.Type || taken.Tagged != def.Tagged):
		return fmt.Sprintf("is already known as %s", taken.Type)
	case !named:
		r.into.enter(def)
	}
	return ""
}
