package e2e

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a program that a test started; its output goes to a file, which
// survives restarts and is printed if the test fails.
type process struct {
	t    testing.TB
	name string
	log  string // file
	cmd  *exec.Cmd
	done chan error // delivers what Wait returned
}

// start starts the program. The kernel ends it with us, should we be killed
// before any clean-up.
func (p *process) start(program string, env []string, args ...string) {
	p.t.Helper()
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer out.Close() // the child has its own
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr, cmd.Env = out, out, append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("start %s: %v", p.name, err)
	}
	p.cmd, p.done = cmd, make(chan error, 1)
	go func() { p.done <- cmd.Wait() }() // ends with the process
}

// running reports whether the program was started and has not ended by itself.
func (p *process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case err := <-p.done:
		p.done <- err
		return false
	default:
		return true
	}
}

// kill ends the program as a power cut would, and waits until it is gone.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill() // it may be gone already
	<-p.done
	p.cmd = nil
}

// end asks the program to end and waits; an exit code other than 0 is a fault.
func (p *process) end(timeout time.Duration) {
	p.t.Helper()
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
	select {
	case err := <-p.done:
		if err != nil {
			p.t.Errorf("%s ended with: %v", p.name, err)
		}
	case <-time.After(timeout):
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // a Go program shows its goroutines
		time.Sleep(time.Second)
		_ = p.cmd.Process.Kill() // it may be gone by now
		<-p.done
		p.t.Errorf("%s did not end within %s of SIGTERM", p.name, timeout)
	}
	p.cmd = nil
}

// output returns what the program has written so far.
func (p *process) output() string {
	text, err := os.ReadFile(p.log)
	if err != nil && !os.IsNotExist(err) {
		p.t.Error(err)
	}
	return string(text)
}

// showIfFailed prints the end of the output of a test that failed.
func (p *process) showIfFailed() {
	if !p.t.Failed() {
		return
	}
	const most = 400
	lines := slices.DeleteFunc(strings.Split(p.output(), "\n"), func(line string) bool {
		return strings.Contains(line, `"method":"GET"`) // ours, while waiting
	})
	if len(lines) > most {
		lines = append([]string{"…"}, lines[len(lines)-most:]...)
	}
	p.t.Logf("%s wrote:\n%s", p.name, strings.Join(lines, "\n"))
}
