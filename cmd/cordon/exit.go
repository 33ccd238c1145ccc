package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"cordon/cmd/cordon/client"
	"cordon/integration/wire"
)

// Exit codes.
const (
	exitDone        = 0
	exitFailed      = 1   // refused, not found, a check failed
	exitUsage       = 2   // invalid command line; nothing was sent
	exitUnreachable = 3   // Cordon, or what it needs, is unreachable
	exitPartly      = 4   // done for some of several
	exitInterrupted = 130 // by a signal
)

// exitCode is that of an outcome.
func exitCode(o wire.Outcome) int {
	switch o {
	case wire.Done:
		return exitDone
	case wire.Partly:
		return exitPartly
	}
	return exitFailed
}

// exitError is an error with its exit code and what to do next.
type exitError struct {
	code int
	err  error
	next string // a command, or a short sentence; may be empty
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usage is an error of the command line.
func usage(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// failed is an error of the request; next is what to do.
func failed(next, format string, args ...any) error {
	return &exitError{code: exitFailed, err: fmt.Errorf(format, args...), next: next}
}

// explain returns the exit code of an error and what to do next. help is the command
// whose --help explains the usage.
func explain(err error, help string) (code int, next string) {
	var own *exitError
	var refused *wire.Problem
	var unreachable *client.UnreachableError
	switch {
	case errors.As(err, &own) && own.code == exitUsage:
		return exitUsage, help + " --help"
	case errors.As(err, &own):
		return own.code, own.next
	case errors.Is(err, context.Canceled):
		return exitInterrupted, ""
	case errors.As(err, &unreachable) && errors.As(err, &refused):
		return exitUnreachable, "see /readyz?verbose for what is unavailable, and retry"
	case errors.As(err, &unreachable):
		return exitUnreachable, "cordon serve -c FILE, or set the address with --addr or CORDON_ADDR"
	case errors.As(err, &refused):
		return exitFailed, afterRefusal(refused)
	}
	return exitFailed, ""
}

// caseID is a case's ID in a problem's detail.
var caseID = regexp.MustCompile(`\bc-[0-9A-Za-z]{16,}\b`)

// afterRefusal is what to do after each kind of problem.
func afterRefusal(p *wire.Problem) string {
	switch p.Status {
	case http.StatusUnauthorized:
		return "set a token with CORDON_TOKEN or --token"
	case http.StatusForbidden:
		return "use a token with that scope"
	case http.StatusNotFound:
		return "cordon quarantine list, or cordon session find --ip ADDRESS --at TIME"
	case http.StatusConflict:
		switch {
		case p.Missing != "":
			return "retry in some seconds, or use --subscriber; the holder shown may be wrong"
		case len(p.Candidates) > 0:
			return "choose one with --subscriber, or a session with --session"
		case p.Lines > 0:
			return "cordon quarantine add … --all-sessions, if all of them are meant"
		}
		if id := caseID.FindString(p.Detail); id != "" {
			return "cordon quarantine show " + id
		}
		return "cordon quarantine list"
	case http.StatusTooManyRequests:
		return "retry later, or raise the source's quota"
	case http.StatusUnprocessableEntity, http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		return "correct the field and retry"
	}
	return "see request_id " + p.RequestID + " in the server's log"
}
