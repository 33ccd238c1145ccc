package bng

import (
	"fmt"
	"io"
	"os"

	"cordon/quarantine"
)

// NewSubscriberKeys reads how a subscriber's key is made of a User-Name: realm is keep
// or strip, letterCase keep or lower, empty as keep. Paths are realm and case.
func NewSubscriberKeys(realm, letterCase string) (*SubscriberKeys, quarantine.Faults) {
	var f quarantine.Faults
	if realm != "" && realm != "keep" && realm != "strip" {
		f = append(f, quarantine.Fault{Path: "realm", Err: fmt.Errorf("must be keep or strip")})
	}
	if letterCase != "" && letterCase != "keep" && letterCase != "lower" {
		f = append(f, quarantine.Fault{Path: "case", Err: fmt.Errorf("must be keep or lower")})
	}
	return &SubscriberKeys{StripRealm: realm == "strip", Lower: letterCase == "lower"}, f
}

// ChangesNames reports whether a key may differ from the User-Name even without a table.
func (k *SubscriberKeys) ChangesNames() bool { return k.StripRealm || k.Lower }

// maxAccountFile bounds a table of accounts, in bytes: some millions of lines.
const maxAccountFile = 256 << 20

// AccountFile is a file with a table of accounts (see [SubscriberKeys.ReadAccounts]) that
// may change while it is used. One goroutine uses it.
type AccountFile struct {
	name    string
	keys    *SubscriberKeys
	last    os.FileInfo // as it was when it was read last; nil: not yet, or it was missing
	missing bool        // and that was reported
}

// NewAccountFile returns the table in the file of that name, for keys. Nothing is read.
func NewAccountFile(name string, keys *SubscriberKeys) *AccountFile {
	return &AccountFile{name: name, keys: keys}
}

// Read reads the table and, if it has no fault, uses it.
func (f *AccountFile) Read() ([]LineFault, error) {
	file, err := os.Open(f.name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	if info, err := file.Stat(); err != nil || info.Size() > maxAccountFile {
		return nil, fmt.Errorf("%s must be a file of at most %d bytes: %w", f.name, maxAccountFile, err)
	}
	accounts, faults, err := f.keys.ReadAccounts(io.LimitReader(file, maxAccountFile))
	if err == nil && len(faults) == 0 {
		f.keys.Use(accounts)
	}
	return faults, err
}

// Refresh reads the table if it has changed, and the first time; read is false if there
// was nothing to read or to report. A table that has faults, or is missing, leaves the
// one before in use.
func (f *AccountFile) Refresh() (read bool, faults []LineFault, err error) {
	now, err := os.Stat(f.name)
	if err != nil {
		reported := f.missing
		f.last, f.missing = nil, true
		return !reported, nil, err
	}
	if f.last != nil && now.ModTime().Equal(f.last.ModTime()) && now.Size() == f.last.Size() && os.SameFile(now, f.last) {
		return false, nil, nil
	}
	f.last, f.missing = now, false
	faults, err = f.Read()
	return true, faults, err
}
