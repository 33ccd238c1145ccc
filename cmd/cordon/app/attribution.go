package app

import (
	"time"

	"cordon/quarantine"
)

// interim returns how often each BNG renews its sessions, and each translator's log
// its port blocks.
func interim(cfg *Config) func(bng string) time.Duration {
	return quarantine.Interims(roster(cfg).BNGs, cfg.TranslatorLogs)
}

// addressPlan is what the configuration says about addresses.
func addressPlan(cfg *Config) quarantine.AddressPlan {
	return quarantine.NewAddressPlan(cfg.AddressSpaces, &cfg.Attribution, roster(cfg))
}
