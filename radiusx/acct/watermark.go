package acct

import (
	"container/heap"
	"net/netip"
	"sync"
	"time"
)

// watermark knows the event times of records that arrived and are not stored
// yet. A record that was dropped for want of room, or that the handler refused,
// stays in it until its retransmission is stored or linger has passed: it is
// known to exist, so whoever asks who held an address then must wait for it.
//
// Its methods may be called from any goroutine.
type watermark struct {
	linger time.Duration

	mu     sync.Mutex // guards what follows
	open   markHeap   // earliest event time first
	missed map[missedKey]*mark
	leave  []leaving // of missed marks, earliest first
}

// mark is one record's place in the watermark; owned by watermark.mu.
type mark struct {
	at    time.Time // event time
	index int       // place in the heap, -1 when removed
	until time.Time // when to forget a missed one
	key   missedKey
}

// missedKey recognises the retransmission of a record, whose identifier,
// authenticator and Acct-Delay-Time differ from the first one's.
type missedKey struct {
	client    *Client
	nas       NAS
	sessionID string
	address   netip.Addr // of a record without Acct-Session-Id
	status    Status
	time      time.Duration // Acct-Session-Time: the next Interim-Update is no retransmission
	block     PortBlock     // the first: each record of a NAT's session has others
}

func missedKeyOf(r *Record) missedKey {
	key := missedKey{client: r.Client, nas: r.NAS, sessionID: r.SessionID, status: r.Status, time: r.SessionTime}
	if len(r.Blocks) > 0 {
		key.block = r.Blocks[0]
	}
	if key.sessionID == "" {
		key.address = r.FramedIP
	}
	return key
}

type leaving struct {
	mark  *mark
	until time.Time // no longer the mark's own when it was missed again
}

// maxMissed bounds the missed records that are remembered; the oldest go first.
const maxMissed = 1 << 16

func newWatermark(linger time.Duration) *watermark {
	return &watermark{linger: linger, missed: make(map[missedKey]*mark)}
}

// begin adds a record.
func (w *watermark) begin(r *Record) *mark {
	m := &mark{at: r.Reported(), key: missedKeyOf(r)}
	w.mu.Lock()
	defer w.mu.Unlock()
	heap.Push(&w.open, m)
	return m
}

// stored notes that the record is durable, and so are earlier tries of it.
func (w *watermark) stored(m *mark) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.remove(m)
	if earlier, ok := w.missed[m.key]; ok && !earlier.at.After(m.at.Add(time.Second)) {
		w.remove(earlier) // a second of grace: delays are whole seconds
	}
}

// miss notes that the record was not stored and is expected again.
func (w *watermark) miss(m *mark, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expire(now)
	if earlier, ok := w.missed[m.key]; ok { // one mark for all tries: the earliest
		m.at = minTime(m.at, earlier.at)
		w.remove(earlier)
		heap.Fix(&w.open, m.index)
	}
	m.until = now.Add(w.linger)
	w.missed[m.key] = m
	w.leave = append(w.leave, leaving{m, m.until})
	for len(w.missed) > maxMissed {
		w.leaveFirst()
	}
}

// oldest returns the earliest event time of what is not stored.
func (w *watermark) oldest(now time.Time) (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expire(now)
	if len(w.open) == 0 {
		return time.Time{}, false
	}
	return w.open[0].at, true
}

// expire forgets missed records whose time is over.
func (w *watermark) expire(now time.Time) {
	for len(w.leave) > 0 && !w.leave[0].until.After(now) {
		w.leaveFirst()
	}
}

func (w *watermark) leaveFirst() {
	first := w.leave[0]
	w.leave[0] = leaving{}
	w.leave = w.leave[1:]
	if first.mark.until.Equal(first.until) {
		w.remove(first.mark)
	}
}

func (w *watermark) remove(m *mark) {
	if m.index >= 0 {
		heap.Remove(&w.open, m.index)
	}
	if w.missed[m.key] == m {
		delete(w.missed, m.key)
	}
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// markHeap implements heap.Interface and keeps each mark's index.
type markHeap []*mark

func (h markHeap) Len() int           { return len(h) }
func (h markHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h markHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *markHeap) Push(x any) {
	m := x.(*mark)
	m.index = len(*h)
	*h = append(*h, m)
}

func (h *markHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	last.index = -1
	*h = old[:len(old)-1]
	return last
}
