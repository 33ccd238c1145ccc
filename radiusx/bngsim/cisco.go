package bngsim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"cordon/radiusx"
)

// ciscoISG is IOS and IOS-XE (isgcoa3, san-coa-supp): one command in a request,
// about one service; a query is answered with the active ones.
var ciscoISG = &behaviour{
	sessionID: func(n uint64) string { return fmt.Sprintf("%08X", 0x2F00+n) },
	identifiers: []string{
		"Acct-Session-Id", "User-Name", "Framed-IP-Address", "Calling-Station-Id", "NAS-Port-Id", "Cisco-Account-Info",
	},
	several: MultipleSessions, unnamed: MissingAttribute, checksNAS: true,
	together: obeyISG, atomic: true, checksProfiles: true, unknownName: InvalidRequest,
	checksAuthenticity: true, echoesProxyState: true, duplicateWindow: 60 * time.Second,
	reportsServices: true, serviceAttribute: "Cisco-Service-Info", parentAttribute: "Cisco-Parent-Session-Id",
}

// ciscoXR is IOS-XR (documents 212353, ta-p/3141601): several services in one
// request, all or nothing.
var ciscoXR = &behaviour{
	sessionID:   func(n uint64) string { return fmt.Sprintf("%08x", 0x4000+n) },
	identifiers: []string{"Acct-Session-Id", "User-Name", "Framed-IP-Address", "Calling-Station-Id", "NAS-Port-Id"},
	several:     MultipleSessions, unnamed: MissingAttribute, checksNAS: true,
	together: obeyXR, atomic: true, checksProfiles: true, unknownName: InvalidRequest,
	checksAuthenticity: true, echoesProxyState: true, duplicateWindow: 60 * time.Second,
}

// accountAddress is the address in a Cisco-Account-Info that names a session:
// S192.0.2.1, also with a port bundle or a VRF behind a colon.
func accountAddress(value string) string {
	address, _, _ := strings.Cut(strings.TrimPrefix(value, "S"), ":")
	return address
}

// pairs splits the Cisco-AVPairs "key=value" off the other attributes.
func pairs(attrs []radiusx.Attribute) (found [][2]string, rest []radiusx.Attribute) {
	for _, a := range attrs {
		key, value, ok := strings.Cut(a.Value, "=")
		if a.Name == "Cisco-AVPair" && ok {
			found = append(found, [2]string{key, value})
			continue
		}
		rest = append(rest, a)
	}
	return found, rest
}

// obeyISG reads subscriber:command and subscriber:service-name.
func obeyISG(c *changing, attrs []radiusx.Attribute) ([]radiusx.Attribute, ErrorCause) {
	found, rest := pairs(attrs)
	var command, service string
	for _, pair := range found {
		field := map[string]*string{"subscriber:command": &command, "subscriber:service-name": &service}[pair[0]]
		switch {
		case field == nil:
			return nil, UnsupportedAttribute
		case *field != "": // a second command, or a second service
			return nil, InvalidRequest
		}
		*field = pair[1]
	}
	if len(found) == 0 {
		return rest, OK
	}
	if service == "" && strings.HasSuffix(command, "activate-service") {
		return nil, MissingAttribute
	}
	switch command {
	case "activate-service":
		return rest, activateService(c, service)
	case "deactivate-service":
		return rest, deactivateService(c, service)
	case "account-status-query", "session-query":
		for _, name := range c.state.Services {
			c.says = append(c.says, radiusx.Attribute{Name: "Cisco-Account-Info", Value: "N1" + name})
		}
		return rest, OK
	}
	return nil, UnsupportedService
}

// obeyXR reads subscriber:sa and subscriber:sd, and access lists with
// subscriber:command=account-update.
func obeyXR(c *changing, attrs []radiusx.Attribute) ([]radiusx.Attribute, ErrorCause) {
	found, rest := pairs(attrs)
	for _, pair := range found {
		cause := OK
		switch key, value := pair[0], pair[1]; {
		case value == "":
			cause = MissingAttribute
		case key == "subscriber:sa":
			cause = activateService(c, value)
		case key == "subscriber:sd":
			cause = deactivateService(c, value)
		case slices.Contains(accessLists, key):
			c.override(strings.TrimPrefix(key, "ipv6:"), value)
		case key != "subscriber:command" || value != "account-update":
			cause = UnsupportedAttribute
		}
		if cause != OK {
			return nil, cause
		}
	}
	return rest, OK
}

var accessLists = []string{"ipv4:inacl", "ipv4:outacl", "ipv6:ipv6_inacl", "ipv6:ipv6_outacl"}
