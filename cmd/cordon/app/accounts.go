package app

import (
	"fmt"
	"io"
	"os"

	"go.uber.org/zap"

	"cordon/radiusx/bng"
)

// checkSubscriber says how subscribers' keys are made, and reads the table of
// accounts.
func checkSubscriber(d *document, cfg *Config, parts *Parts) {
	s, p := cfg.Accounting.Subscriber, path{"accounting", "subscriber"}
	if s.Realm != "" && s.Realm != "keep" && s.Realm != "strip" {
		d.fail(p.to("realm"), "is keep or strip")
	}
	if s.Case != "" && s.Case != "keep" && s.Case != "lower" {
		d.fail(p.to("case"), "is keep or lower")
	}
	parts.Keys = &bng.SubscriberKeys{StripRealm: s.Realm == "strip", Lower: s.Case == "lower"}
	if s.MapFile == "" {
		return
	}
	faults, err := readAccounts(s.MapFile, parts.Keys)
	if err != nil {
		d.fail(p.to("map_file"), "%v", err)
	}
	for _, f := range faults {
		d.faults = append(d.faults, Fault{File: s.MapFile, Line: f.Line, Column: 1, Message: f.Message})
	}
}

// largestMap bounds a table of accounts, in octets: some millions of lines.
const largestMap = 256 << 20

// readAccounts reads a table of accounts and, if nothing is wrong with it, uses it.
func readAccounts(file string, keys *bng.SubscriberKeys) ([]bng.LineFault, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	if info, err := f.Stat(); err != nil || info.Size() > largestMap {
		return nil, fmt.Errorf("%s is larger than %d octets, or no file: %w", file, largestMap, err)
	}
	accounts, faults, err := keys.ReadAccounts(io.LimitReader(f, largestMap))
	if err == nil && len(faults) == 0 {
		keys.Use(accounts)
	}
	return faults, err
}

// accountFile notices changes of accounting.subscriber.map_file. Only the
// goroutine that watches uses it.
type accountFile struct {
	file string // "": none
	keys *bng.SubscriberKeys
	last os.FileInfo // as it was when it was read last; nil: not yet, or it was gone
	gone bool        // and that was told
}

func newAccountFile(cfg *Config, parts *Parts) *accountFile {
	return &accountFile{file: cfg.Accounting.Subscriber.MapFile, keys: parts.Keys}
}

// follow reads the table if it has changed, and the first time. One that has faults, or is
// gone, leaves the table before in use.
func (f *accountFile) follow(log *zap.Logger) {
	if f.file == "" {
		return
	}
	now, err := os.Stat(f.file)
	if err != nil {
		if !f.gone {
			log.Warn("the table of accounts cannot be read; the one before stays in use", zap.Error(err))
		}
		f.last, f.gone = nil, true
		return
	}
	if f.last != nil && now.ModTime().Equal(f.last.ModTime()) && now.Size() == f.last.Size() && os.SameFile(now, f.last) {
		return
	}
	f.last, f.gone = now, false
	faults, err := readAccounts(f.file, f.keys)
	switch {
	case err != nil:
		log.Warn("the table of accounts cannot be read; the one before stays in use", zap.Error(err))
	case len(faults) > 0:
		log.Warn("the table of accounts has faults; the one before stays in use", zap.String("file", f.file),
			zap.Int("line", faults[0].Line), zap.String("fault", faults[0].Message), zap.Int("faults", len(faults)))
	default:
		log.Info("the table of accounts is in use", zap.String("file", f.file))
	}
}
