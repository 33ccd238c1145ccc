package linecheck

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// checkProgram checks that the program can be executed.
func checkProgram(path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("exec: must be an absolute path: %s", path)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("exec: %w", err)
	case info.IsDir() || info.Mode()&0o111 == 0:
		return fmt.Errorf("exec: not executable: %s", path)
	}
	return nil
}

// lingers is how long a killed program may keep its output open.
const lingers = time.Second

// run starts the program with the query on its standard input and returns its standard
// output. The program and its children are killed when ctx ends.
func (c *Check) run(ctx context.Context, query []byte) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.config.Exec[0], c.config.Exec[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = lingers
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"} // without our secrets
	cmd.Stdin = bytes.NewReader(query)
	output := &bounded{}
	cmd.Stdout = output
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("no answer within %s", c.config.Timeout)
	case err != nil:
		return nil, fmt.Errorf("run %s: %w", c.config.Exec[0], err)
	case output.over:
		return nil, errTooLong
	}
	return output.kept, nil
}

var errTooLong = fmt.Errorf("answer longer than %d bytes", maxAnswer)

// bounded keeps the first maxAnswer bytes written to it.
type bounded struct {
	kept []byte
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	room := min(len(p), maxAnswer-len(b.kept))
	b.kept, b.over = append(b.kept, p[:room]...), b.over || room < len(p)
	return len(p), nil
}
