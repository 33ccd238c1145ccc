package app

import (
	"context"

	"cordon/integration/radacct"
	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/acct"
	"cordon/radiusx/bng"
)

// imports passes rows of another program's sessions to the translator.
type imports struct{ importer *bng.Importer }

// Load implements what package radacct asks for.
func (im imports) Load(ctx context.Context, rows []radacct.Session) []error {
	sessions := make([]bng.ImportedSession, len(rows))
	for i := range rows {
		sessions[i] = importedSession(&rows[i])
	}
	return im.importer.Import(ctx, sessions)
}

func importedSession(s *radacct.Session) bng.ImportedSession {
	nas := acct.NAS{Identifier: s.NASName}
	if s.NAS.Is4() {
		nas.IP = s.NAS
	} else {
		nas.IPv6 = s.NAS
	}
	return bng.ImportedSession{
		ID: s.ID, NAS: nas, UserName: s.User, Start: s.Start, Seen: s.Seen, Stop: s.Stop,
		Addresses: s.Addresses, Attributes: attributesOf(s.Attributes), Naming: attributesOf(s.Naming),
	}
}

func attributesOf(all []quarantine.Attribute) []radiusx.Attribute {
	list := make([]radiusx.Attribute, len(all))
	for i, a := range all {
		list[i] = radiusx.Attribute{Name: a.Name, Value: a.Value}
	}
	return list
}
