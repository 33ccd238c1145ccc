package app

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// /proc/uptime counts suspension too (proc_uptime(5)).
func TestUptimeIsThatOfTheMachine(t *testing.T) {
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		t.Fatal(err)
	}
	seconds, err := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	if machine := time.Duration(seconds * float64(time.Second)); (uptime() - machine).Abs() > 30*time.Second {
		t.Errorf("%s, and the machine's is %s", uptime(), machine)
	}
}
