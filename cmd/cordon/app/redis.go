package app

import (
	"cordon/radiusx"
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
