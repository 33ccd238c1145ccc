package app

import "cordon/store"

// checkSessions checks where sessions are known from, and builds the template.
func checkSessions(d *document, cfg *Config, parts *Parts) {
	s, at := &cfg.Sessions, path{"sessions"}
	switch s.Source {
	case fromTemplate:
		checkTemplate(d, cfg, parts)
	case "", fromAccounting:
		if s.Redis != nil || s.DescribesTemplate() {
			d.fail(at, "a template must have source: %s", fromTemplate)
		}
	default:
		d.fail(at.to("source"), "must be %s or %s", fromAccounting, fromTemplate)
	}
}

func checkTemplate(d *document, cfg *Config, parts *Parts) {
	s, at := &cfg.Sessions, path{"sessions"}
	form, faults := s.Template()
	d.add(at, faults)
	parts.Sessions = form
	if other := s.Redis; other != nil {
		d.add(at.to("redis"), store.ValidateServer(other.Addrs, other.MasterName, other.DB))
		parts.SessionPassword = readPassword(d, at.to("redis"), other.PasswordFile)
	}
	if parts.Keys.ChangesNames() || cfg.Accounting.Subscriber.MapFile != "" {
		d.fail(path{"accounting", "subscriber"},
			"must keep names as they are: the source of sessions has other keys, and sessions could not be found by these")
	}
	if len(cfg.Accounting.Listen) > 0 {
		d.warn(at.to("source"), "sessions are those of the template; accounting only wakes open cases")
	}
	if form.ByAddress.Key == "" && form.ByPrefix.Key == "" {
		d.warn(at, "neither by_address nor by_prefix: verdicts about an address stay unknown")
	}
}
