package app

import (
	"fmt"
	"os"

	yaml "go.yaml.in/yaml/v4"
)

// Load reads and checks the configuration at file. The error is Faults, all of
// them at once, if the file can be read. Warnings are of what works and deserves attention.
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
