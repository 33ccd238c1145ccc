package coa

// bufferSize is asked of the kernel for either direction of each port, in
// octets: some thousand answers.
const bufferSize = 4 << 20

// buffers is what the kernel gave a socket, in octets; 0 if unknown.
type buffers struct{ receive, send int }

// short reports whether that is less than was asked for.
func (b buffers) short() bool {
	return b.receive > 0 && b.receive < bufferSize || b.send > 0 && b.send < bufferSize
}
