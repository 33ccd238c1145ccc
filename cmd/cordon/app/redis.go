package app

import (
	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/bng"
	"cordon/store"
)

// checkRedis checks where sessions and cases are kept.
func checkRedis(d *document, cfg *Config, parts *Parts) {
	r, at := &cfg.Redis, path{"redis"}
	d.add(at, store.ValidateServer(r.Addrs, r.MasterName, r.DB))
	parts.RedisPassword = readPassword(d, at, r.PasswordFile)
	if err := store.CheckKeyPrefix(r.KeyPrefix); err != nil {
		d.fail(at.to("key_prefix"), "%v", err)
	}
}

// readPassword returns the password of a Redis, empty if it has none.
func readPassword(d *document, at path, file string) string {
	if file == "" {
		return ""
	}
	secret, err := radiusx.ReadSecret(file)
	if err != nil {
		d.fail(at.to("password_file"), "%v", err)
	}
	return string(secret.Bytes())
}

// StoreConfig says where sessions and cases are, and how they are kept.
func StoreConfig(cfg *Config, parts *Parts, fleet *bng.Fleet) store.Config {
	r := cfg.Redis
	return store.Config{
		Addrs: r.Addrs, MasterName: r.MasterName, DB: r.DB, Username: r.Username, Password: store.Password(parts.RedisPassword),
		KeyPrefix: r.KeyPrefix, History: cfg.Attribution.History.Std(), VerdictMemory: cfg.Attribution.VerdictRetention(),
		Restricted: func(x quarantine.Attribute) bool { return fleet.Restricted(x.Value) }, Interim: interim(cfg), Names: parts.Names,
	}
}
