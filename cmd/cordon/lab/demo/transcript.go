package demo

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// transcript records the server's CoA exchanges, one packet a Write in radclient's format,
// as "cordon serve --debug" prints them.
type transcript struct {
	mu      sync.Mutex // guards what follows
	packets []packet
	follow  func(text string) // called with each further packet; may be nil
}

// packet is one packet, a first transmission or an accepted reply.
type packet struct {
	direction, code string // Sent CoA-Request
	id              int
	from, to        string
	text            string
}

// Write implements io.Writer.
func (t *transcript) Write(text []byte) (int, error) {
	p := packet{text: string(text)}
	_, err := fmt.Sscanf(p.text, "%s %s Id %d from %s to %s", &p.direction, &p.code, &p.id, &p.from, &p.to)
	if err != nil {
		return 0, fmt.Errorf("read a packet's heading: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.packets = append(t.packets, p)
	if t.follow != nil {
		t.follow(p.text)
	}
	return len(text), nil
}

func (t *transcript) followWith(show func(text string)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.follow = show
}

// requests counts what was sent about a user.
func (t *transcript) requests(user string) int { return len(t.exchanges(user)) }

// exchange is a request and its reply; the reply is zero while there is none.
type exchange struct{ request, answer packet }

// exchanges returns those about a user, in the order of their requests.
func (t *transcript) exchanges(user string) []exchange {
	t.mu.Lock()
	defer t.mu.Unlock()
	var found []exchange
	for i, p := range t.packets {
		if p.direction != "Sent" || !strings.Contains(p.text, fmt.Sprintf("\tUser-Name = %q\n", user)) {
			continue
		}
		x := exchange{request: p}
		rest := t.packets[i+1:]
		if at := slices.IndexFunc(rest, p.answeredBy); at >= 0 {
			x.answer = rest[at]
		}
		found = append(found, x)
	}
	return found
}

func (p *packet) answeredBy(a packet) bool {
	return a.direction == "Received" && a.id == p.id && a.from == p.to && a.to == p.from
}
