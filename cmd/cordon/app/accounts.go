package app

import (
	"go.uber.org/zap"

	"cordon/radiusx/bng"
)

// checkSubscriber reads how subscribers' keys are made, and the table of accounts.
func checkSubscriber(d *document, cfg *Config, parts *Parts) {
	s, p := cfg.Accounting.Subscriber, path{"accounting", "subscriber"}
	keys, faults := bng.NewSubscriberKeys(s.Realm, s.Case)
	d.add(p, faults)
	parts.Keys = keys
	if s.MapFile == "" {
		return
	}
	lines, err := bng.NewAccountFile(s.MapFile, keys).Read()
	if err != nil {
		d.fail(p.to("map_file"), "%v", err)
	}
	for _, f := range lines {
		d.faults = append(d.faults, Fault{File: s.MapFile, Line: f.Line, Column: 1, Message: f.Message})
	}
}

// refreshAccounts reads the table of accounts again if it has changed; nil: there is none.
func refreshAccounts(f *bng.AccountFile, log *zap.Logger) {
	if f == nil {
		return
	}
	read, faults, err := f.Refresh()
	switch {
	case !read:
	case err != nil:
		log.Warn("table of accounts cannot be read; the previous one stays in use", zap.Error(err))
	case len(faults) > 0:
		log.Warn("table of accounts has faults; the previous one stays in use",
			zap.Int("line", faults[0].Line), zap.String("fault", faults[0].Message), zap.Int("faults", len(faults)))
	default:
		log.Info("table of accounts loaded")
	}
}

// accountFile is accounting.subscriber.map_file; nil: there is none.
func accountFile(cfg *Config, parts *Parts) *bng.AccountFile {
	if cfg.Accounting.Subscriber.MapFile == "" {
		return nil
	}
	return bng.NewAccountFile(cfg.Accounting.Subscriber.MapFile, parts.Keys)
}
