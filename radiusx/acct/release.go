package acct

import (
	"encoding/binary"
	"slices"
)

// Addresses that end while their session goes on are in vendors' attributes
// of Interim-Updates.
const (
	// JunosE and Junos: "Ipv4-release-control RADIUS VSA attribute [26-164]",
	// sent at once when the IPv4 address of a dual-stack subscriber was released,
	// then without Framed-IP-Address, and when another one was negotiated, then
	// with that one (JunosE 15.1, Broadband Access: "Releasing IPv4 Addresses
	// During Termination of PPP Sessions", "AAA Accounting Messages During IPCP
	// Negotiations for Dual-Stack Subscribers"). Its text is the operator's choice.
	vendorERX         = 4874
	erxReleaseControl = 164

	// Nokia: Alc-Acct-Triggered-Reason (7750 SR RADIUS Attributes Reference Guide
	// 22.2, "Accounting triggered reason").
	nokiaRegular = 1
)

// nokiaDown lists the reasons by which an address is released, with the
// attribute that had it.
var nokiaDown = map[uint32]string{
	5:  "Framed-IP-Address",     // Framed-IP-Address-down
	7:  "Framed-IPv6-Address",   // Alc-Ipv6-Address-down
	9:  "Delegated-IPv6-Prefix", // Delegated-IPv6-Prefix-down
	11: "Framed-IPv6-Prefix",    // Framed-IPv6-Prefix-down
}

// release reads from the value of a Vendor-Specific attribute which addresses the
// session does not have any more. Malformed ones are ignored.
func (d *decoded) release(value []byte) {
	if len(value) < 4 {
		return
	}
	vendor := binary.BigEndian.Uint32(value)
	if vendor != vendorERX && vendor != vendorNokia {
		return
	}
	for rest := value[4:]; len(rest) >= 2; rest = rest[rest[1]:] {
		if rest[1] < 2 || int(rest[1]) > len(rest) {
			return
		}
		switch data := rest[2:rest[1]]; {
		case vendor == vendorERX && rest[0] == erxReleaseControl:
			d.released("Framed-IP-Address")
		case vendor == vendorNokia && rest[0] == nokiaTriggered && len(data) == 4:
			reason := binary.BigEndian.Uint32(data)
			d.record.Triggered = d.record.Triggered || reason != nokiaRegular
			if kind, down := nokiaDown[reason]; down {
				d.released(kind)
				d.gone = append(d.gone, kind)
			}
		}
	}
}

func (d *decoded) released(kind string) {
	if !slices.Contains(d.record.Released, kind) {
		d.record.Released = append(d.record.Released, kind)
	}
}

// dropReleased takes out of an Interim-Update the addresses of the kinds that a
// BNG of Nokia says are down: where it names one, that is the one released.
// Other records than Interim-Updates release nothing.
func (d *decoded) dropReleased() {
	r := &d.record
	if r.Status != InterimUpdate {
		r.Released = nil
		return
	}
	for _, kind := range d.gone {
		if kind == "Framed-IP-Address" {
			r.FramedIP, r.MoreIPs = noAddr, nil
			continue
		}
		r.Prefixes = slices.DeleteFunc(r.Prefixes, func(p Prefix) bool { return p.Kind.String() == kind })
	}
}
