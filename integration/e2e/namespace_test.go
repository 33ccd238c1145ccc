package e2e

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// inNamespace is set in the environment of a test that was started again in a
// network namespace of its own; binaryOf is where the built cordon is.
const (
	inNamespace = "CORDON_E2E_IN_NAMESPACE"
	binaryOf    = "CORDON_E2E_BINARY"
)

// namespaced starts the test again, by itself, in a network namespace of its own,
// whose network is an empty loopback, and returns false when that has ended. In
// the second process it returns true: go on. Nothing of the host's network is
// seen or changed, and the kernel removes everything with the last process.
// Without root it takes a user namespace, too, where the kernel allows it.
func namespaced(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inNamespace) != "" {
		command(t, "ip", "link", "set", "lo", "up")
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.count", "1", "-test.v")
	cmd.Env = append(os.Environ(), inNamespace+"=1", binaryOf+"="+binary)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("in a network namespace of its own: %v\n%s", err, out)
	}
	return false
}

// command runs a program that must succeed.
func command(t *testing.T, program string, args ...string) {
	t.Helper()
	path, err := find(program)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
}
