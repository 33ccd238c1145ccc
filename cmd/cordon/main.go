// Command cordon is Cordon's one binary: the server, the tools of its laboratory, and
// the command-line client of its HTTP API.
//
// This package is commands, flags and output formats, one file a command. Package app
// wires the server, package client sends the requests, and package wire has their JSON.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	// The first signal shuts down in order, the second at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	sh := &shell{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, now: time.Now}
	os.Exit(run(ctx, sh, os.Args[1:]))
}
