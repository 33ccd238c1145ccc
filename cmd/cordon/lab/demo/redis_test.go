package demo

import (
	"bufio"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// helperKey, in the environment, makes the test binary a process that starts a
// redis-server in the directory it names and waits to be killed.
const helperKey = "CORDON_DEMO_TEST_REDIS"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperKey); dir != "" {
		holdRedis(dir)
	}
	os.Exit(m.Run())
}

func holdRedis(dir string) {
	r, err := startRedis(dir, false)
	if err != nil {
		_, _ = os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString(r.addr + "\n")
	time.Sleep(time.Hour)
}

func answers(socket string) bool {
	_, err := askVersion(socket)
	return err == nil
}

func TestAKilledDemoLeavesNoRedisServer(t *testing.T) {
	dir, err := os.MkdirTemp("", "redis") // a socket's path is at most 107 octets
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), helperKey+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	socket := lines.Text()
	if !answers(socket) {
		t.Errorf("%q is no redis-server that answers", socket)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	for deadline := time.Now().Add(redisStart); answers(socket); time.Sleep(poll) {
		if time.Now().After(deadline) {
			t.Fatal("redis-server outlives the process that started it")
		}
	}
}

func TestAStoppedRedisServerIsGone(t *testing.T) {
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	r, err := startRedis(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	if r.ended == nil || !answers(r.addr) {
		t.Fatalf("no child that answers: %s", r.about)
	}
	r.stop()
	if answers(r.addr) {
		t.Error("it answers still")
	}
}

// onPath puts a program of that name alone on PATH.
func onPath(t *testing.T, name, text string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
}

func TestWhereARedisServerCannotBeUsedTheEmbeddedOneIsAndItIsSaid(t *testing.T) {
	for _, test := range []struct{ name, program, text, about string }{
		{"none", "other", "", "embedded, for there is no redis-server on PATH"},
		{"one that ends", "redis-server", "#!/bin/sh\nexit 3\n", "it ended at once: exit status 3"},
		{"one that is no program", "redis-server", "\x00\x01", "embedded, for "},
	} {
		t.Run(test.name, func(t *testing.T) {
			onPath(t, test.program, test.text)
			r, err := startRedis(t.TempDir(), false)
			if err != nil {
				t.Fatal(err)
			}
			defer r.stop()
			if !strings.HasPrefix(r.about, "embedded") || !strings.Contains(r.about, test.about) {
				t.Errorf("want %q, got %q", test.about, r.about)
			}
			conn, err := net.Dial("tcp", r.addr)
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.Close()
		})
	}
}

func TestARedisThatIsTooOldIsNotUsed(t *testing.T) {
	for _, test := range []struct {
		text string
		want error
	}{{"7.0.15", nil}, {"8.2.1", nil}, {"6.2.7", errTooOld}, {"unstable", errTooOld}} {
		if err := redisVersion(test.text).check(); !errors.Is(err, test.want) {
			t.Errorf("%s: want %v, got %v", test.text, test.want, err)
		}
	}
}
