package bngsim

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"time"

	"cordon/radiusx"
	"cordon/radiusx/bngsim"
)

// View is what is shown of a simulated BNG.
type View struct {
	Tables   io.Writer       // its sessions, when asked for
	Messages io.Writer       // everything else
	Show     <-chan struct{} // each value asks for the table; nil: never
	Changes  bool            // the table also whenever a session came, went or changed
	Packets  bool            // every datagram in radclient's wording, among the messages
}

// changesEvery is how often sessions are compared with what was shown last.
const changesEvery = 200 * time.Millisecond

// goodbye bounds how long the last record, Accounting-Off, waits for its answer.
const goodbye = 2 * time.Second

// Simulate runs a BNG until ctx ends: it announces itself (Accounting-On), logs
// its subscribers in, answers requests, and at the end sends Accounting-Off.
func Simulate(ctx context.Context, c Config, v View) error {
	v.Messages = &oneByOne{w: v.Messages}
	if v.Packets {
		c.OnPacket = Transcript(v.Messages, true)
	}
	b, err := Open(c, nil)
	if err != nil {
		return err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- b.Run(life) }()
	_, _ = fmt.Fprintf(v.Messages, "%s (%s) takes CoA and Disconnect requests at %s\n", c.Name, c.Platform, b.Addr())
	b.watch(ctx, c, v)
	last, cancel := context.WithTimeout(life, goodbye)
	defer cancel()
	if err := b.Off(last); err != nil {
		_, _ = fmt.Fprintf(v.Messages, "Accounting-Off was not answered: %v\n", err)
	}
	end()
	return <-ended
}

// watch brings the subscribers on line and shows what was asked for, until ctx
// ends.
func (b *BNG) watch(ctx context.Context, c Config, v View) {
	loggedIn := make(chan error, 1)
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { // ends with ctx at the latest
		err := b.On(ctx)
		if err == nil {
			err = b.LoginAll(ctx)
		}
		loggedIn <- err
	})
	ticker := time.NewTicker(changesEvery)
	defer ticker.Stop()
	shown := ""
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-loggedIn:
			if err != nil {
				_, _ = fmt.Fprintf(v.Messages, "log-in: %v\n", err)
				continue
			}
			_, _ = fmt.Fprintf(v.Messages, "%d subscribers are on line\n", c.Subscribers)
		case <-v.Show:
			shown = b.show(v.Tables)
		case <-ticker.C:
			if now := b.table(); v.Changes && now != shown {
				shown = b.show(v.Tables)
			}
		}
	}
}

func (b *BNG) show(w io.Writer) string {
	table := b.table()
	_, _ = fmt.Fprintf(w, "%s\n", table) // a closed terminal reads nothing
	return table
}

func (b *BNG) table() string {
	var text strings.Builder
	_ = bngsim.WriteTable(&text, b.Sessions()) // a Builder refuses nothing
	return text.String()
}

// Transcript returns an observer that writes datagrams in radclient's wording,
// each followed by what became of it unless that is the usual. Accounting is
// left out unless asked for.
func Transcript(w io.Writer, accounting bool) func(bngsim.Packet) {
	return func(p bngsim.Packet) {
		if p.Accounting && !accounting {
			return
		}
		direction, from, to := radiusx.Received, p.Peer, p.Local
		if p.Sent {
			direction, from, to = radiusx.Sent, p.Local, p.Peer
		}
		_, _ = io.WriteString(w, describe(direction, from, to, p)) // a closed terminal reads nothing
	}
}

func describe(direction radiusx.Direction, from, to netip.AddrPort, p bngsim.Packet) string {
	var text strings.Builder
	if err := radiusx.Builtin().Text(&text, direction, from, to, p.Datagram); err != nil {
		fmt.Fprintf(&text, "%s %d octets from %s to %s: %v\n", direction, len(p.Datagram), from, to, err)
	}
	if p.Note != bngsim.Handled {
		fmt.Fprintf(&text, "\t# %s\n", p.Note)
	}
	return text.String()
}

// oneByOne keeps writes of several goroutines apart.
type oneByOne struct {
	mu sync.Mutex // held while writing
	w  io.Writer
}

func (o *oneByOne) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(p)
}
