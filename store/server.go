package store

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"cordon/quarantine"
)

// ValidateServer checks how a Redis is reached: addrs are host:port or the path of a Unix
// socket, several of them a Cluster or, with the name of a master, its Sentinels. Paths
// are the keys addrs and db.
func ValidateServer(addrs []string, masterName string, db int) quarantine.Faults {
	var f quarantine.Faults
	if len(addrs) == 0 {
		f = append(f, quarantine.Fault{Path: "addrs", Err: errors.New("must not be empty")})
	}
	for i, addr := range addrs {
		if _, _, err := net.SplitHostPort(addr); err != nil && !strings.HasPrefix(addr, "/") {
			f = append(f, quarantine.Fault{
				Path: fmt.Sprintf("addrs[%d]", i), Err: fmt.Errorf("invalid address %q: must be host:port or the path of a socket", addr),
			})
		}
	}
	switch {
	case db < 0:
		f = append(f, quarantine.Fault{Path: "db", Err: errors.New("must not be negative")})
	case db != 0 && masterName == "" && len(addrs) > 1:
		f = append(f, quarantine.Fault{Path: "db", Err: errors.New("must be 0: a Cluster has no other database")})
	}
	return f
}

// CheckKeyPrefix checks what every key begins with: it must not be mistaken for a hash tag,
// a pattern or a part of the key.
func CheckKeyPrefix(prefix string) error {
	if prefix == "" || strings.ContainsAny(prefix, "{}*?[]\\: \t\r\n") {
		return fmt.Errorf("invalid prefix %q: must be a word without braces, brackets, colons, spaces and pattern characters", prefix)
	}
	return nil
}
