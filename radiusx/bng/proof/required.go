package proof

import (
	"errors"
	"fmt"
	"slices"

	"cordon/quarantine"
	"cordon/radiusx/bng"
)

// errNone is why a profile that was never tried is not proved.
var errNone = errors.New("it was never proved here (a proof of another instance counts: copy it to proofs/ below journal.dir)")

// Required lists the profiles that need a proof on a BNG: those that the policy's rules
// put in force there without a person's approval, if the dialect is experimental.
func Required(p *quarantine.Policy, c *bng.Config) []string {
	if !c.Dialect.Experimental || p.Mode != quarantine.ModeEnforce {
		return nil
	}
	var names []string
	for _, rule := range p.Rules {
		_, there := c.Profiles[rule.Profile]
		if rule.Mode != nil && *rule.Mode != quarantine.ModeEnforce {
			continue
		}
		if (there || rule.Profile == quarantine.Disconnect) && !slices.Contains(names, rule.Profile) {
			names = append(names, rule.Profile)
		}
	}
	return names
}

// Missing returns an error for each of the profiles that the records below dir do not
// prove for the BNG as it is configured, or one that says why they cannot be read.
func Missing(dir string, c *bng.Config, profiles []string) []error {
	if len(profiles) == 0 {
		return nil
	}
	records, err := Load(dir, c.Name)
	if err != nil {
		return []error{err}
	}
	var missing []error
	for _, profile := range profiles {
		print, err := c.Fingerprint(profile)
		if err != nil {
			continue // refused for what it is
		}
		record, tried := records[profile]
		if err = errNone; tried {
			err = record.Holds(print)
		}
		if err != nil {
			missing = append(missing, fmt.Errorf(
				"%s is experimental, and of %s: %w; run cordon bng prove %s --profile %s -c FILE --session ID, or use mode approve",
				c.Dialect.Name, profile, err, c.Name, profile))
		}
	}
	return missing
}
