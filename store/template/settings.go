package template

import (
	"fmt"
	"slices"
	"time"

	"cordon/quarantine"
)

// Settings are the keys of sessions in the configuration file, with source:
// redis-template.
type Settings struct {
	Preset        string              `yaml:"preset"`         // a ready-made template; what is written beside it wins
	BySession     Lookup              `yaml:"by_session"`     // {bng}, {nas_ip} or {nas_identifier}, and {session}
	BySubscriber  Lookup              `yaml:"by_subscriber"`  // {subscriber}
	ByAddress     Lookup              `yaml:"by_address"`     // {address}
	ByPrefix      Lookup              `yaml:"by_prefix"`      // {prefix}
	PrefixLengths []int               `yaml:"prefix_lengths"` // of by_prefix
	TimeFormat    TimeFormat          `yaml:"time_format"`    // unix | unix_ms | rfc3339
	SilentAfter   quarantine.Duration `yaml:"silent_after"`   // a session not renewed for so long may have ended; 0: never
	Lag           quarantine.Duration `yaml:"lag"`            // how late the source may be; see quarantine.Present
	MaxAge        quarantine.Duration `yaml:"max_age"`        // older events are not attributed; see quarantine.Present
	Poll          quarantine.Duration `yaml:"poll"`           // how often open cases look for new sessions
}

// DefaultSettings are those of a configuration that does not set them.
var DefaultSettings = Settings{
	Lag: quarantine.Duration(30 * time.Second), MaxAge: quarantine.Duration(10 * time.Minute), Poll: quarantine.Duration(time.Minute),
}

// Bounds of Settings.Poll.
const (
	minPoll = 5 * time.Second
	maxPoll = 10 * time.Minute
)

// DescribesTemplate reports whether a template is described at all.
func (s *Settings) DescribesTemplate() bool {
	return s.Preset != "" || s.BySubscriber.Key != "" || s.BySession.Key != "" || s.ByAddress.Key != "" || s.ByPrefix.Key != ""
}

// Template returns the preset with what is written laid over it. Faults are of the
// template and of the times; paths are the keys.
func (s *Settings) Template() (Template, quarantine.Faults) {
	t, known := Preset(s.Preset)
	if s.Preset != "" && !known {
		return t, quarantine.Faults{{Path: "preset", Err: fmt.Errorf("unknown preset %q: must be rediswho", s.Preset)}}
	}
	s.over(&t)
	var faults quarantine.Faults
	for _, f := range t.Check() {
		faults = append(faults, quarantine.Fault{Path: f.path(), Err: fmt.Errorf("%s", f.Message)})
	}
	return t, append(faults, s.checkTimes()...)
}

// over lays what is written over the preset.
func (s *Settings) over(t *Template) {
	for _, l := range []struct{ over, written *Lookup }{
		{&t.BySession, &s.BySession}, {&t.BySubscriber, &s.BySubscriber}, {&t.ByAddress, &s.ByAddress}, {&t.ByPrefix, &s.ByPrefix},
	} {
		if l.written.isSet() {
			*l.over = *l.written
		}
	}
	t.PrefixLengths = slices.Clone(s.PrefixLengths)
	if s.TimeFormat != "" {
		t.TimeFormat = s.TimeFormat
	}
	if s.SilentAfter != 0 {
		t.SilentAfter = s.SilentAfter.Std()
	}
}

func (s *Settings) checkTimes() quarantine.Faults {
	var f quarantine.Faults
	switch {
	case s.Lag <= 0:
		f = append(f, quarantine.Fault{Path: "lag", Err: fmt.Errorf("must be greater than 0: no source is never late")})
	case s.MaxAge <= s.Lag:
		f = append(f, quarantine.Fault{Path: "max_age", Err: fmt.Errorf("must be greater than lag (%s): nothing could be attributed", s.Lag)})
	}
	if s.Poll.Std() < minPoll || s.Poll.Std() > maxPoll {
		f = append(f, quarantine.Fault{
			Path: "poll", Err: fmt.Errorf("must be from %s to %s", quarantine.FormatDuration(minPoll), quarantine.FormatDuration(maxPoll)),
		})
	}
	return f
}

// path writes At as a path of the configuration: by_session.key, prefix_lengths[0].
func (f Fault) path() string {
	path := ""
	for _, step := range f.At {
		switch step := step.(type) {
		case int:
			path += fmt.Sprintf("[%d]", step)
		default:
			if path != "" {
				path += "."
			}
			path += fmt.Sprint(step)
		}
	}
	return path
}
