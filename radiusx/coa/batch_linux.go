package coa

import (
	"errors"
	"net"

	"cordon/radiusx"
	"cordon/radiusx/mmsg"
)

// batches gives p the sides of a socket that carry many datagrams in one system
// call, and starts the goroutine that one of them needs.
func (c *Client) batches(p *port, udp *net.UDPConn) bool {
	raw, err := udp.SyscallConn()
	if err != nil {
		return false
	}
	complaints := newErrorQueue(raw, func(about icmpError) { c.noteICMPError(p, about) })
	reader, errReader := mmsg.NewReader(udp, batchSize, radiusx.MaxPacketLength) // what is beyond the largest packet is padding
	writer, errWriter := newBatchWriter(udp, complaints)
	if errors.Join(errReader, errWriter) != nil {
		return false
	}
	o := newOutbox(writer, &c.counters)
	p.receiver, p.sender = &batchReceiver{reader, complaints}, o
	c.running.Go(func() { o.run(c.done) })
	return true
}

// batchReceiver is the receiving side of a UDP socket.
type batchReceiver struct {
	reader *mmsg.Reader
	errors *errorQueue
}

func (r *batchReceiver) receive() ([]mmsg.Datagram, error) {
	for {
		came, err := r.reader.Read()
		if err == nil || !r.errors.drainAfter(err) {
			return came, err // the reader only counts it
		}
	}
}

// udpWriter is the sending side of a UDP socket. It belongs to one goroutine.
type udpWriter struct {
	*mmsg.Writer
	errors *errorQueue
	memory [batchSize]mmsg.Datagram
}

func newBatchWriter(udp *net.UDPConn, complaints *errorQueue) (*udpWriter, error) {
	w, err := mmsg.NewWriter(udp, batchSize)
	return &udpWriter{Writer: w, errors: complaints}, err
}

// maxICMPErrors is how many errors about other datagrams a send passes over
// before it takes one for its own.
const maxICMPErrors = 16

func (w *udpWriter) write(batch []*inFlight) (int, error) {
	left := w.memory[:0]
	for _, f := range batch {
		left = append(left, mmsg.Datagram{Octets: f.octets, Peer: f.peer})
	}
	passed := 0
	for len(left) > 0 {
		n, err := w.Write(left)
		switch left = left[n:]; {
		case err == nil:
			if passed = 0; len(left) > 0 {
				w.errors.drain() // an error ended the call early, and it does not say which
			}
		case passed < maxICMPErrors && w.errors.drainAfter(err):
			passed++
		default:
			return len(batch) - len(left), err
		}
	}
	return len(batch), nil
}
