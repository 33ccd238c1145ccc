package proof

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"cordon/quarantine"
)

// Record is what a trial saw.
type Record struct {
	BNG         string     `json:"bng"`
	Dialect     string     `json:"dialect"`
	Address     netip.Addr `json:"address"`
	Profile     string     `json:"profile"`
	Fingerprint string     `json:"fingerprint"` // of what was sent; see bng.Config.Fingerprint
	Session     string     `json:"session"`
	Subscriber  string     `json:"subscriber"`
	At          time.Time  `json:"at"`
	Restrict    Step       `json:"restrict"`
	Restore     Step       `json:"restore,omitzero"` // zero: a disconnect, which is not undone
}

// Step is one change and what was seen of it.
type Step struct {
	Outcome quarantine.OutcomeKind `json:"outcome"`
	Reason  string                 `json:"reason,omitempty"`
	Shown   bool                   `json:"shown"`
	How     string                 `json:"how,omitempty"`
}

// Done reports whether the BNG said that it did it, or the network shows it.
func (s *Step) Done() bool {
	return s.Outcome == quarantine.OutcomeAcked || s.Outcome == quarantine.OutcomeVerified
}

// Holds says why the record proves nothing about a BNG as it is configured now;
// nil if it does.
func (r *Record) Holds(fingerprint string) error {
	switch {
	case !r.Proves():
		return errors.New("the last trial showed nothing")
	case r.Fingerprint != fingerprint:
		return fmt.Errorf("what was proved on %s was another request, or another way to the BNG", r.At.Format(time.DateOnly))
	}
	return nil
}

// Proves reports whether everything was shown.
func (r *Record) Proves() bool {
	return r.Restrict.Shown && (r.Restore.Shown || r.Profile == quarantine.Disconnect)
}

// file is where a BNG's records are kept.
func file(dir, name string) string { return filepath.Join(dir, "proofs", name+".json") }

// Save keeps a record that proves, beside those of other profiles, below dir.
func (r *Record) Save(dir string) (string, error) {
	name := file(dir, r.BNG)
	records, err := Load(dir, r.BNG)
	if err != nil {
		return "", err
	}
	records[r.Profile] = *r
	text, err := json.MarshalIndent(records, "", "  ")
	if err != nil {
		return "", fmt.Errorf("encode the proof: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		return "", fmt.Errorf("keep the proof: %w", err)
	}
	fresh := name + ".new"
	if err := os.WriteFile(fresh, append(text, '\n'), 0o600); err != nil {
		return "", fmt.Errorf("keep the proof: %w", err)
	}
	if err := os.Rename(fresh, name); err != nil {
		return "", fmt.Errorf("keep the proof: %w", err)
	}
	return name, nil
}

// Load reads the records of a BNG below dir, by profile; none is no error.
func Load(dir, name string) (map[string]Record, error) {
	text, err := os.ReadFile(file(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]Record{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the proofs of %s: %w", name, err)
	}
	records := map[string]Record{}
	if err := json.Unmarshal(text, &records); err != nil {
		return nil, fmt.Errorf("read the proofs of %s: %s: %w", name, file(dir, name), err)
	}
	return records, nil
}
