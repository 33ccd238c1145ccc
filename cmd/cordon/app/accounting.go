package app

import (
	"net"
	"net/netip"

	"cordon/quarantine"
	"cordon/radiusx/acct"
	"cordon/radiusx/bng"
	"cordon/store/spool"
)

func checkAccounting(d *document, cfg *Config, parts *Parts) {
	for i, listen := range cfg.Accounting.Listen {
		host, _, err := net.SplitHostPort(listen)
		if err != nil {
			d.fail(path{"accounting", "listen", i}, "%q is no address:port", listen)
		} else if addr, err := netip.ParseAddr(host); err != nil || addr.IsUnspecified() {
			d.fail(path{"accounting", "listen", i}, "give the address that the BNGs send to, so that answers leave from it")
		}
	}
	parts.Key = checkSubscriberKey(d, path{"accounting", "subscriber_key"}, cfg.Accounting.SubscriberKey, parts.Dictionary)
	if most := int64(cfg.Accounting.Spool.Max); most > 0 && most < spool.MinMax {
		d.fail(path{"accounting", "spool", "max"}, "is at least 1MiB, or 0 for no spool")
	}
	if err := quarantine.CheckAloneFor(cfg.Accounting.Spool.AloneFor.Std()); err != nil {
		d.fail(path{"accounting", "spool", "alone_for"}, "%v", err)
	}
	checkSubscriber(d, cfg, parts)
	if len(cfg.Accounting.Listen) > 0 && len(cfg.Accounting.Clients) == 0 {
		d.fail(path{"accounting", "clients"}, "nobody may send accounting: name the BNGs or the relay")
	}
	names := roster(cfg)
	for i, c := range cfg.Accounting.Clients {
		p := path{"accounting", "clients", i}
		if !c.Address.IsValid() {
			d.fail(p, "needs an address, such as 192.0.2.1/32")
		}
		for n, name := range c.RelayFor {
			if err := names.Check(name); err != nil {
				d.fail(p.to("relay_for", n), "%v", err)
			}
		}
		client := acct.Client{
			Prefix: c.Address, Secret: readRADIUSSecret(d, p, c.Secret, c.SecretFile), Relay: len(c.RelayFor) > 0, RelayFor: c.RelayFor,
			UnreportedDelay: c.UnreportedDelay.Std(),
		}
		if err := client.Validate(); err != nil && c.Address.IsValid() && !client.Secret.IsZero() {
			d.fail(p, "%v", err)
		}
		parts.Clients = append(parts.Clients, client)
	}
	for i, ignore := range cfg.Accounting.IgnoreSessions {
		if ignore == (Ignore{}) {
			d.fail(path{"accounting", "ignore_sessions", i}, "would ignore every session; name realm or nas_port_id")
		}
		parts.Ignore = append(parts.Ignore, bng.Ignore(ignore))
	}
}
