package demo

import (
	"context"
	"strings"
	"time"
)

// churnEvery is how often a line reconnects while the demo stays up.
const churnEvery = 5 * time.Second

// live stays up until ctx ends: lines reconnect now and then, Interim-Updates
// flow, and what Cordon sends because of what others ask of it is shown.
func (s *stage) live(ctx context.Context) {
	s.heading("The server stays up until Ctrl-C. Try, from another terminal:")
	line := s.bngs[0].Sessions()[0]
	for _, command := range []string{
		"cordon session find --ip %[1]s --addr %[2]s",
		"cordon verdict submit --ip %[1]s --category botnet --confidence 0.9 --addr %[2]s",
		"cordon quarantine list --addr %[2]s",
	} {
		s.say(command, line.IPv4, strings.TrimPrefix(s.api.base, "http://"))
	}
	s.heading("What Cordon sends and receives from now on:")
	s.transcript.followWith(s.packet)
	defer s.transcript.followWith(nil)
	s.churn(ctx)
}

// churn lets one line after the other reconnect with another address, from the
// last one on, so that those named on the screen keep theirs for long.
func (s *stage) churn(ctx context.Context) {
	ticker := time.NewTicker(churnEvery)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		b := s.bngs[n%len(s.bngs)]
		user := b.Subscribers[len(b.Subscribers)-1-n/len(s.bngs)%(len(b.Subscribers)/2)].User
		for _, session := range b.Find(user) {
			_, _ = b.Move(ctx, session.ID) // a line that cannot come back is off line
		}
	}
}
