package demo

import "syscall"

// childAttributes make a child end with this process even if that is killed,
// and keep Ctrl-C, which a terminal sends to all of a group, from ending the
// child before the server.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
