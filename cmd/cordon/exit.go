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
	exitUsage       = 2   // the command line is wrong; nothing was tried
	exitUnreachable = 3   // Cordon, or what it needs, does not answer
	exitPartly      = 4   // done for some of several
	exitInterrupted = 130 // ended by a signal before it was done
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

// exitError is an error that knows its exit code and what to do next.
type exitError struct {
	code int
	err  error
	next string // a command, or a short sentence; may be empty
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usage is a fault of the command line.
func usage(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// failed is a fault of what was asked; next is the step that helps.
func failed(next, format string, args ...any) error {
	return &exitError{code: exitFailed, err: fmt.Errorf(format, args...), next: next}
}

// verdictOn finds the exit code of an error and the next step to name with it.
// help is the command whose --help explains the usage.
func verdictOn(err error, help string) (code int, next string) {
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
		return exitUnreachable, "ask /readyz?verbose what is missing, and try again"
	case errors.As(err, &unreachable):
		return exitUnreachable, "cordon serve -c FILE, or name the address with --addr or CORDON_ADDR"
	case errors.As(err, &refused):
		return exitFailed, afterRefusal(refused)
	}
	return exitFailed, ""
}

// caseID is how a case is named in the words of a refusal.
var caseID = regexp.MustCompile(`\bc-[0-9A-Za-z]{16,}\b`)

// afterRefusal is the step that helps after each kind of refusal.
func afterRefusal(p *wire.Problem) string {
	switch p.Status {
	case http.StatusUnauthorized:
		return "name a token with CORDON_TOKEN or --token"
	case http.StatusForbidden:
		return "use a token that has the scope"
	case http.StatusNotFound:
		return "cordon quarantine list, or cordon session find --ip ADDRESS --at TIME"
	case http.StatusConflict:
		switch {
		case p.Missing != "":
			return "again in some seconds, or name the subscriber with --subscriber; the one who is shown need not be it"
		case len(p.Candidates) > 0:
			return "name one of them with --subscriber, or its session with --session"
		case p.Lines > 0:
			return "cordon quarantine add … --all-sessions, if all of them are meant"
		}
		if id := caseID.FindString(p.Detail); id != "" {
			return "cordon quarantine show " + id
		}
		return "cordon quarantine list"
	case http.StatusTooManyRequests:
		return "wait, or have the source's quota raised"
	case http.StatusUnprocessableEntity, http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		return "correct the field and send it again"
	}
	return "look for request_id " + p.RequestID + " in the server's log"
}
