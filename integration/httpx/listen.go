package httpx

import (
	"fmt"
	"net"
	"net/netip"
)

// CheckListen checks where an API listens: host:port. Without tokens everybody who can
// reach it may do everything, so it must be a loopback address then.
func CheckListen(listen string, tokens int) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("invalid host:port %q", listen)
	}
	if tokens > 0 || host == "localhost" {
		return nil
	}
	if addr, err := netip.ParseAddr(host); err != nil || !addr.IsLoopback() {
		return fmt.Errorf("%s must be a loopback address: an API that others can reach must have http.tokens", listen)
	}
	return nil
}
