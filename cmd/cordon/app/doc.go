// Package app puts Cordon together: it reads the configuration, builds the
// parts, registers them with each other and starts and stops them. It is the
// one place that may import everything, and holds no logic of its own.
package app
