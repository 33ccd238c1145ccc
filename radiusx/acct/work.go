package acct

import (
	"context"
	"errors"
	"time"

	"cordon/radiusx/mmsg"
)

// work passes the records of one queue on in batches: whatever waits, up to
// Config.Batch. It ends when the queue is closed and empty.
func (s *Server) work(ctx context.Context, queue <-chan *exchange) {
	batch := make([]*exchange, 0, s.config.Batch)
	records := make([]Record, 0, s.config.Batch)
	for first := range queue {
		batch = append(batch[:0], first)
	fill:
		for len(batch) < cap(batch) {
			select {
			case x, ok := <-queue:
				if !ok {
					break fill
				}
				batch = append(batch, x)
			default:
				break fill
			}
		}
		s.handle(ctx, batch, records)
		clear(batch)
		clear(records[:len(batch)])
	}
}

// handle stores one batch and answers what became durable. The memory of records
// is its to use.
func (s *Server) handle(ctx context.Context, batch []*exchange, records []Record) {
	if ctx.Err() != nil {
		s.finish(batch, nil, Stopped)
		return
	}
	for _, x := range batch {
		records = append(records, x.record)
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.HandleTimeout)
	defer cancel()
	s.finish(batch, s.config.Handler.Handle(ctx, records), HandlerRefused)
}

// finish answers the exchanges whose error is nil or ErrRejected and drops the
// others for the reason given; results that do not fit the batch count as errors.
func (s *Server) finish(batch []*exchange, errs []error, reason Counter) {
	now := s.config.Now()
	stored := batch[:0]
	for i, x := range batch {
		switch {
		case len(errs) != len(batch):
			s.drop(x, reason, now)
		case errors.Is(errs[i], ErrRejected):
			x.reason = Rejected
			s.open.stored(x.mark)
			stored = append(stored, x)
		case errs[i] != nil:
			s.drop(x, reason, now)
		default:
			x.reason = Stored
			s.open.stored(x.mark)
			stored = append(stored, x)
		}
	}
	s.answerAll(stored, now)
}

// answerAll makes the answers to records that are done with, and sends together
// what leaves by one socket.
func (s *Server) answerAll(stored []*exchange, now time.Time) {
	answers := make([]mmsg.Datagram, 0, len(stored))
	for _, socket := range s.sockets {
		answers = answers[:0]
		for _, x := range stored {
			if x.socket == socket {
				answers = append(answers, mmsg.Datagram{Octets: s.sign(x, x.reason, now), Peer: x.key.from})
			}
		}
		if len(answers) > 0 {
			s.deliver(socket, answers)
		}
	}
}
