package demo

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// configuration is what the template of the server's configuration is filled
// with.
type configuration struct {
	Redis, Journal, Listen string
	AcctSecret             string
	BNGs                   []configuredBNG
}

// configuredBNG is a simulated BNG as the server knows it.
type configuredBNG struct {
	Name, Dialect, NASIP, Secret string
	Port                         uint16
	Normal                       string
}

//go:embed cordon.yaml.tmpl
var configurationText string

var configurationTemplate = template.Must(template.New("cordon.yaml").Parse(configurationText))

// write writes the configuration into a directory and returns the file's name.
func (c *configuration) write(dir string) (string, error) {
	var text strings.Builder
	if err := configurationTemplate.Execute(&text, c); err != nil {
		return "", fmt.Errorf("write the configuration: %w", err)
	}
	file := filepath.Join(dir, "cordon.yaml")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return "", fmt.Errorf("write the configuration: %w", err)
	}
	return file, nil
}
