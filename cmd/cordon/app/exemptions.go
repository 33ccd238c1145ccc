package app

import (
	"os"

	yaml "go.yaml.in/yaml/v4"

	"cordon/quarantine"
)

// loadExemptions returns the exemptions of the configuration and of exemptions_file,
// with the present names of BNGs.
func loadExemptions(d *document, cfg *Config) []quarantine.Exemption {
	d.add(path{"exemptions"}, quarantine.ValidateExemptions(cfg.Exemptions))
	all := cfg.Exemptions
	if cfg.ExemptionsFile != "" {
		all = append(all, readExemptions(d, cfg.ExemptionsFile)...)
	}
	present, warnings := roster(cfg).Exemptions(all)
	d.addWarnings(path{"exemptions"}, warnings)
	return present
}

// readExemptions reads exemptions_file: a YAML list like exemptions.
func readExemptions(d *document, file string) []quarantine.Exemption {
	data, err := os.ReadFile(file)
	if err != nil {
		d.fail(path{"exemptions_file"}, "%v", err)
		return nil
	}
	other := &document{file: file, data: data}
	var list []quarantine.Exemption
	if err := yaml.Load(data, &other.root); err == nil {
		err = yaml.Load(data, &list, yaml.WithKnownFields())
		other.decode(err)
	} else {
		other.decode(err)
	}
	other.add(nil, quarantine.ValidateExemptions(list))
	if len(list) == 0 && len(other.faults) == 0 {
		other.fail(nil, "must not be empty: an empty list of exemptions protects nobody; remove exemptions_file if that is intended")
	}
	d.faults = append(d.faults, other.faults...)
	return list
}
