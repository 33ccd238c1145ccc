//go:build !linux

package demo

import "syscall"

// childAttributes keep Ctrl-C, which a terminal sends to all of a group, from
// ending the child before the server. A child outlives this process here if
// that is killed.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
