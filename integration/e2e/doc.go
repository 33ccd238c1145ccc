// Package e2e holds the tests of Cordon as a whole: the built binary, started
// as an operator starts it, between parts that share no code with it. A real
// redis-server keeps its state, FreeRADIUS stands for the BNG and for the AAA
// server beside which Cordon is set up, and radclient reports sessions and
// judges packets. hostapd, with a station that logs in over a cable in a network
// namespace of the test's own, is the dynamic authorization server that is strict
// about signatures and time. What the tests see is what an operator sees: exit codes and
// output of the command line, the API, and what FreeRADIUS logged.
//
// It is not where the packages' own promises are proved; those stand with the
// packages. It holds no product code. A machine on which redis-server,
// FreeRADIUS or hostapd is missing fails the tests: there is nothing to be said about
// Cordon then. Namespaces need root, or a kernel that lets users make their own
// (as Debian's does; Docker's default profile does not: --cap-add SYS_ADMIN and
// NET_ADMIN).
package e2e
