package acct

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// CheckListen checks an address that the server listens on: host:port, where host is one
// address of this host. Answers leave from the address that a request came to, and BNGs
// trust no other.
func CheckListen(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("invalid address:port %q", listen)
	}
	if addr, err := netip.ParseAddr(host); err != nil || addr.IsUnspecified() {
		return errors.New("must be the address that the BNGs send to, so that answers leave from it")
	}
	return nil
}
