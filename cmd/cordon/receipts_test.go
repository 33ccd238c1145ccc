package main

import (
	"errors"
	"strings"
	"testing"

	"cordon/integration/wire"
)

func TestThrottledVerdictsAreAnErrorThatSaysWhenToComeBack(t *testing.T) {
	accepted, throttled := wire.Receipt{Status: "accepted"}, wire.Receipt{Status: "throttled", RetryAfter: "1m30s"}
	rejected := wire.Receipt{Status: "rejected"}
	for _, c := range []struct {
		receipts []wire.Receipt
		code     int
		says     string
	}{
		{[]wire.Receipt{accepted, throttled}, exitPartly, "1 of 2 verdicts were throttled"},
		{[]wire.Receipt{throttled, throttled}, exitFailed, "2 of 2 verdicts were throttled"},
		{[]wire.Receipt{accepted, throttled, rejected}, exitPartly, "1 of 3 verdicts were rejected, 1 throttled"},
	} {
		var err *exitError
		if !errors.As(judgeReceipts(c.receipts), &err) || err.code != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %+v, want %d %q", c.receipts, err, c.code, c.says)
		}
		if c.code == exitFailed && !strings.Contains(err.next, "1m30s") {
			t.Errorf("hint %q", err.next)
		}
	}
	if err := judgeReceipts([]wire.Receipt{accepted}); err != nil {
		t.Error(err)
	}
}
