package app

import (
	"fmt"
	"os"

	yaml "go.yaml.in/yaml/v4"

	"cordon/quarantine"
)

// Load reads and checks the configuration at file. The error is Faults, all of
// them at once, if the file can be read. Warnings are for people.
func Load(file string) (cfg *Config, parts *Parts, warnings Faults, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("read the configuration: %w", err)
	}
	return parse(file, data)
}

// LoadToProve is [Load] for commands that find out about BNGs: it does not ask
// for the proofs that are yet to be had, and leaves the warnings out.
func LoadToProve(file string) (cfg *Config, parts *Parts, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, fmt.Errorf("read the configuration: %w", err)
	}
	cfg, parts, _, err = read(&document{file: file, data: data, trial: true})
	return cfg, parts, err
}

func parse(file string, data []byte) (*Config, *Parts, Faults, error) {
	return read(&document{file: file, data: data})
}

func read(d *document) (*Config, *Parts, Faults, error) {
	if err := yaml.Load(d.data, &d.root); err != nil {
		d.decode(err)
		return nil, nil, nil, d.faults
	}
	cfg := Default()
	d.decode(yaml.Load(d.data, &cfg, yaml.WithKnownFields()))
	decoded := len(d.faults)
	parts := check(d, &cfg)
	if len(d.faults) > 0 {
		return nil, nil, nil, d.sorted(decoded)
	}
	return &cfg, parts, d.warned, nil
}

// loadExemptions reads exemptions_file: a YAML list like exemptions.
func loadExemptions(d *document, cfg *Config) []quarantine.Exemption {
	all := cfg.Exemptions
	for i := range all {
		checkExemption(d, path{"exemptions", i}, &all[i])
	}
	if cfg.ExemptionsFile == "" {
		return all
	}
	data, err := os.ReadFile(cfg.ExemptionsFile)
	if err != nil {
		d.fail(path{"exemptions_file"}, "%v", err)
		return all
	}
	other := &document{file: cfg.ExemptionsFile, data: data}
	var more []quarantine.Exemption
	if err := yaml.Load(data, &other.root); err == nil {
		err = yaml.Load(data, &more, yaml.WithKnownFields())
		other.decode(err)
	} else {
		other.decode(err)
	}
	for i := range more {
		checkExemption(other, path{i}, &more[i])
	}
	if len(more) == 0 && len(other.faults) == 0 {
		other.fail(path{}, "is empty; an empty list of exemptions protects nobody, remove exemptions_file if that is meant")
	}
	d.faults = append(d.faults, other.faults...)
	return append(all, more...)
}

func checkExemption(d *document, p path, e *quarantine.Exemption) {
	set := 0
	for _, is := range []bool{e.Subscriber != "", e.Prefix.IsValid(), e.BNG != ""} {
		if is {
			set++
		}
	}
	if set != 1 {
		d.fail(p, "needs exactly one of subscriber, prefix and bng")
	}
	if e.Subscriber != "" {
		if wrong := quarantine.CheckSubscriber(e.Subscriber); wrong != nil {
			d.fail(p.to("subscriber"), "%s", wrong.Reason)
		}
	}
	if e.Reason == "" {
		d.fail(p, "needs a reason")
	}
}
