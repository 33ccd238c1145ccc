package bng

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"cordon/quarantine"
)

// SubscriberKeys makes the subscriber's key of what accounting has: of a
// User-Name the realm is cut off and letters are lower-cased, octets that are not
// text are written as such ([quarantine.EscapeName]), and a table names the account.
// What comes out is the subscriber everywhere in Cordon; two names with the same
// outcome are one subscriber. The zero value, and a nil one, only write octets as
// text. Of other attributes only a hardware address is lower-cased: what a BNG calls
// a line is not spelled in several ways.
//
// Its methods may be called from any goroutine once the fields are set.
type SubscriberKeys struct {
	StripRealm bool // cut "@realm" off
	Lower      bool // letters are lower-cased

	// accounts are by key as Key has it before, those of lines under asWritten and
	// the key as the table has it; nil: none.
	accounts atomic.Pointer[map[string]string]
}

// asWritten begins the keys of the table for what is no User-Name; no key has it.
const asWritten = "\x00"

// Key returns the subscriber that a User-Name, any octets, stands for; it is never
// empty unless name is. A key that the table does not know stays what it is.
func (k *SubscriberKeys) Key(name string) string { return k.account("", k.plain(name)) }

// account looks a key up in the table.
func (k *SubscriberKeys) account(kind, key string) string {
	if k == nil {
		return key
	}
	if accounts := k.accounts.Load(); accounts != nil {
		if account, known := (*accounts)[kind+key]; known {
			return account
		}
	}
	return key
}

// plain is Key without the table.
func (k *SubscriberKeys) plain(reported string) string {
	return quarantine.EscapeName(k.name(reported))
}

// name is what is left of a User-Name.
func (k *SubscriberKeys) name(reported string) string {
	if k == nil {
		return reported
	}
	if at := strings.LastIndexByte(reported, '@'); k.StripRealm && at > 0 {
		reported = reported[:at]
	}
	if k.Lower {
		reported = lower(reported)
	}
	return reported
}

// of returns the subscriber whom a record names. Lines are the templates of lines
// whose keys a name must not pass for.
func (k *SubscriberKeys) of(made rendering, lines *lineKeys) string {
	if made.parts == nil {
		return ""
	}
	if len(made.parts) > 1 {
		return k.account(asWritten, made.key(k.value))
	}
	kind := asWritten
	if made.template.isUserName() {
		kind = ""
	}
	return k.account(kind, lines.escapeAsName(k.value(made.template.parts[0].attribute, made.parts[0])))
}

// value is what an attribute's value is in a key.
func (k *SubscriberKeys) value(attribute, value string) string {
	switch {
	case attribute == userNameAttribute:
		return k.name(value)
	case k != nil && k.Lower && quarantine.NormalMAC(value) != "":
		return lower(value)
	}
	return value
}

// lower lower-cases letters and leaves octets that are no text as they are.
func lower(name string) string {
	if utf8.ValidString(name) {
		return strings.ToLower(name)
	}
	var b strings.Builder
	for len(name) > 0 {
		r, size := utf8.DecodeRuneInString(name)
		if r == utf8.RuneError && size == 1 {
			b.WriteByte(name[0])
		} else {
			b.WriteString(strings.ToLower(name[:size]))
		}
		name = name[size:]
	}
	return b.String()
}

// Use replaces the table. It is not to be changed
// afterwards.
func (k *SubscriberKeys) Use(accounts map[string]string) { k.accounts.Store(&accounts) }

// LineFault is what is wrong with one line of a file.
type LineFault struct {
	Line    int // from 1
	Message string
}

// maxLineFaults is how many faults of a file are reported.
const maxLineFaults = 20

// ReadAccounts reads a table for Use: CSV (RFC 4180), key and account id on each
// line; lines that begin with # are remarks. Keys are made plain as those of
// accounting are. The table is of no use if there are faults; err means that it
// could not be read.
func (k *SubscriberKeys) ReadAccounts(from io.Reader) (accounts map[string]string, faults []LineFault, err error) {
	lines := csv.NewReader(from)
	lines.FieldsPerRecord, lines.ReuseRecord, lines.Comment = -1, true, '#'
	accounts = map[string]string{}
	for len(faults) < maxLineFaults {
		fields, err := lines.Read()
		var bad *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return accounts, faults, nil
		case errors.As(err, &bad):
			faults = append(faults, LineFault{bad.StartLine, bad.Err.Error()})
			continue
		case err != nil:
			return nil, nil, fmt.Errorf("read the accounts: %w", err)
		}
		if wrong := k.enter(accounts, fields); wrong != "" {
			line, _ := lines.FieldPos(0)
			faults = append(faults, LineFault{line, wrong})
		}
	}
	return accounts, faults, nil
}

// enter adds one line to the table, or says what is wrong with it.
func (k *SubscriberKeys) enter(accounts map[string]string, fields []string) string {
	if len(fields) != 2 {
		return fmt.Sprintf("has %d fields, not 2: key,account", len(fields))
	}
	name, err := quarantine.UnescapeName(strings.TrimSpace(fields[0]))
	if err != nil {
		return "key " + err.Error()
	}
	key, account := k.plain(name), strings.TrimSpace(fields[1])
	if key == "" {
		return "has no key"
	}
	if wrong := quarantine.CheckSubscriber(account); wrong != nil {
		return "account id " + wrong.Reason
	}
	if other, twice := accounts[key]; twice && other != account {
		return fmt.Sprintf("gives %q to %q, an earlier line to %q", key, account, other)
	}
	accounts[strings.Clone(key)] = strings.Clone(account)
	accounts[asWritten+quarantine.EscapeName(name)] = accounts[key]
	return ""
}
