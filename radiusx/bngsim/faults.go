package bngsim

// Faults are how a BNG misbehaves. The zero Faults is a good BNG. In and Out are
// the paths of the dynamic authorization server's datagrams, AcctIn and AcctOut
// those of accounting.
type Faults struct {
	In, Out         Link
	AcctIn, AcctOut Link

	AckIgnore        bool       // ACK every change of authorization, apply none
	NAK              ErrorCause // refuse every request with this; OK for not
	Silent           bool       // read requests, do nothing, say nothing
	BadAuthenticator bool       // sign answers with another secret
}

// SetFaults replaces the faults from the next datagram on.
func (b *BNG) SetFaults(f Faults) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = f
}

// Faults returns what SetFaults set.
func (b *BNG) Faults() Faults {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.faults
}

// NAKNext refuses the next n requests that are not duplicates with cause.
func (b *BNG) NAKNext(n int, cause ErrorCause) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nakNext, b.nakCause = n, cause
}

// ordered returns the refusal that faults order for a request; the caller
// holds b.mu.
func (b *BNG) ordered() ErrorCause {
	if b.nakNext > 0 {
		b.nakNext--
		return b.nakCause
	}
	return b.faults.NAK
}
