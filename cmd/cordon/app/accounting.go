package app

import (
	"fmt"
	"time"

	"cordon/quarantine"
	"cordon/radiusx/acct"
	"cordon/radiusx/bng"
	"cordon/store/spool"
)

// checkAccounting checks the accounting listener, who may send to it, and the spool.
func checkAccounting(d *document, cfg *Config, parts *Parts) {
	at := path{"accounting"}
	for i, listen := range cfg.Accounting.Listen {
		if err := acct.CheckListen(listen); err != nil {
			d.fail(at.to("listen", i), "%v", err)
		}
	}
	parts.Key = checkSubscriberKey(d, at.to("subscriber_key"), cfg.Accounting.SubscriberKey, parts.Dictionary)
	if err := spool.CheckMax(cfg.Accounting.Spool.Max); err != nil {
		d.fail(at.to("spool", "max"), "%v", err)
	}
	if err := quarantine.CheckAloneFor(cfg.Accounting.Spool.AloneFor.Std()); err != nil {
		d.fail(at.to("spool", "alone_for"), "%v", err)
	}
	checkSubscriber(d, cfg, parts)
	if len(cfg.Accounting.Listen) > 0 && len(cfg.Accounting.Clients) == 0 {
		d.fail(at.to("clients"), "must not be empty: name the BNGs or the relay that send accounting")
	}
	names := roster(cfg)
	for i := range cfg.Accounting.Clients {
		parts.Clients = append(parts.Clients, checkClient(d, at.to("clients", i), &cfg.Accounting.Clients[i], names))
	}
	for i, ignore := range cfg.Accounting.IgnoreSessions {
		if ignore == (Ignore{}) {
			d.fail(at.to("ignore_sessions", i), "must have realm or nas_port_id: it would ignore every session")
		}
		parts.Ignore = append(parts.Ignore, bng.Ignore(ignore))
	}
}

// checkClient checks one sender of accounting, and for whom it may speak.
func checkClient(d *document, p path, c *Client, names *quarantine.BNGRoster) acct.Client {
	if !c.Address.IsValid() {
		d.fail(p, "must have an address, such as 192.0.2.1/32")
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
	return client
}

// listens reports whether accounting comes to this instance.
func (a *App) listens(o Options) bool { return len(a.cfg.Accounting.Listen)+len(o.AccountingConns) > 0 }

// unworked returns what says how far accounting is stored; nil if none comes here and
// none is left.
func (a *App) unworked(o Options) func() (time.Time, bool) {
	if !a.listens(o) && a.host.Empty() {
		return nil
	}
	return func() (oldest time.Time, ok bool) {
		if a.acct == nil { // built before the engine runs
			return a.host.Oldest(nil)
		}
		return a.host.Oldest(a.acct.Oldest)
	}
}

// translation says how records become session events.
func (a *App) translation() bng.AccountingConfig {
	return bng.AccountingConfig{Plan: addressPlan(a.cfg), Ignore: a.parts.Ignore, Keys: a.parts.Keys, Key: a.parts.Key}
}

func (a *App) buildAccounting(fleet *bng.Fleet, o Options) error {
	if !a.listens(o) {
		return nil
	}
	a.accounting = bng.NewAccounting(fleet, a.host.Recorder(), a.translation())
	server, err := acct.New(acct.Config{
		Listen: a.cfg.Accounting.Listen, Conns: o.AccountingConns, Clients: a.parts.Clients, Handler: a.accounting,
		Dictionary: a.parts.Dictionary, Attributes: append(fleet.AccountingAttributes(), "User-Name"),
		Naming: fleet.NamingAttributes(a.parts.Key),
		BNGOf:  fleet.BNGOf, Holdable: quarantine.Holdable,
	})
	if err != nil {
		return fmt.Errorf("accounting: %w", err)
	}
	a.acct = server
	a.life.cleanUp("accounting listener", server.Close)
	return nil
}
