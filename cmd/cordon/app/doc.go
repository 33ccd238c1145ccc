// Package app is the server: it reads the configuration, builds the parts, connects
// them, and starts and stops them. It is wiring: what is valid is checked by the package
// that a value belongs to, and this one shows its line and column; what happens when is
// decided in quarantine/engine. It imports no tool of cmd/cordon/lab.
package app
