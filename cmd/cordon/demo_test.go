package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

func TestAnInterruptedDemoEndsWith130AndSaysNothingOfAFailure(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out stream
	var errs bytes.Buffer
	sh := &shell{in: strings.NewReader(""), out: &out, err: &errs, getenv: func(string) string { return "" }, now: time.Now}
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, sh, []string{"demo", "--once", "--embedded"}) }()
	dir := out.await(t, `config +(\S+)/cordon\.yaml`)
	interrupt()
	if code := <-ended; code != exitInterrupted {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
	if strings.Contains(errs.String(), "step ") || strings.Contains(out.String(), "stuck") {
		t.Errorf("an interrupted story was judged: %s", errs.String())
	}
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("%s is left behind", dir)
	}
}

func TestHeadingsAreBoldOnATerminalOnly(t *testing.T) {
	env := func(string) string { return "" }
	if bold(&bytes.Buffer{}, env) {
		t.Error("bold in a buffer")
	}
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if bold(file, env) {
		t.Error("bold in a file")
	}
}
