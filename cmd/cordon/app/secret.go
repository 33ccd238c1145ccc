package app

import "cordon/radiusx"

// readSecret returns the secret given as key or in the file named by key_file.
func readSecret(d *document, p path, key, value, file string) radiusx.Secret {
	var secret radiusx.Secret
	switch {
	case value != "" && file != "":
		d.fail(p.to(key), "must be given as %s or %s_file, not both", key, key)
	case value != "":
		secret, _ = radiusx.NewSecret(value) // refuses only an empty one
	case file != "":
		var err error
		if secret, err = radiusx.ReadSecret(file); err != nil {
			d.fail(p.to(key+"_file"), "%v", err)
		}
	default:
		d.fail(p, "must have %s or %s_file", key, key)
	}
	return secret
}

func readRADIUSSecret(d *document, p path, value, file string) radiusx.Secret {
	secret := readSecret(d, p, "secret", value, file)
	if !secret.IsZero() && secret.Weak() {
		d.warn(p, "the secret is weak: use 32 random characters or more")
	}
	return secret
}
