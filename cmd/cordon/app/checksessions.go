package app

import (
	"slices"
	"time"

	"cordon/store/template"
)

// How often open cases may look for sessions.
const (
	shortestPoll = 5 * time.Second
	longestPoll  = 10 * time.Minute
)

// checkSessions looks at where sessions are known from, and makes the template.
func checkSessions(d *document, cfg *Config, parts *Parts) {
	s, at := &cfg.Sessions, path{"sessions"}
	switch s.Source {
	case fromTemplate:
	case "", fromAccounting:
		if s.Preset != "" || s.Redis != nil || s.BySubscriber.Key != "" || s.BySession.Key != "" || s.ByAddress.Key != "" || s.ByPrefix.Key != "" {
			d.fail(at, "a template needs source: %s", fromTemplate)
		}
		return
	default:
		d.fail(at.to("source"), "is %s or %s", fromAccounting, fromTemplate)
		return
	}
	form, known := template.Preset(s.Preset)
	if s.Preset != "" && !known {
		d.fail(at.to("preset"), "%q is no preset: there is rediswho", s.Preset)
		return
	}
	parts.Sessions = s.over(form)
	for _, f := range parts.Sessions.Check() {
		d.fail(at.to(f.At...), "%s", f.Message)
	}
	if s.Redis != nil {
		parts.SessionPassword = checkServer(d, at.to("redis"), s.Redis.Addrs, s.Redis.PasswordFile)
		if len(s.Redis.Addrs) > 1 && s.Redis.MasterName == "" && s.Redis.DB != 0 {
			d.fail(at.to("redis", "db"), "a Cluster has only database 0")
		}
	}
	switch {
	case s.Lag <= 0:
		d.fail(at.to("lag"), "must be longer than nothing: no source is never late")
	case s.MaxAge <= s.Lag:
		d.fail(at.to("max_age"), "is not longer than lag (%s): nothing could be attributed", s.Lag)
	}
	if s.Poll.Std() < shortestPoll || s.Poll.Std() > longestPoll {
		d.fail(at.to("poll"), "is from %s to %s", shortestPoll, longestPoll)
	}
	if key := cfg.Accounting.Subscriber; key.Realm == "strip" || key.Case == "lower" || key.MapFile != "" {
		d.fail(path{"accounting", "subscriber"}, "makes other keys than the source of sessions has: sessions could not be found by them")
	}
	if len(cfg.Accounting.Listen) > 0 {
		d.warn(at.to("source"), "sessions are those of the template; accounting only makes open cases look at once")
	}
	if parts.Sessions.ByAddress.Key == "" && parts.Sessions.ByPrefix.Key == "" {
		d.warn(at, "neither by_address nor by_prefix: verdicts about an address stay unknown")
	}
}

// over lays what is written over the preset.
func (s *Sessions) over(t template.Template) template.Template {
	for _, l := range []struct{ over, written *template.Lookup }{
		{&t.BySession, &s.BySession}, {&t.BySubscriber, &s.BySubscriber}, {&t.ByAddress, &s.ByAddress}, {&t.ByPrefix, &s.ByPrefix},
	} {
		if w := l.written; w.Key != "" || w.Type != "" || w.Value != "" || len(w.Fields)+len(w.Attributes) > 0 {
			*l.over = *w
		}
	}
	t.PrefixLengths = slices.Clone(s.PrefixLengths)
	if s.TimeFormat != "" {
		t.TimeFormat = s.TimeFormat
	}
	if s.SilentAfter != 0 {
		t.SilentAfter = s.SilentAfter.Std()
	}
	return t
}
