package app

import (
	"time"

	"cordon/integration/intake"
	"cordon/quarantine"
)

// checkSources checks what is agreed with the sources of verdicts.
func checkSources(d *document, cfg *Config) {
	sources := make([]quarantine.VerdictSource, len(cfg.Sources))
	for i, s := range cfg.Sources {
		sources[i] = s.VerdictSource
	}
	d.add(path{"sources"}, quarantine.ValidateVerdictSources(sources, cfg.Attribution.MaxAge))
}

// sourcesOf returns the sources of verdicts that are listed, or that a token is bound
// to: their names cannot be made up.
func sourcesOf(cfg *Config) map[string]intake.Source {
	maxAge := cfg.Attribution.MaxAge.Std()
	sources := map[string]intake.Source{}
	for _, t := range cfg.HTTP.Tokens {
		if t.Source != "" {
			sources[t.Source] = intake.Source{MaxAge: maxAge}
		}
	}
	for _, s := range cfg.Sources {
		agreed := intake.Source{MaxAge: s.MaxAge.Std(), Quota: s.Quota}
		if agreed.MaxAge == 0 {
			agreed.MaxAge = maxAge
		}
		sources[s.Name] = agreed
	}
	return sources
}

// listedSources reports whether a source is one of sourcesOf.
func listedSources(cfg *Config) func(source string) bool {
	sources := sourcesOf(cfg)
	return func(source string) bool { _, ok := sources[source]; return ok }
}

// tolerances is how far the clock of each source may differ.
func tolerances(cfg *Config) func(source string) time.Duration {
	own := map[string]time.Duration{}
	for _, s := range cfg.Sources {
		if s.Tolerance > 0 {
			own[s.Name] = s.Tolerance.Std()
		}
	}
	return func(source string) time.Duration {
		if d, ok := own[source]; ok {
			return d
		}
		return cfg.Attribution.Tolerance.Std()
	}
}
