package store

import (
	"context"
	"embed"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// The scripts. Each checks everything before it writes anything, for Redis does
// not roll back what a failed script has written.
var (
	//go:embed lua/*.lua
	luaFiles embed.FS

	replaceScript   = mustLoad("replace")
	renewScript     = mustLoad("renew")
	indexScript     = mustLoad("index")
	bindingScript   = mustLoad("binding")
	sharedScript    = mustLoad("shared")
	resetScript     = mustLoad("reset")
	wakeScript      = mustLoad("wake")
	saveScript      = mustLoad("save")
	loginScript     = mustLoad("login")
	verdictScript   = mustLoad("verdict")
	leaseDueScript  = mustLoad("leasedue")
	finishDueScript = mustLoad("finishdue")
	senderScript    = mustLoad("sender")
	probeScript     = mustLoad("probe")
	resignScript    = mustLoad("resign")

	publishScript   = mustLoad("publish")
	instancesScript = mustLoad("instances")
	departScript    = mustLoad("depart")
	restoreScript   = mustLoad("restore")
	reachableScript = mustLoad("reachable")
	sourcesScript   = mustLoad("sources")

	maintenanceScript = mustLoad("maintenance")
)

// mustLoad panics on a file that is not embedded: a defect of the build.
func mustLoad(name string) *redis.Script {
	text, err := luaFiles.ReadFile("lua/" + name + ".lua")
	if err != nil {
		panic(err)
	}
	return redis.NewScript(string(text))
}

// call is one run of a script on keys of one slot, or of a plain command.
type call struct {
	script  *redis.Script
	command string // instead of script; it has one key
	keys    []string
	args    []any
	cmd     *redis.Cmd // the answer, after run
	then    func()     // what is known when it has succeeded; nil: nothing
}

// stored notes that the call has succeeded.
func (c *call) stored() {
	if c.then != nil {
		c.then()
	}
}

// run sends all calls in one pipeline. A node that does not know a script yet
// gets its text, after all others; run reports whether that was so. Errors are left
// in each call's cmd.
func (s *Store) run(ctx context.Context, calls []*call) (again bool) {
	s.pipeline(ctx, calls, func(p redis.Pipeliner, c *call) *redis.Cmd {
		if c.script == nil {
			return p.Do(ctx, append([]any{c.command, c.keys[0]}, c.args...)...)
		}
		return c.script.EvalSha(ctx, p, c.keys, c.args...)
	})
	var unknown []*call
	for _, c := range calls {
		if redis.HasErrorPrefix(c.cmd.Err(), "NOSCRIPT") {
			unknown = append(unknown, c)
		}
	}
	s.pipeline(ctx, unknown, func(p redis.Pipeliner, c *call) *redis.Cmd {
		return c.script.Eval(ctx, p, c.keys, c.args...)
	})
	return len(unknown) > 0
}

func (s *Store) pipeline(ctx context.Context, calls []*call, send func(redis.Pipeliner, *call) *redis.Cmd) {
	if len(calls) == 0 {
		return
	}
	p := s.client.Pipeline()
	for _, c := range calls {
		c.cmd = send(p, c)
	}
	_, _ = p.Exec(ctx) // each command carries its own error
}

// ms writes a time as Redis keeps it in scores: milliseconds since 1970.
func ms(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// ttl writes a duration for PEXPIRE, never less than a minute: what is written
// shall be readable by whoever waits for it.
func ttl(d time.Duration) string {
	return strconv.FormatInt(max(d, time.Minute).Milliseconds(), 10)
}

// unexpected is the error for an answer that a script of ours cannot give.
func unexpected(script string, answer any) error {
	return fmt.Errorf("script %s answered %v", script, answer)
}
