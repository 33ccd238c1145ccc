package app

import "cordon/quarantine"

// roster is what the configuration says of BNGs' names.
func roster(cfg *Config) *quarantine.BNGRoster {
	r := &quarantine.BNGRoster{Retired: cfg.RetiredBNGs}
	for _, b := range cfg.BNGs {
		r.BNGs = append(r.BNGs, quarantine.ConfiguredBNG{Name: b.Name, Group: b.Group, Formerly: b.Formerly, Interim: b.Interim})
	}
	return r
}

// checkRoster reads the names of BNGs, present, former and retired.
func checkRoster(d *document, cfg *Config, parts *Parts) {
	names := roster(cfg)
	d.add(nil, names.Validate())
	parts.Names = names.Names()
}
