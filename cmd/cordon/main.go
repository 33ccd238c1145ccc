// Command cordon is Cordon's one binary: the server, the tools around it, and
// the client of its HTTP API.
//
// This package is commands, flags and how answers are printed, one file a
// command. What the server is made of is put together in package app; what the
// client sends goes through package client.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	// The first signal ends what is under way in good order, the second at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	sh := &shell{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, now: time.Now}
	os.Exit(run(ctx, sh, os.Args[1:]))
}
