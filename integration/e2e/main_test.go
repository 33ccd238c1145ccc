package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the built cordon, race detector included.
var binary string

// concurrent is how many tests run at a time. They wait for timers of RADIUS
// most of the time, so that the number of processors says nothing.
const concurrent = "8"

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	flag.Parse()
	if err := flag.Set("test.parallel", concurrent); err != nil {
		return fail("set -test.parallel: %v", err)
	}
	if binary = os.Getenv(binaryOf); binary != "" { // in a namespace: the first process has built it
		return m.Run()
	}
	for program, install := range map[string]string{
		"redis-server": "redis-server", "freeradius": "freeradius", "radclient": "freeradius-utils",
		"hostapd": "hostapd", "wpa_supplicant": "wpasupplicant", "ip": "iproute2",
	} {
		if _, err := find(program); err != nil {
			return fail("these tests need a real %s; on Debian and Ubuntu: apt-get install %s", program, install)
		}
	}
	if _, err := os.Stat("/usr/lib/freeradius/rlm_rest.so"); err != nil {
		return fail("these tests need FreeRADIUS' rlm_rest; on Debian and Ubuntu: apt-get install freeradius-rest")
	}
	if _, err := os.Stat("/usr/lib/freeradius/rlm_rediswho.so"); err != nil {
		return fail("these tests need FreeRADIUS' rlm_rediswho; on Debian and Ubuntu: apt-get install freeradius-redis")
	}
	dir, err := os.MkdirTemp("", "cordon-e2e")
	if err != nil {
		return fail("%v", err)
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "cordon")
	if out, err := exec.Command("go", "build", "-race", "-o", binary, "cordon/cmd/cordon").CombinedOutput(); err != nil {
		return fail("build cordon: %v\n%s", err, out)
	}
	return m.Run()
}

// find looks for a program also where only root's PATH goes.
func find(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", program))
}

func fail(format string, args ...any) int {
	fmt.Fprintf(os.Stderr, "e2e: "+format+"\n", args...)
	return 1
}
